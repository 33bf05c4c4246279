"""Sample events and payloads."""

from collections.abc import Sequence

import uuid_utils

from proviso.ledger import CitationRef, Event, Outcome, PassageRef, Payload, RunFinished, RunStarted
from proviso.store import Increment
from proviso.types import Action, Answer, Channel, Decision, Environment, Purpose, Screened

NOW = 1_767_225_600_000_000


class NoProjection:
    """Counts nothing."""

    def rows(self, event: Event) -> Sequence[Increment]:
        return ()


def new_run() -> str:
    return str(uuid_utils.uuid7())


def started(run: str, subject: str = "s1") -> RunStarted:
    return RunStarted(
        run=run,
        at=NOW,
        app="policy-qa",
        workflow="answer",
        release="a" * 64,
        terms="b" * 64,
        purpose=Purpose.LIVE,
        environment=Environment.DEV,
        unapproved=True,
        subject=subject,
        groups=("staff",),
        key="0123456789ab",
    )


def finished(run: str, subject: str = "s1", app: str = "policy-qa", at: int = NOW) -> RunFinished:
    return RunFinished(
        run=run,
        at=at,
        app=app,
        workflow="answer",
        release="a" * 64,
        terms="b" * 64,
        snapshot="c" * 64,
        purpose=Purpose.LIVE,
        environment=Environment.DEV,
        unapproved=True,
        outcome=Outcome.ANSWER,
        subject=subject,
        groups=("staff",),
        key="0123456789ab",
        duration_us=1_234,
        passages=(
            PassageRef(id="p1", source="travel", document="per-diem.md", version="d" * 64, start=0, end=90),
        ),
        citations=(CitationRef(number=1, passage="p1", start=3, end=40),),
        decisions=(Decision("inputs.sensitive.mask.EMAIL", Action.MASK, "EMAIL", Channel.USER, 1),),
        timings={"verify": 40, "screen": 30},
    )


def payload(question: str = "What is the per diem?", *log: str) -> Payload:
    return Payload(
        Screened(question, Channel.USER),
        Answer("It is 75 EUR. [1]", ()),
        frozenset(log or ("question", "answer", "citations")),
    )
