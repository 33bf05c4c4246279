"""Every fault × ConverseStream, at the model that a release has: in pieces, once, and never a part for the whole."""

import asyncio
import time
from collections.abc import Sequence

import pytest
from msgspec import Struct
from msgspec.structs import replace

from bedrock_simulator.faults import KINDS
from bedrock_simulator.scenario import Fault, Latency, Scenario
from proviso.models import Unanswered
from proviso.models.failure import Kind
from proviso.types import Attempt, Draft, StopReason
from tests.app.acts import DANA
from tests.bedrock.house import HERE, THERE, House, having
from tests.bedrock.matrix import OF_GUARDS, OF_STREAMS, ROWS, kind_of
from tests.cli.steps import APP
from tests.models.made import ask, passage
from tests.server.serving import open_site

SENTENCE = "The per diem for Oslo is NOK 1,020 for a full day."
REQUEST = ask(
    "Passages:\n\n[1] Per diem\n" + SENTENCE + "\n\nQuestion: What is the per diem for Oslo?",
    passage(1, "Per diem", SENTENCE),
    max_tokens=200,
)
WHOLE = f"{SENTENCE} [1]"
BREAKING = [fault for fault in KINDS if kind_of(fault) and fault not in OF_GUARDS | {"wrong-length"}]
HARMLESS = [fault for fault in KINDS if fault not in BREAKING and fault != "unknown-stop"]
SILENT = "never-ends"
# They strike behind the last piece, however early they are asked for.
AT_THE_END = {
    "stream-cut-before-stop",
    "malformed-tool-use",
    "malformed-output",
    "no-usage",
    "duplicate-stop",
}
AT_ONCE = [fault for fault in BREAKING if fault not in AT_THE_END]
LATE = 7  # events: a few words have come
# Of each row of the matrix one that only streams have, if there is one.
FEW = {max(row.faults, key=OF_STREAMS.__contains__) for row in ROWS} - {SILENT, "stream-throttling"}
# What breaks off in a stream that has begun has another name there.
IN_STREAM = {"reset-during": Kind.CUT}


class Streamed(Struct, frozen=True):
    """What came out of a stream, and what was called for it."""

    pieces: Sequence[str]
    draft: Draft | None
    attempts: Sequence[Attempt]
    called: Sequence[str]

    @property
    def text(self) -> str:
        return "".join(self.pieces).replace("🙂", "")


def streamed(house: House, scenario: Scenario) -> Streamed:
    """Stream from the model of the house's release until it ends."""
    house.simulator.reset(scenario)
    site, pieces, attempts = open_site(house.folder), list[str](), list[Attempt]()
    release = site.routing.resolve(APP, DANA)
    request = replace(
        REQUEST,
        deadline=time.monotonic() + release.terms.deadline_s,
        attempts=attempts,
        prices=release.prices,
    )

    async def main() -> Draft | None:
        draft = None
        try:
            async for item in release.model.stream(request):
                if isinstance(item, Draft):
                    draft = item
                else:
                    pieces.append(item)
        except Unanswered:
            draft = None
        finally:
            await site.close()
        return draft

    draft = asyncio.run(main())
    return Streamed(pieces, draft, attempts, [one.operation for one in house.simulator.requests])


def outcomes(got: Streamed) -> list[tuple[str, str]]:
    return [(one.region, one.outcome) for one in got.attempts]


def as_it_is(kind: Kind | None, fault: str) -> str:
    assert kind is not None
    return IN_STREAM.get(fault, kind)


def cases(faults: Sequence[str]) -> pytest.MarkDecorator:
    """Parametrize by fault; all but one of each row of the matrix are slow tests."""
    return pytest.mark.parametrize(
        "fault", [one if one in FEW else pytest.param(one, marks=pytest.mark.slow) for one in faults]
    )


@cases([fault for fault in AT_ONCE if fault != "regional-outage"])
def test_a_stream_that_breaks_before_its_first_piece_is_had_elsewhere(house: House, fault: str) -> None:
    got = streamed(house, having(Fault(fault, nth=(1,), after=0)))
    assert got.draft is not None
    assert (got.text, got.draft.text.replace("🙂", "")) == (WHOLE, WHOLE)
    assert outcomes(got) == [(HERE, as_it_is(kind_of(fault), fault)), (THERE, "answered")]
    assert set(got.called) == {"ConverseStream"}


@cases(BREAKING)
def test_a_stream_that_breaks_off_later_is_never_patched_nor_whole(house: House, fault: str) -> None:
    """Whether a piece has left before it breaks is a matter of the network; what follows from it is not."""
    pace = {"*": Latency(token_ms=1000)}
    got = streamed(house, replace(having(Fault(fault, nth=(1,), after=LATE)), latency=pace))
    failed = len([one for one in got.attempts if one.outcome != "answered"])
    assert failed == 1
    if got.draft is None:
        assert WHOLE.startswith(got.text)
        assert (len(got.called), len(got.attempts)) == (1, 1)
    else:
        assert (got.text, len(got.called)) == (WHOLE, 2)
        assert got.draft.region == THERE


@cases([fault for fault in AT_ONCE if fault != SILENT])
def test_where_every_stream_breaks_at_once_nothing_leaves(house: House, fault: str) -> None:
    got = streamed(house, having(Fault(fault, after=0)))
    assert (got.pieces, got.draft) == ([], None)
    assert len(got.called) == len(got.attempts) == 4


@pytest.mark.slow
def test_what_has_left_before_the_silence_is_all_that_leaves(house: House) -> None:
    got = streamed(house, having(Fault(SILENT, after=LATE)))
    assert got.draft is None
    assert len(got.text) > 0
    assert WHOLE.startswith(got.text)
    assert outcomes(got) == [(HERE, Kind.SLOW)]


@cases(HARMLESS)
def test_what_is_late_or_strange_and_whole_is_the_draft(house: House, fault: str) -> None:
    got = streamed(house, having(Fault(fault)))
    assert got.draft is not None
    assert (got.text, got.draft.stop) == (WHOLE, StopReason.END)
    assert outcomes(got) == [(HERE, "answered")]


def test_a_reason_to_stop_that_nobody_knows_is_told(house: House) -> None:
    got = streamed(house, having(Fault("unknown-stop")))
    assert got.draft is not None
    assert got.draft.stop is StopReason.UNKNOWN
