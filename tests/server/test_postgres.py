"""The whole thing on PostgreSQL: two replicas, news, and the database away while they serve."""

import base64
import contextlib
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tests.cli.steps import APP, CONTRACT, change, run_json
from tests.conftest import Command
from tests.ledger.test_kills import Place
from tests.postgres import PostgresServer
from tests.server.kept import Kept, one_to_each, processes, watch
from tests.server.serving import CHAT, OSLO, RUNS, Serving, serving
from tests.waiting import soonest, until

WORST_S = 1.0
BACK_S = 30.0  # half a second on a machine that has the time
LEASE_S = 60.0

pytestmark = pytest.mark.slow

Say = Callable[..., None]


class House(Struct, frozen=True):
    """Two replicas of one database, one of them with two workers, and a key of the product owner."""

    folder: Path
    url: str
    replicas: tuple[Serving, ...]
    secret: str

    def recorded(self) -> Counter[str]:
        """Return how often each run is on record as ended: read without the code that is tested."""
        rows = Place(self.folder / ".proviso", self.url).rows()
        return Counter(row.run for row in rows if row.kind in ("run.finished", "run.gap"))


@contextlib.contextmanager
def two_replicas(proviso: Command, folder: Path, url: str) -> Iterator[House]:
    """Index a folder into an empty database and serve it twice."""
    with (
        indexed_into(proviso, folder, url) as secret,
        serving(folder, "--workers", "2") as first,
        serving(folder) as second,
    ):
        yield House(folder, url, (first, second), secret)


@contextlib.contextmanager
def indexed_into(proviso: Command, folder: Path, url: str) -> Iterator[str]:
    """Have everything of the block use a database, with the folder's documents and a key in it; give the key."""
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("PROVISO_STORE", url)
        assert proviso("index", "-w", folder).code == 0
        yield run_json(proviso, "keys", "create", "-w", folder, "--user", "dana")["secret"]


@pytest.fixture(scope="module")
def house(
    proviso: Command, pristine: Path, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """Replicas for tests that leave them alive. `pristine` is asked for so that it is made before, in SQLite."""
    folder, url = tmp_path_factory.mktemp("postgres") / "example", postgres.fresh()
    assert proviso("init", folder, "--example", APP).code == 0
    with two_replicas(proviso, folder, url) as found:
        yield found
    postgres.drop(url)


@pytest.fixture
def own(proviso: Command, pristine: Path, tmp_path: Path, database_url: str) -> Iterator[House]:
    """Replicas of a database that a test may take away."""
    folder = tmp_path / "example"
    shutil.copytree(pristine, folder)
    with two_replicas(proviso, folder, database_url) as found:
        yield found


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    def tell(what: str, **seconds: float) -> None:
        with capsys.disabled():
            print(f"\n  {what}: {', '.join(f'{name} {one:.2f} s' for name, one in seconds.items())}")

    return tell


# --- what a user sees ---------------------------------------------------------------------------------


def test_both_replicas_answer_in_both_dialects(house: House) -> None:
    for server in house.replicas:
        assert "1,020" in server.ask(house.secret)["text"]
        body = {"model": APP, "messages": [{"role": "user", "content": OSLO}]}
        reply = server.call("POST", CHAT, house.secret, body)
        assert "1,020" in reply.json["choices"][0]["message"]["content"]


def test_a_run_of_one_replica_is_read_at_the_other_and_traced(house: House, proviso: Command) -> None:
    first, second = house.replicas
    run = first.ask(house.secret)["run"]
    assert second.call("GET", f"/v1/runs/{run}", house.secret).json["run"] == run
    assert "1,020" in run_json(proviso, "trace", "-w", house.folder, run)["payload"]["answer"]


def test_a_stream_is_on_record_once(house: House) -> None:
    reply = house.replicas[0].call("POST", RUNS, house.secret, {"question": OSLO, "stream": True})
    assert (reply.status, b"event: run\n" in reply.body) == (200, True)
    assert house.recorded()[reply.headers["x-proviso-run"]] == 1


def test_nothing_but_snapshots_is_written_into_the_folder(house: House) -> None:
    house.replicas[0].ask(house.secret)
    assert sorted(path.name for path in (house.folder / ".proviso").iterdir()) == ["snapshots"]


def test_keys_and_messages_are_listed_from_the_database(house: House, proviso: Command) -> None:
    assert {key["user"] for key in run_json(proviso, "keys", "list", "-w", house.folder)} == {"dana"}
    assert run_json(proviso, "outbox", "list", "-w", house.folder) == []


# --- news ---------------------------------------------------------------------------------------------


@pytest.fixture
def everywhere(house: House) -> Iterator[list[Kept]]:
    """A connection to each of the three processes that answer."""
    with one_to_each(house.replicas) as kept:
        assert len(kept) == 3
        yield kept


@pytest.mark.req("A1.keys")
def test_a_revoked_key_is_dead_in_every_replica_within_a_second(
    proviso: Command, house: House, everywhere: list[Kept], say: Say
) -> None:
    def revoked() -> float:
        made = run_json(proviso, "keys", "create", "-w", house.folder, "--user", "dana")

        def dead(kept: Kept) -> bool:
            status = kept.call("GET", "/v1/models", made["secret"]).status
            assert status in (200, 401), status
            return status == 401

        return max(
            watch(everywhere, dead, lambda: proviso("keys", "revoke", "-w", house.folder, made["key"]))
        )

    seconds = soonest(revoked, WORST_S)
    say("key revoked", last_of_three=seconds)
    assert seconds <= WORST_S


def test_new_terms_are_in_force_in_every_replica_within_a_second(
    proviso: Command, house: House, everywhere: list[Kept], say: Say
) -> None:
    deadlines = iter(range(8000, 7000, -100))

    def renewed() -> float:
        old = everywhere[0].ask(house.secret, OSLO).json["terms"]

        def new(kept: Kept) -> bool:
            reply = kept.ask(house.secret, OSLO)
            assert reply.status == 200, reply.body
            return bool(reply.json["terms"] != old)

        now = next(deadlines)
        change(house.folder, CONTRACT, f"deadline_ms: {now}", f"deadline_ms: {now - 100}")
        return max(watch(everywhere, new, lambda: run_json(proviso, "apply", "-w", house.folder)))

    seconds = soonest(renewed, WORST_S)
    say("terms", last_of_three=seconds)
    assert seconds <= WORST_S


# --- the database is away -----------------------------------------------------------------------------


def answered(kept: Kept, secret: str, reached: Callable[[Any], bool]) -> float:
    """Ask until a reply is as wanted; return when that was (monotonic seconds)."""

    def ask() -> bool:
        reply = kept.ask(secret, OSLO)
        assert reply.status in (200, 503), reply.body
        return reached(reply)

    until(ask, 2 * LEASE_S)
    return time.monotonic()


@contextlib.contextmanager
def stopped(server: PostgresServer) -> Iterator[None]:
    """Take the database away, and bring it back."""
    server.stop()
    try:
        yield
    finally:
        server.start()


@pytest.mark.parametrize("away", [stopped, PostgresServer.frozen])
def test_a_strict_tier_answers_503_while_the_database_is_away_and_comes_back_by_itself(
    own: House,
    postgres: PostgresServer,
    say: Say,
    away: Callable[[PostgresServer], contextlib.AbstractContextManager[None]],
) -> None:
    with one_to_each(own.replicas) as kept:
        told = [
            one.ask(own.secret, OSLO).json["run"] for one in kept
        ]  # every worker knows the key from now on
        with away(postgres):
            began = time.monotonic()
            replies = [one.ask(own.secret, OSLO) for one in kept]
            said_no = (time.monotonic() - began) / len(kept)
            assert {reply.status for reply in replies} == {503}
            assert {reply.json["code"] for reply in replies} <= {"store_unavailable", "out_of_touch"}
            assert all("retry-after" in reply.headers for reply in replies)
            deaf = max(answered(one, own.secret, _is_out_of_touch) for one in kept) - began
            assert [one.call("GET", "/readyz", "").status for one in kept] == [503] * 3
            assert [one.call("GET", "/healthz", "").status for one in kept] == [200] * 3
        back = time.monotonic()
        recovered = max(answered(one, own.secret, lambda reply: reply.status == 200) for one in kept) - back
        told += [one.ask(own.secret, OSLO).json["run"] for one in kept]
    say(f"{away.__name__}", said_no_after=said_no, out_of_touch_after=deaf, back_after=recovered)
    assert recovered < BACK_S
    assert {own.recorded()[run] for run in told} == {1}


def _is_out_of_touch(reply: Any) -> bool:
    return bool(reply.status == 503 and reply.json["code"] == "out_of_touch")


@pytest.fixture
def sandbox_folder(pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An app whose tier lets answers leave before the store has their record."""
    monkeypatch.setenv("PROVISO_SPOOL_KEY", base64.b64encode(os.urandom(32)).decode())
    folder = tmp_path / "example"
    shutil.copytree(pristine, folder)
    change(folder, CONTRACT, "tier: internal-assist", "tier: sandbox")
    return folder


@pytest.fixture
def sandbox(proviso: Command, sandbox_folder: Path, database_url: str) -> Iterator[House]:
    """Replicas of that app."""
    with two_replicas(proviso, sandbox_folder, database_url) as found:
        yield found


def test_a_sandbox_answers_without_the_database_until_its_lease_ends_and_nothing_is_lost(
    sandbox: House, postgres: PostgresServer, say: Say
) -> None:
    told: list[str] = []

    def ask(reply: Any) -> bool:
        if reply.status == 200:
            told.append(reply.json["run"])
        status: int = reply.status
        return status == 503

    with one_to_each(sandbox.replicas) as kept:
        for one in kept:
            assert not ask(one.ask(sandbox.secret, OSLO))
        began = time.monotonic()  # before the database ends, for that may take a while
        with stopped(postgres):
            before = len(told)
            ended = answered(kept[0], sandbox.secret, ask) - began
            spooled = len(told) - before
        back = time.monotonic()
        recovered = max(answered(one, sandbox.secret, lambda r: not ask(r)) for one in kept) - back
    recorded = wait_for(sandbox, told)
    say(f"sandbox, {spooled} spooled", served_for=ended, back_after=recovered)
    assert LEASE_S - 5 < ended < LEASE_S + 40  # the store was last heard of a moment before it ended
    assert spooled > 20
    assert {recorded[run] for run in told} == {1}


def wait_for(house: House, told: list[str]) -> Counter[str]:
    """Wait until every run is on record, and return how often each is."""
    found: Counter[str] = Counter()

    def all_there() -> bool:
        nonlocal found
        found = house.recorded()
        return set(told) <= set(found)

    until(all_there)
    return found


def test_a_worker_killed_while_the_database_is_away_loses_nothing_that_was_spooled(
    sandbox: House, postgres: PostgresServer
) -> None:
    server = sandbox.replicas[0]
    with one_to_each([server]) as kept, contextlib.ExitStack() as away:
        for one in kept:  # who asks is known from now on
            assert one.ask(sandbox.secret, OSLO).status == 200
        away.enter_context(stopped(postgres))
        told = [one.ask(sandbox.secret, OSLO) for one in kept for _ in range(20)]
        assert {reply.status for reply in told} == {200}
        for process in processes(server):
            process.kill()
    runs = [reply.json["run"] for reply in told]
    recorded = wait_for(sandbox, runs)
    assert {recorded[run] for run in runs} == {1}


def test_a_server_that_is_told_to_end_without_the_database_ends_and_keeps_what_it_has_spooled(
    proviso: Command, sandbox_folder: Path, database_url: str, postgres: PostgresServer, say: Say
) -> None:
    with indexed_into(proviso, sandbox_folder, database_url) as secret, contextlib.ExitStack() as away:
        with serving(sandbox_folder) as server, one_to_each([server]) as (kept,):
            assert kept.ask(secret, OSLO).status == 200
            away.enter_context(stopped(postgres))
            runs = [kept.ask(secret, OSLO).json["run"] for _ in range(20)]
            began = time.monotonic()
        say("ended without the database", after=time.monotonic() - began)
        away.close()
        with serving(sandbox_folder) as server:
            house = House(sandbox_folder, database_url, (server,), secret)
            recorded = wait_for(house, runs)
    assert {recorded[run] for run in runs} == {1}
