"""Credentials are found where AWS tools find them, answered from memory, renewed in time, and never shown."""

import asyncio
import json
import sys
import threading
from pathlib import Path

import pytest

from proviso.aws.credentials import BearerFile, BearerKey, ChainCredentials, StaticKeys
from proviso.aws.protocol import Bearer, CredentialSource, Keys, NoCredentials
from proviso.aws.renewal import Renewal

HOUR = 3600.0


class Hands:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Issuer:
    """Gives out keys that expire after an hour; slow while `gate` is shut, empty-handed while `closed`."""

    def __init__(self, clock: Hands) -> None:
        self._clock = clock
        self.gate = threading.Event()
        self.gate.set()
        self.closed = False
        self.looks = 0

    def __call__(self) -> Keys:
        self.looks += 1
        self.gate.wait(30)
        if self.closed:
            raise NoCredentials("the issuer is closed", fix="open it")
        return Keys(f"key-{self.looks}", "secret", "", self._clock.now + HOUR)


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def issuer(clock: Hands) -> Issuer:
    return Issuer(clock)


@pytest.fixture
def renewal(issuer: Issuer, clock: Hands) -> Renewal:
    return Renewal(issuer, clock=clock)


async def name(source: CredentialSource) -> str:
    found = await source.current()
    assert isinstance(found, Keys)
    return found.access_key


async def until_looked(renewal: Renewal) -> None:
    """Wait for the look that is under way in the background."""
    looking = renewal._looking
    assert looking is not None
    await looking


async def test_what_is_known_is_answered_from_memory(renewal: Renewal, issuer: Issuer) -> None:
    assert [await name(renewal) for _ in range(5)] == ["key-1"] * 5
    assert issuer.looks == 1


async def test_many_who_ask_at_once_cause_one_look(renewal: Renewal, issuer: Issuer) -> None:
    assert set(await asyncio.gather(*(name(renewal) for _ in range(50)))) == {"key-1"}
    assert issuer.looks == 1


async def test_newer_keys_are_fetched_while_the_old_ones_serve(
    renewal: Renewal, issuer: Issuer, clock: Hands
) -> None:
    await name(renewal)
    clock.now += HOUR - 600
    issuer.gate.clear()
    assert [await name(renewal) for _ in range(3)] == ["key-1"] * 3
    issuer.gate.set()
    await until_looked(renewal)
    assert await name(renewal) == "key-2"
    assert issuer.looks == 2


async def test_at_their_end_callers_wait_for_the_new_ones(renewal: Renewal, clock: Hands) -> None:
    await name(renewal)
    clock.now += HOUR - 30
    assert set(await asyncio.gather(name(renewal), name(renewal))) == {"key-2"}


async def test_old_keys_serve_to_the_last_where_none_newer_can_be_had(
    renewal: Renewal, issuer: Issuer, clock: Hands
) -> None:
    await name(renewal)
    issuer.closed = True
    clock.now += HOUR - 1
    assert await name(renewal) == "key-1"
    clock.now += 1
    with pytest.raises(NoCredentials, match="the issuer is closed; open it"):
        await name(renewal)


async def test_a_look_that_failed_is_not_repeated_at_once_but_soon(
    renewal: Renewal, issuer: Issuer, clock: Hands
) -> None:
    issuer.closed = True
    for _ in range(3):
        with pytest.raises(NoCredentials):
            await name(renewal)
    assert issuer.looks == 1
    issuer.closed = False
    clock.now += 10
    assert await name(renewal) == "key-2"


async def test_keys_that_were_refused_are_looked_for_at_once_but_not_again_and_again(
    renewal: Renewal, issuer: Issuer, clock: Hands
) -> None:
    first = await renewal.current()
    clock.now += 10
    second = await renewal.current(first)
    assert (await name(renewal), issuer.looks, second != first) == ("key-2", 2, True)
    assert (await renewal.current(second), issuer.looks) == (second, 2)


async def test_who_gives_up_waiting_does_not_spoil_it_for_others(renewal: Renewal, issuer: Issuer) -> None:
    issuer.gate.clear()
    impatient, patient = asyncio.create_task(name(renewal)), asyncio.create_task(name(renewal))
    await asyncio.sleep(0)
    impatient.cancel()
    issuer.gate.set()
    assert await patient == "key-1"


async def test_keys_that_have_expired_already_are_not_used(clock: Hands) -> None:
    renewal = Renewal(lambda: Keys("a", "b", "", clock.now - 1), clock=clock)
    with pytest.raises(NoCredentials, match="expired already"):
        await renewal.current()


async def test_given_keys_are_given_back() -> None:
    assert await StaticKeys("a", "b", "c").current() == Keys("a", "b", "c")
    assert await BearerKey("k").current() == Bearer("k")


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "schlüssel", "\x00"])
def test_what_cannot_stand_in_a_header_is_no_key(key: str) -> None:
    with pytest.raises(NoCredentials) as refused:
        BearerKey(key)
    assert not key or key not in str(refused.value)


async def test_a_key_in_a_file_may_be_replaced(tmp_path: Path, clock: Hands) -> None:
    file = tmp_path / "key"
    file.write_text("first\n")
    source = BearerFile(file, clock=clock)
    assert await source.current() == Bearer("first")
    file.write_text("second\n")
    clock.now += HOUR
    assert await source.current() == Bearer("first")
    await until_looked(source._renewal)
    assert await source.current() == Bearer("second")


async def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoCredentials, match=r"nothing-here` cannot be read"):
        await BearerFile(tmp_path / "nothing-here").current()


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine where nothing of AWS is set up; its shared configuration is the file `config` here."""
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("BOTO_CONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("aws")
async def test_the_chain_finds_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    assert await ChainCredentials().current() == Keys("AKIA", "secret", "token", source="env")


async def test_the_chain_finds_a_profile(aws: Path) -> None:
    (aws / "credentials").write_text("[team]\naws_access_key_id = AKIB\naws_secret_access_key = s\n")
    assert await ChainCredentials("team").current() == Keys("AKIB", "s", source="shared-credentials-file")


async def test_the_chain_says_when_what_a_process_gives_expires(aws: Path) -> None:
    given = {"Version": 1, "AccessKeyId": "AKIC", "SecretAccessKey": "s", "SessionToken": "t"}
    (aws / "keys.json").write_text(json.dumps({**given, "Expiration": "2100-01-01T00:00:00Z"}))
    (aws / "config").write_text(f"[default]\ncredential_process = cat {aws / 'keys.json'}\n")
    assert await ChainCredentials().current() == Keys("AKIC", "s", "t", 4_102_444_800.0, "custom-process")


@pytest.mark.usefixtures("aws")
async def test_the_chain_says_what_it_looked_at() -> None:
    with pytest.raises(NoCredentials, match=r"looked at: env, .*shared-credentials-file.*, iam-role"):
        await ChainCredentials().current()


@pytest.mark.usefixtures("aws")
async def test_an_unknown_profile_is_named() -> None:
    with pytest.raises(NoCredentials, match="nobody"):
        await ChainCredentials("nobody").current()


async def test_a_process_that_fails_is_told(aws: Path) -> None:
    (aws / "config").write_text(f"[default]\ncredential_process = cat {aws / 'nothing-here'}\n")
    with pytest.raises(NoCredentials, match="nothing-here"):
        await ChainCredentials().current()


@pytest.mark.parametrize("said", ["[]", "7", '{"Version": 1}'])
async def test_a_process_that_gives_something_else_is_told(aws: Path, said: str) -> None:
    (aws / "said").write_text(said)
    (aws / "config").write_text(f"[default]\ncredential_process = cat {aws / 'said'}\n")
    with pytest.raises(NoCredentials):
        await ChainCredentials().current()


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
async def test_a_line_s_end_in_a_key_is_told_without_the_key(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    given = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "hidden", "AWS_SESSION_TOKEN": "hidden"}
    for variable, value in given.items():
        monkeypatch.setenv(variable, f"{value}\n" if variable == name else value)
    with pytest.raises(NoCredentials, match=r"\(`env`\) has characters") as told:
        await ChainCredentials().current()
    assert "hidden" not in str(told.value)


async def test_a_clock_that_is_put_back_does_not_keep_it_from_looking(
    renewal: Renewal, issuer: Issuer, clock: Hands
) -> None:
    issuer.closed = True
    for day in range(3):
        with pytest.raises(NoCredentials):
            await renewal.current()
        assert issuer.looks == day + 1
        clock.now -= 24 * HOUR


async def test_without_botocore_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "proviso.aws.chain", raising=False)
    monkeypatch.setitem(sys.modules, "botocore", None)
    for name in [name for name in sys.modules if name.startswith("botocore.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(NoCredentials, match=r"proviso\[bedrock\]"):
        await ChainCredentials().current()


def test_nothing_shows_a_secret() -> None:
    sources = [StaticKeys("AKIA", "hidden", "hidden"), BearerKey("hidden")]
    values = [Keys("AKIA", "hidden", "hidden"), Bearer("hidden")]
    assert "hidden" not in repr([*sources, *values]) + str(values)
