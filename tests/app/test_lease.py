"""A process that hears nothing serves until its lease ends; what it may record later waits in a sealed spool."""

import asyncio
import base64
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec import Struct

from proviso.app import Site, put_in_force
from proviso.app.serving import Serving
from proviso.app.site import OutOfTouch
from proviso.budgets import BudgetUnconfirmed
from proviso.errors import StoreUnavailable
from proviso.settings import Settings
from proviso.store import open_store
from proviso.types import Answer, Principal, Purpose, Request
from tests.app.acts import DANA, JO, apply, facts
from tests.app.away import AwayStore, Switch
from tests.cli.steps import APP, CONTRACT, OSLO, change, on_disk
from tests.waiting import happens

SPOOL = Settings(port=0, spool_key=base64.b64encode(bytes(range(32))).decode())
CANARY = "zanzibar-canary-4711"


class Ahead:
    """A monotonic clock that stands until it is set ahead: how slow the machine is does not count."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._begun = time.monotonic()

    def __call__(self) -> float:
        return self._begun + self.seconds


class Watched(Struct):
    """A site that serves, a switch for its store, and its clock."""

    site: Site
    switch: Switch
    clock: Ahead

    async def ask(self, question: str = OSLO, caller: Principal = DANA) -> str:
        """Return the run of an answer."""
        request = Request(APP, question, purpose=Purpose.TEST)
        served = await (await self.site.begin(request, caller)).serve()
        assert isinstance(served.outcome, Answer), served.outcome
        return served.run

    async def until(self, reached: Callable[[], bool]) -> None:
        await happens(reached)


@asynccontextmanager
async def serving(folder: Path, settings: Settings = SPOOL) -> AsyncIterator[Watched]:
    """Serve what is in force from a store that can be taken away, without HTTP."""
    switch, clock = Switch(), Ahead()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "proviso.app.site.open_store", lambda state, url: AwayStore(open_store(state, url), switch)
        )
        patch.setattr("proviso.app.site.awake_and_asleep", clock)  # of the budget
        site = await asyncio.to_thread(Site.attach, folder, settings, Purpose.TEST)
    watched = Watched(site, switch, clock)
    site.feed._clock = clock
    await site.feed.look()
    await site.start()
    try:
        yield watched
    finally:
        watched.clock.seconds = 0
        await site.close()


@pytest.fixture
def strict(workspace: Path) -> Path:
    """The example: its tier records before it replies."""
    apply(workspace)
    return workspace


@pytest.fixture
def lenient(workspace: Path) -> Path:
    """The example in a tier that does not."""
    change(workspace, CONTRACT, "tier: internal-assist", "tier: sandbox")
    apply(workspace)
    return workspace


async def test_where_the_record_comes_first_a_process_that_hears_nothing_serves_for_five_seconds(
    strict: Path,
) -> None:
    async with serving(strict) as watched:
        await watched.ask()
        with watched.switch.off(record=False):
            watched.clock.seconds = 4.5
            await watched.ask()
            assert watched.site.not_ready() == ""
            watched.clock.seconds = 5.5
            for refused in (watched.ask, lambda: asyncio.to_thread(watched.site.usable, DANA)):
                with pytest.raises(OutOfTouch, match=r"has not been heard of for [56] s"):
                    await refused()
            assert "has not been heard of" in watched.site.not_ready()
        await watched.until(lambda: watched.site.not_ready() == "")
        await watched.ask()


async def test_where_the_record_may_come_later_it_serves_for_sixty(lenient: Path) -> None:
    async with serving(lenient) as watched:
        await watched.ask()
        with watched.switch.off(record=True):
            watched.clock.seconds = 58
            await watched.ask()
            watched.clock.seconds = 61
            with pytest.raises(OutOfTouch, match="61 s"):
                await watched.ask()
        await watched.until(lambda: watched.site.not_ready() == "")


async def test_a_limit_is_kept_even_where_the_record_may_come_later(lenient: Path) -> None:
    async with serving(lenient) as watched:  # contractors have so many requests a day, and leases last 10 s
        for caller in (DANA, JO):
            await watched.ask(OSLO, caller)
        with watched.switch.off(record=True):
            await watched.ask(OSLO, JO)
            watched.clock.seconds = 11
            with pytest.raises((BudgetUnconfirmed, StoreUnavailable)):
                await watched.ask(OSLO, JO)
            await watched.ask()
            watched.clock.seconds = 0


async def test_where_the_record_comes_first_there_is_no_answer_while_the_store_takes_none(
    strict: Path,
) -> None:
    async with serving(strict) as watched:
        with watched.switch.off(record=True), pytest.raises(StoreUnavailable):
            await watched.ask()
        await watched.ask()
    assert not list((strict / ".proviso").rglob("*.spool"))


async def test_without_a_key_to_seal_it_nothing_is_spooled(lenient: Path) -> None:
    async with serving(lenient, Settings(port=0)) as watched:
        await watched.ask()
        with watched.switch.off(record=True), pytest.raises(StoreUnavailable):
            await watched.ask()


async def test_what_was_spooled_is_sealed_and_comes_into_the_record_once(lenient: Path) -> None:
    state = lenient / ".proviso"
    async with serving(lenient) as watched:
        await watched.ask()
        with watched.switch.off(record=True):
            runs = [await watched.ask(f"{OSLO} {CANARY}") for _ in range(20)]
            spooled = b"".join(path.read_bytes() for path in state.rglob("*.spool"))
            assert len(spooled) > 20 * 500
            assert CANARY.encode() not in spooled
            assert OSLO.encode() not in spooled
            assert runs[0].encode() not in spooled
            assert CANARY.encode() not in on_disk(lenient)
        await watched.until(lambda: not list(state.rglob("*.spool")))
        assert CANARY.encode() in on_disk(lenient)  # the contract logs questions
    finished = [fact["run"] for fact in facts(lenient, "run.finished")]
    assert [finished.count(run) for run in runs] == [1] * 20


async def test_what_a_process_leaves_spooled_comes_into_the_record_with_the_next_one(lenient: Path) -> None:
    async with serving(lenient) as watched:
        await watched.ask()
        with watched.switch.off(record=True):
            run = await watched.ask()
            await watched.site.close()
            assert run not in {fact["run"] for fact in facts(lenient, "run.finished")}
    async with serving(lenient) as watched:
        await watched.until(lambda: [f["run"] for f in facts(lenient, "run.finished")].count(run) == 1)


async def test_a_user_who_is_not_known_yet_waits_until_the_store_is_back(lenient: Path) -> None:
    new = Principal("kim", frozenset({"employees"}), frozenset({"user"}), "k9")
    async with serving(lenient) as watched:
        with watched.switch.off(record=True), pytest.raises(StoreUnavailable):
            await watched.ask(OSLO, new)
        await watched.ask(OSLO, new)


async def test_a_change_that_came_while_the_store_was_away_holds_when_it_is_back(strict: Path) -> None:
    async with serving(strict) as watched:
        before = watched.site.routing.resolve(APP, DANA).digest
        with watched.switch.off(record=False):
            change(strict, CONTRACT, "max_chars: 8000", "max_chars: 7000")
            await asyncio.to_thread(put_in_force, strict, Settings())
            assert watched.site.routing.resolve(APP, DANA).digest == before
        await watched.until(lambda: watched.site.routing.resolve(APP, DANA).digest != before)


async def test_a_fault_of_ours_in_taking_news_up_is_said_and_tried_again(
    strict: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("proviso.store").addHandler(caplog.handler)
    async with serving(strict) as watched:
        broken = [True]
        whole = watched.site._compiler.now

        def compiled(known: Mapping[str, Serving]) -> tuple[dict[str, Serving], set[str]]:
            if broken:
                raise KeyError(broken.pop())
            return whole(known)

        watched.site._compiler.now = compiled  # type: ignore[method-assign]  # a fault that nobody foresaw
        change(strict, CONTRACT, "max_chars: 8000", "max_chars: 7000")
        before = watched.site.routing.resolve(APP, DANA).digest
        await asyncio.to_thread(put_in_force, strict, Settings())
        await watched.until(lambda: watched.site.routing.resolve(APP, DANA).digest != before)
    assert '"task_failed"' in caplog.text
