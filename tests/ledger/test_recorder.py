"""The record in a store: what starts and does not end becomes a gap, once; rollups go with their event."""

from collections.abc import Sequence

import pytest

from proviso.errors import StoreUnavailable
from proviso.ledger import Event, KeyRevoked, Recorder, RunGap, RunReader
from proviso.store import Increment
from tests.engines import Engine
from tests.ledger.samples import NOW, finished, new_run, payload, started


class CountsAll:
    """One request a minute of `at`, whatever it is."""

    def rows(self, event: Event) -> Sequence[Increment]:
        return [Increment(event.at // 60_000_000, 1, "{}", (1, 0, 0, 0, 0, 0))]


def opened(engine: Engine) -> Recorder:
    return Recorder.open(engine.open(), CountsAll(), lambda: NOW + 5)


async def test_a_run_that_its_writer_left_open_becomes_a_gap(engine: Engine) -> None:
    run, before = new_run(), opened(engine)
    await before.started(started(run))
    before.release()
    await opened(engine).close()
    record = RunReader.open(engine.open()).run(run)
    assert record is not None
    assert record.gap == RunGap(
        run=run, at=NOW + 5, started=NOW, app="policy-qa", workflow="answer", release="a" * 64,
        purpose=started(run).purpose, groups=("staff",), reason="writer_ended",
    )  # fmt: skip


async def test_a_gap_is_recorded_once(engine: Engine) -> None:
    run, before = new_run(), opened(engine)
    await before.started(started(run))
    before.release()
    for _ in range(3):
        await opened(engine).close()
    assert len(engine.open().archive().events_of(run)) == 2


async def test_the_gaps_of_a_dead_writer_are_closed_by_whoever_comes(engine: Engine) -> None:
    run, first, second = new_run(), opened(engine), opened(engine)
    await second.started(started(run))
    second.release()
    first.release()
    third = opened(engine)
    assert (second.writer, third.writer) == ("w1", "w0")
    assert [stored.writer for stored in engine.open().archive().events_of(run)] == ["w1", "w1"]
    third.release()


async def test_a_run_under_way_elsewhere_is_no_gap(engine: Engine) -> None:
    run, living = new_run(), opened(engine)
    await living.started(started(run))
    await opened(engine).close()
    await living.finished(finished(run), payload())
    record = RunReader.open(engine.open()).run(run)
    assert record is not None
    assert (record.gap, record.finished) == (None, finished(run))
    await living.close()


async def test_a_run_that_ended_is_no_gap(engine: Engine) -> None:
    run, before = new_run(), opened(engine)
    await before.started(started(run))
    await before.finished(finished(run), payload())
    before.release()
    await opened(engine).close()
    assert len(engine.open().archive().events_of(run)) == 2


async def test_rollups_become_durable_with_their_event(engine: Engine) -> None:
    recorder = opened(engine)
    await recorder.finished(finished(new_run()), payload())
    await recorder.noted(KeyRevoked(at=NOW, key="k"))
    (rollup,) = engine.open().archive().rollups(0, NOW)
    assert rollup.amounts[0] == 2
    await recorder.close()


async def test_after_close_nothing_is_taken(engine: Engine) -> None:
    recorder = opened(engine)
    await recorder.close()
    with pytest.raises(StoreUnavailable):
        await recorder.finished(finished(new_run()), payload())
