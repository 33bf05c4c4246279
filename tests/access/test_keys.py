"""API keys: shown once, stored as a hash, known at once everywhere when revoked."""

import string
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.access import InvalidIdentity, KeyRefused, Keys, UnknownKey
from proviso.errors import StoreUnavailable, Unauthenticated
from proviso.store import KEYS, Control, NewsFeed, open_store
from tests.engines import Engine
from tests.linear import cpu_s

SECOND = 1_000_000
START = 1_767_225_600 * SECOND


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def heard(keys: Keys) -> Callable[[], Awaitable[None]]:
    async def forget() -> None:
        keys.forget()

    return forget


@pytest.fixture
def keys(control: Control, clock: Clock) -> Keys:
    return Keys(control, clock)


def refused(keys: Keys, bearer: str) -> str:
    """Return the cause for the log; the caller is told the same words for each."""
    with pytest.raises(KeyRefused, match=r"^the API key is not valid; use a key") as caught:
        keys.authenticate(bearer)
    assert isinstance(caught.value, Unauthenticated)
    return caught.value.cause


def test_a_key_says_who_holds_it(keys: Keys, clock: Clock) -> None:
    made, secret = keys.create("dana", ["travel", "staff", "staff"], ["user", "owner"], clock.now + SECOND)
    principal = keys.authenticate(secret)
    assert (principal.user, principal.key) == ("dana", made.id)
    assert principal.groups == frozenset({"travel", "staff"})
    assert principal.roles == frozenset({"user", "owner"})


def test_a_key_has_256_random_bits_after_its_public_id(keys: Keys, clock: Clock) -> None:
    secrets = {keys.create("dana", [], ["user"], clock.now + SECOND)[1] for _ in range(20)}
    assert len(secrets) == 20
    for secret in secrets:
        prefix, public, rest = secret.split("_", 2)
        assert (prefix, len(public), len(rest)) == ("pv", 12, 43)
        assert set(rest) <= set(string.ascii_letters + string.digits + "_-")


def test_the_secret_is_stored_nowhere(keys: Keys, clock: Clock, engine: Engine) -> None:
    _, secret = keys.create("dana", [], ["user"], clock.now + SECOND)
    keys.authenticate(secret)
    stored = engine.shared_bytes()
    assert secret[-43:].encode() not in stored
    assert b"dana" in stored


def test_a_key_ends_at_its_expiry_even_if_it_is_known(keys: Keys, clock: Clock) -> None:
    _, secret = keys.create("dana", [], ["user"], clock.now + SECOND)
    keys.authenticate(secret)
    clock.now += SECOND
    assert refused(keys, secret) == "expired"
    assert refused(Keys(keys._control, clock), secret) == "expired"


def test_a_revoked_key_is_refused_at_once_where_it_was_revoked(keys: Keys, clock: Clock) -> None:
    made, secret = keys.create("dana", [], ["user"], clock.now + SECOND)
    keys.authenticate(secret)
    assert keys.revoke(made.id).state(clock.now) == "revoked"
    assert refused(keys, secret) == "revoked"


async def test_a_key_revoked_by_another_process_is_refused_when_the_news_are_heard(
    keys: Keys, clock: Clock, engine: Engine, control: Control
) -> None:
    made, secret = keys.create("dana", [], ["user"], clock.now + 9 * SECOND)
    feed = NewsFeed(control)
    feed.subscribe(KEYS, heard(keys))
    keys.authenticate(secret)
    Keys(engine.control(), clock).revoke(made.id)
    assert await feed.look()
    assert keys.known(secret) is None
    assert refused(keys, secret) == "revoked"


def test_a_key_that_is_wrong_in_one_letter_is_refused(keys: Keys, clock: Clock) -> None:
    _, secret = keys.create("dana", [], ["user"], clock.now + SECOND)
    keys.authenticate(secret)
    wrong = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    assert refused(keys, wrong) == "wrong_secret"
    assert refused(keys, "pv_000000000000_" + secret[-43:]) == "unknown"


@pytest.mark.parametrize(
    "bearer", ["", "pv_", "pv__", "x" * 59, "pv_" + "é" * 56, "\ud800" * 59, "pv_" * 9_999]
)
def test_what_is_no_key_is_refused_without_asking_the_store(keys: Keys, bearer: str) -> None:
    keys._control.database.close()
    assert refused(keys, bearer) == "malformed"


@settings(deadline=None, max_examples=100)
@given(bearer=st.text(max_size=80))
def test_no_text_makes_authentication_fail_otherwise(
    tmp_path_factory: pytest.TempPathFactory, bearer: str
) -> None:
    control = Control(open_store(tmp_path_factory.getbasetemp() / "fuzz").database)
    assert refused(Keys(control, Clock()), bearer) == "malformed"
    control.database.close()


def test_guessing_does_not_fill_the_memory(keys: Keys, clock: Clock) -> None:
    made, secret = keys.create("dana", [], ["user"], clock.now + SECOND)
    keys.authenticate(secret)
    for number in range(300):
        refused(keys, f"pv_{number:012x}_{'A' * 43}")
        refused(keys, f"pv_{made.id}_{number:043d}")
    assert list(keys._verified) == [made.id]


def test_keys_that_cannot_be_read_are_no_keys(keys: Keys, clock: Clock) -> None:
    _, secret = keys.create("dana", [], ["user"], clock.now + SECOND)
    keys._control.database.close()
    with pytest.raises(StoreUnavailable):
        keys.authenticate(secret)


def test_the_list_shows_every_key_and_no_secret(keys: Keys, clock: Clock) -> None:
    first, secret = keys.create("dana", ["staff"], ["user"], clock.now + SECOND)
    clock.now += 5
    second, _ = keys.create("li", [], ["admin"], clock.now + SECOND)
    assert keys.list() == [first, second]
    assert secret[-43:] not in repr(keys.list())


def test_revoking_a_key_that_is_not_there_says_so(keys: Keys) -> None:
    with pytest.raises(UnknownKey, match="`nobody`"):
        keys.revoke("nobody")


def test_a_key_that_would_have_expired_is_not_made(keys: Keys, clock: Clock) -> None:
    with pytest.raises(InvalidIdentity, match="expire"):
        keys.create("dana", [], ["user"], clock.now)


@pytest.mark.parametrize(
    ("user", "groups", "roles", "named"),
    [
        ("", [], ["user"], "user"),
        ("dana smith", [], ["user"], "dana smith"),
        ("-x", [], ["user"], "-x"),
        ("dana\n", [], ["user"], "dana"),
        ("dana", ["a/b"], ["user"], "a/b"),
        ("dana", [], ["root"], "root"),
        ("dana", [f"g{n}" for n in range(40)], ["user"], "40 groups"),
    ],
)
def test_a_name_that_cannot_be_is_named(
    keys: Keys, clock: Clock, user: str, groups: list[str], roles: list[str], named: str
) -> None:
    with pytest.raises(InvalidIdentity) as caught:
        keys.create(user, groups, roles, clock.now + SECOND)
    assert named in caught.value.message


def test_a_known_key_costs_a_few_microseconds(keys: Keys, clock: Clock) -> None:
    _, secret = keys.create("dana", ["staff"], ["user"], clock.now + SECOND)
    keys.authenticate(secret)
    spent = cpu_s(lambda: [keys.authenticate(secret) for _ in range(200)], best_of=20)
    assert spent / 200 < 25e-6  # ten times what it costs when the machine is quiet
