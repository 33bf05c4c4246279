"""Limits of the contract on real requests: what counts, how "no" is said, and that new terms hold at once."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from proviso.app import Site
from proviso.app.notices import open_queue
from proviso.app.pending import Pending
from proviso.app.spending import TooCostly, used_by
from proviso.app.wiring import now_us
from proviso.budgets import Kind, LimitReached, Orphan, Scope, Window
from proviso.errors import StoreUnavailable
from proviso.governance import Routing
from proviso.ledger import UsageReader
from proviso.settings import Settings
from proviso.store import open_store
from proviso.types import Principal, Purpose, Refusal, Request, Served
from tests.app.acts import DANA, JO, apply, attached, facts, look, settings_of
from tests.cli.steps import APP, CONTRACT, OSLO, change, run_json
from tests.conftest import Command
from tests.orchestrator.made import raising
from tests.server.serving import CHAT, RUNS, inside

pytestmark = pytest.mark.usefixtures("one_day")

TWO_HUNDRED = "{group: contractors, requests_per_day: 200}"
PRICE = "price: {input_per_million_usd: 0, output_per_million_usd: 0}"


def limited(folder: Path, limit: str) -> None:
    """Put the example in force with one limit."""
    change(folder, CONTRACT, TWO_HUNDRED, limit)
    apply(folder)


def priced(folder: Path, *, per_request: str = "0.02", per_day: str = "50") -> None:
    """Put the example in force with a model that costs 3 and 15 dollars for a million tokens."""
    change(folder, "models.yaml", PRICE, "price: {input_per_million_usd: 3, output_per_million_usd: 15}")
    change(folder, CONTRACT, "per_request_usd: 0.02", f"per_request_usd: {per_request}")
    change(folder, CONTRACT, "per_day_usd: 50", f"per_day_usd: {per_day}")
    apply(folder)


async def begin(
    site: Site, caller: Principal = DANA, text: str = OSLO, purpose: Purpose = Purpose.LIVE
) -> Pending:
    return await site.begin(Request(APP, text, purpose=purpose), caller)


async def served(site: Site, caller: Principal = DANA, text: str = OSLO) -> Served:
    return await (await begin(site, caller, text)).serve()


async def streamed(site: Site) -> None:
    """Ask for a stream and leave after its first piece."""
    async with contextlib.aclosing((await begin(site)).stream()) as stream:
        await anext(stream)


async def failed(site: Site) -> None:
    """Ask a model that breaks."""
    release = site.routing.resolve(APP, DANA)
    site.routing = Routing([replace(release, model=raising(ZeroDivisionError()))])
    with pytest.raises(ZeroDivisionError):
        await served(site)
    site.routing = Routing([release])


async def cancelled(site: Site) -> None:
    """Ask, and go away before the answer is there."""
    task = asyncio.create_task((await begin(site)).serve())
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def refusal(site: Site) -> None:
    """Ask for what the app refuses."""
    assert isinstance((await served(site, text="Can I sue my landlord?")).outcome, Refusal)


async def granted_until_no(site: Site, caller: Principal = DANA) -> tuple[list[Served], LimitReached]:
    """Ask until it is enough."""
    found: list[Served] = []
    while True:
        try:
            found.append(await served(site, caller))
        except LimitReached as no:
            return found, no


@pytest.fixture
def site(workspace: Path) -> Iterator[Site]:
    """The example in force, where employees may ask four times a day."""
    limited(workspace, "{group: employees, requests_per_day: 4}")
    with attached(workspace) as found:
        yield found


# --- how "no" is said ---------------------------------------------------------------------------------


@pytest.fixture
def refused(proviso: Command, workspace: Path) -> Iterator[Any]:
    """A way to ask over HTTP as a contractor, of whom none may ask today."""
    limited(workspace, "{group: contractors, requests_per_day: 0}")
    secret = run_json(proviso, "keys", "create", "-w", workspace, "--user", "jo")["secret"]
    with inside(Site.attach(workspace, settings_of(workspace), Purpose.LIVE), workspace) as server:
        yield lambda path, body: server.call("POST", path, secret, body)


@pytest.mark.req("C7.enforced", "A1.budget")
def test_a_limit_that_is_reached_is_429_with_its_clause_in_both_dialects(refused: Any) -> None:
    clause = "`cost.limits.contractors.requests_per_day`"
    native = refused(RUNS, {"question": OSLO})
    chat = refused(CHAT, {"model": APP, "messages": [{"role": "user", "content": OSLO}]})
    assert (native.status, chat.status) == (429, 429)
    assert 1 <= int(native.headers["retry-after"]) <= 86_400
    assert abs(int(native.headers["retry-after"]) - int(chat.headers["retry-after"])) <= 1
    assert (native.json["code"], clause in native.json["detail"]) == ("limit_reached", True)
    error = chat.json["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "limit_reached")
    assert clause in error["message"]


def test_a_stream_that_is_refused_is_a_plain_429(refused: Any) -> None:
    body = {"model": APP, "stream": True, "messages": [{"role": "user", "content": OSLO}]}
    native, chat = refused(RUNS, {"question": OSLO, "stream": True}), refused(CHAT, body)
    assert (native.status, chat.status) == (429, 429)
    assert native.json["code"] == chat.json["error"]["code"] == "limit_reached"


# --- what counts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [streamed, refusal, cancelled, failed])
def test_streams_refusals_faults_and_cancelled_calls_count_as_answers_do(
    site: Site, way: Callable[[Site], Awaitable[None]]
) -> None:
    async def use() -> None:
        for _ in range(4):
            await way(site)

    asyncio.run(use())
    with pytest.raises(LimitReached):
        asyncio.run(served(site))


def test_nobody_shares_a_limit_of_others(site: Site) -> None:
    asyncio.run(granted_until_no(site))
    assert asyncio.run(served(site, JO)).run


def test_64_at_once_get_exactly_what_the_limit_leaves(site: Site) -> None:
    async def at_once() -> list[Any]:
        return await asyncio.gather(*(served(site) for _ in range(64)), return_exceptions=True)

    got = asyncio.run(at_once())
    assert sum(isinstance(one, Served) for one in got) == 4
    assert sum(isinstance(one, LimitReached) for one in got) == 60


@pytest.mark.req("C7.enforced", "A1.budget")
def test_the_contractors_of_the_example_may_ask_200_times_a_day(workspace: Path) -> None:
    apply(workspace)
    with attached(workspace) as site:
        found, no = asyncio.run(granted_until_no(site, JO))
    assert (len(found), no.clause) == (200, "cost.limits.contractors.requests_per_day")


def test_previews_and_tests_use_up_nothing_of_what_callers_have(site: Site) -> None:
    async def ask(purpose: Purpose) -> str:
        return (await (await begin(site, purpose=purpose)).serve()).run

    for purpose in (Purpose.TEST, Purpose.PREVIEW):
        assert all(asyncio.run(ask(purpose)) for _ in range(4))
        with pytest.raises(LimitReached, match=f"purpose `{purpose}`"):
            asyncio.run(ask(purpose))
    assert len(asyncio.run(granted_until_no(site))[0]) == 4


def test_what_a_site_has_granted_is_known_to_the_next_one(workspace: Path, site: Site) -> None:
    asyncio.run(served(site))
    asyncio.run(site.close())
    with attached(workspace) as next_one:
        assert len(asyncio.run(granted_until_no(next_one))[0]) == 3


# --- money --------------------------------------------------------------------------------------------


@pytest.mark.req("C7.enforced", "A1.budget")
def test_a_day_never_costs_more_than_the_contract_says(workspace: Path) -> None:
    priced(workspace, per_request="0.05", per_day="0.1")
    with attached(workspace) as site:
        found, no = asyncio.run(granted_until_no(site))
    spent = sum(one.cost_micro_usd for one in found)
    assert no.clause == "cost.per_day_usd"
    assert 50_000 < spent <= 100_000
    assert len(found) > 5  # what was reserved and not used came back


def test_a_draft_is_only_as_long_as_a_request_may_cost(workspace: Path) -> None:
    priced(workspace, per_request="0.01")
    with attached(workspace) as site:
        release = site.routing.resolve(APP, DANA)
        read = release.most_input_tokens(Request(APP, OSLO))
        longest = asyncio.run(begin(site))._run.allowance.max_tokens
    assert 1 <= longest < release.max_tokens
    assert longest == (10_000 - read * 3) // 15


def test_a_request_that_could_cost_too_much_is_refused_before_anything_is_called(workspace: Path) -> None:
    priced(workspace, per_request="0.000001")
    with attached(workspace) as site, pytest.raises(TooCostly) as no:
        asyncio.run(served(site))
    assert (no.value.status, no.value.code) == (413, "too_costly")


# --- terms --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("amount", "more"), [(6, 2), (3, 0)])
def test_a_new_limit_holds_without_a_restart(workspace: Path, site: Site, amount: int, more: int) -> None:
    asyncio.run(granted_until_no(site))
    change(workspace, CONTRACT, "requests_per_day: 4", f"requests_per_day: {amount}")
    assert [done.what for done in apply(workspace)] == ["terms"]
    look(site)
    assert len(asyncio.run(granted_until_no(site))[0]) == more


# --- who is told --------------------------------------------------------------------------------------


def told(folder: Path) -> list[dict[str, Any]]:
    """Return the facts of the notices that wait."""
    with open_queue(folder, Settings()) as queue:
        return [msgspec.json.decode(one.body)["facts"] for one in queue.claim("hook", "me", 100)]


def test_a_day_that_is_used_up_is_told_once_by_all_processes_together(workspace: Path) -> None:
    hook = "notifications:\n  hook: {webhook: {url: 'http://127.0.0.1:9/', secrets: [HOOK]}, topics: [budget.*]}\n"
    change(workspace, "proviso.yaml", "people:\n", f"{hook}\npeople:\n")
    limited(workspace, "{group: employees, requests_per_day: 4}")
    for _ in range(2):
        with attached(workspace) as site:
            asyncio.run(granted_until_no(site))
            asyncio.run(granted_until_no(site))
            asyncio.run(site._reached.once())
    clause = "cost.limits.employees.requests_per_day"
    assert told(workspace) == [{"app": APP, "clause": clause, "percent": 100}]


def test_a_minute_that_is_used_up_is_nobodys_news(workspace: Path) -> None:
    limited(workspace, "{group: employees, requests_per_minute: 0}")
    with attached(workspace) as site:
        asyncio.run(granted_until_no(site))
        assert not site._reached._untold


# --- the store is away --------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_cannot_be_confirmed_is_503_and_not_429(workspace: Path, site: Site) -> None:
    asyncio.run(served(site))  # the store need not be asked who it is any more
    locked = sqlite3.connect(workspace / ".proviso" / "control.db", isolation_level=None)
    locked.execute("BEGIN EXCLUSIVE")
    with contextlib.closing(locked), pytest.raises(StoreUnavailable) as no:
        asyncio.run(granted_until_no(site))
    assert (no.value.status, no.value.code) == (503, "store_unavailable")
    asyncio.run(granted_until_no(site))
    assert len(facts(workspace, "run.finished")) == 4


# --- after a death ------------------------------------------------------------------------------------


@pytest.fixture
def left(workspace: Path, site: Site) -> tuple[Orphan, UsageReader]:
    """What a site would leave had it died, and its record: three runs of employees, one of others, one test."""
    began = now_us()

    async def use() -> None:
        await served(site)
        await cancelled(site)
        await refusal(site)
        await served(site, JO)
        await (await begin(site, purpose=Purpose.TEST)).serve()

    asyncio.run(use())
    starts = began - began % Window.DAY.length
    orphan = Orphan(
        writer=site.recorder.writer, epoch=1, began=began, until=0, scope=Scope(APP, group="employees"),
        kind=Kind.REQUESTS, window=Window.DAY, limit_id="", starts=starts, ends=starts + Window.DAY.length,
        share=9, spent=0, reserved=2,
    )  # fmt: skip
    return orphan, UsageReader(open_store(settings_of(workspace).state(workspace)).archive())


def test_of_a_dead_process_what_its_record_shows_counts(left: tuple[Orphan, UsageReader]) -> None:
    orphan, usage = left
    whole_app = replace(orphan, scope=Scope(APP))
    tests = replace(orphan, scope=Scope(APP, purpose=Purpose.TEST))
    others = replace(orphan, scope=Scope("another-app"))
    assert [used_by(one, usage) for one in (orphan, whole_app, tests, others)] == [3, 4, 1, 0]


def test_of_money_and_tokens_what_was_under_way_at_a_death_counts_as_well(
    left: tuple[Orphan, UsageReader],
) -> None:
    orphan, usage = left
    tokens = used_by(replace(orphan, kind=Kind.TOKENS), usage)
    assert tokens > 100 + orphan.reserved
    assert used_by(replace(orphan, kind=Kind.MICRO_USD), usage) == orphan.reserved


def test_what_the_next_process_of_that_name_has_used_is_not_the_dead_ones(
    left: tuple[Orphan, UsageReader],
) -> None:
    orphan, usage = left
    long_ago = orphan.began - 60_000_000
    assert used_by(replace(orphan, began=long_ago - 1, until=long_ago), usage) == 0
