"""The rollups: what they say is what the events say, whichever commits and writers those came by."""

import asyncio
import itertools
import json
import tempfile
from collections import Counter
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.ledger import Outcome, Recorder, RunFinished
from proviso.ledger.recorder import gap
from proviso.monitoring import Rollups
from proviso.monitoring.histogram import bucket
from proviso.store import Control, Rollup, open_store
from proviso.store.archive import SqliteArchive
from proviso.types import Action, Channel, Decision, Purpose
from tests.ledger.samples import NOW, finished, new_run, payload, started

MASKED = Decision("inputs.sensitive.mask.EMAIL", Action.MASK, "EMAIL", Channel.USER, 2)


@st.composite
def runs(draw: st.DrawFn) -> RunFinished:
    return msgspec.structs.replace(
        finished(new_run(), app=draw(st.sampled_from("ab")), at=NOW + draw(st.integers(0, 180_000_000))),
        outcome=draw(st.sampled_from([Outcome.ANSWER, Outcome.REFUSAL])),
        purpose=draw(st.sampled_from([Purpose.LIVE, Purpose.TEST])),
        clause=draw(st.sampled_from(["", "inputs.sources"])),
        groups=tuple(draw(st.sets(st.sampled_from(["staff", "travel", "board"])))),
        duration_us=draw(st.integers(0, 10_000_000)),
        cost_micro_usd=draw(st.integers(0, 1_000)),
        decisions=draw(st.sampled_from([(), (MASKED,), (MASKED, MASKED)])),
    )


def record(folder: Path, events: list[RunFinished]) -> list[Rollup]:
    """Record the events with two writers, some together, and return what the rollups say."""
    control = Control(open_store(folder).database)
    writers = [Recorder.open(open_store(folder), Rollups(), lambda: NOW) for _ in range(2)]

    async def write() -> None:
        turns = zip(itertools.cycle(writers), events, strict=False)
        await asyncio.gather(*[writer.finished(event, payload()) for writer, event in turns])
        for writer in writers:
            await writer.close()

    asyncio.run(write())
    archive = SqliteArchive(folder)
    found = archive.rollups(0, 2**40)
    archive.close()
    control.database.close()
    return found


def minute(event: RunFinished) -> int:
    return event.at // 60_000_000


def counted(rollups: list[Rollup], *labels: str) -> Counter[tuple[object, ...]]:
    """Return requests by minute and the given labels, for the cells that have the first of them."""
    found: Counter[tuple[object, ...]] = Counter()
    for rollup in rollups:
        said = json.loads(rollup.labels)
        if labels[0] in said:
            found[rollup.minute, *(said.get(label, "") for label in labels)] += rollup.amounts[0]
    return found


@settings(deadline=None, max_examples=25)
@given(st.lists(runs(), max_size=12))
def test_rollups_are_what_the_events_say(events: list[RunFinished]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rollups = record(Path(folder), events)
    ends = Counter((minute(e), "answer", e.app, e.outcome, e.purpose, e.clause) for e in events)
    groups = Counter((minute(e), group, e.app, e.outcome) for e in events for group in e.groups)
    ended = [rollup for rollup in rollups if "workflow" in json.loads(rollup.labels)]
    assert counted(rollups, "workflow", "app", "outcome", "purpose", "clause") == ends
    assert counted(rollups, "group", "app", "outcome") == groups
    assert sum(r.amounts[2] for r in ended) == sum(e.duration_us for e in events)
    assert sum(r.amounts[5] for r in ended) == sum(e.cost_micro_usd for e in events)
    assert sum((Counter(r.buckets) for r in ended), Counter()) == Counter(
        bucket(e.duration_us) for e in events
    )


def test_a_clause_that_decided_twice_in_a_run_counts_one_run() -> None:
    event = msgspec.structs.replace(finished(new_run()), decisions=(MASKED, MASKED))
    (decided,) = [row for row in Rollups().rows(event) if '"of":"decisions"' in row.labels]
    assert decided.amounts == (1, 0, 0, 0, 0, 0)
    assert json.loads(decided.labels)["clause"] == MASKED.clause


def test_an_answer_with_citations_counts_as_cited() -> None:
    cited, bare = finished(new_run()), msgspec.structs.replace(finished(new_run()), citations=())
    assert [Rollups().rows(event)[0].amounts[1] for event in (cited, bare)] == [1, 0]


def test_an_empty_retrieval_is_counted_by_its_reason() -> None:
    event = msgspec.structs.replace(finished(new_run()), retrieval_empty="no_match")
    assert json.loads(Rollups().rows(event)[0].labels)["empty"] == "no_match"


def test_a_gap_is_counted_as_an_outcome_and_has_no_duration() -> None:
    run = Rollups().rows(gap(started(new_run()), NOW))[0]
    assert json.loads(run.labels)["outcome"] == "gap"
    assert (run.amounts, run.bucket) == ((1, 0, 0, 0, 0, 0), -1)


def test_no_label_tells_who_asked() -> None:
    event = finished(new_run(), subject="s-secret")
    told = "".join(row.labels for row in Rollups().rows(event))
    assert not [word for word in (event.subject, event.run, event.key) if word in told]


def test_a_start_is_not_counted_because_its_end_will_be() -> None:
    assert Rollups().rows(started(new_run())) == ()


def test_the_same_labels_have_the_same_cell_in_every_process() -> None:
    event = finished(new_run())
    assert [row.cell for row in Rollups().rows(event)] == [row.cell for row in Rollups().rows(event)]
