"""Releases, requests and runs made of the doubles that the rooms ship."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from proviso.budgets import Prices
from proviso.contract import parse_prompt
from proviso.errors import StoreUnavailable
from proviso.ledger import MemoryLedger, Payload, RunFinished, RunStarted
from proviso.models import Extractive, Model, ModelRequest, Scripted
from proviso.monitoring import Rollups
from proviso.orchestrator import Caller, CompiledRelease, CompiledTerms, Prompt, Run
from proviso.retrieval import MemoryIndex
from proviso.types import (
    Draft,
    DraftCitation,
    Environment,
    Principal,
    Request,
    StopReason,
    Turn,
    Usage,
)
from tests.guardrails.made import guardrails, passage

RATE = "The per diem for Oslo is NOK 1,020 for a full day."
PAID = "It is paid with the next salary."
PASSAGES = (
    passage(1, f"{RATE} {PAID}", title="Per diem"),
    passage(2, "Flights of less than 5 hours are in economy class.", title="Air travel"),
)
PROMPT = b"""---
variables: [question, passages]
---
Answer from the passages alone.
--- user
{% for passage in passages %}[{{ passage.number }}] {{ passage.text }}
{% endfor %}{{ question }}
"""
DANA = Caller(Principal("dana", frozenset({"staff"}), frozenset({"user"}), "k1"), "s1")
CONTRACT: dict[str, dict[str, Any]] = {
    "purpose": {
        "refuses": [
            {
                "id": "legal-advice",
                "description": "Law",
                "examples": ["Can I sue my landlord?", "Can I sue the airline?"],
                "template": "t.md",
            }
        ]
    },
    "inputs": {"sensitive": {"mask": ["EMAIL"], "block": ["CREDIT_DEBIT_CARD_NUMBER"]}},
}
LOG = frozenset({"question", "answer", "citations"})


def release(
    model: Model | None = None, *, deadline_s: float = 5.0, log: frozenset[str] = LOG, **more: Any
) -> CompiledRelease:
    """A release over two passages; `more` replaces sections of its contract."""
    return CompiledRelease(
        app="policy-qa",
        summary="Answers questions.",
        workflow="policy-qa",
        digest="a" * 64,
        snapshot="c" * 64,
        terms=CompiledTerms(
            "b" * 64, {"policy": frozenset({"staff"})}, deadline_s, log, frozenset(), True, 5.0
        ),
        environment=Environment.DEV,
        unapproved=True,
        guardrails=guardrails({"purpose.refuses.legal-advice": "Ask a lawyer."}, **{**CONTRACT, **more}),
        index=MemoryIndex(PASSAGES),
        passages=2,
        synonyms=None,
        prompt=Prompt(parse_prompt("prompts/answer.md", PROMPT)),
        model=model or Extractive(),
        max_tokens=200,
        schema=None,
        drafter="extractive",
        prices={"extractive": Prices(3_000_000, 15_000_000)},
    )


def run(
    question: str,
    of: CompiledRelease | None = None,
    *history: Turn,
    caller: Caller = DANA,
    stream: bool = False,
) -> Run:
    """A run about to be answered."""
    request = Request("policy-qa", question, history, stream=stream)
    return Run(of or release(), request, caller, time.time_ns() // 1000)


def quoting(*sentences: str, usage: Usage | None = None) -> Draft:
    """A draft that quotes sentences of the first passage."""
    text, citations = "", []
    for sentence in sentences:
        text += " " if text else ""
        at = PASSAGES[0].text.index(sentence)
        citations.append(DraftCitation(len(text), len(text) + len(sentence), 1, at, at + len(sentence)))
        text += f"{sentence} [1]"
    return Draft(text, tuple(citations), StopReason.END, usage or Usage(10, 5), "scripted", "scripted")


def saying(text: str, stop: StopReason = StopReason.END) -> Scripted:
    """A model that says this, citing nothing but by marks."""
    return Scripted(lambda _: Draft(text, (), stop, Usage(10, 5), "scripted", "scripted"))


def raising(error: BaseException) -> Scripted:
    """A model that fails."""

    def script(_: ModelRequest) -> Draft:
        raise error

    return Scripted(script)


async def take(stream: AsyncIterator[object], into: list[object]) -> None:
    """Keep what a stream gives, also when it breaks off."""
    async for piece in stream:
        into.append(piece)  # noqa: PERF401  a comprehension would keep nothing of a stream that breaks off


class Waiting(Scripted):
    """A model that never answers; `asked` is set once it has been asked."""

    def __init__(self) -> None:
        super().__init__(lambda _: quoting(RATE))
        self.asked = asyncio.Event()

    async def converse(self, request: ModelRequest) -> Draft:
        self.asked.set()
        await asyncio.Event().wait()
        return await super().converse(request)

    def stream(self, request: ModelRequest) -> AsyncIterator[str | Draft]:
        raise NotImplementedError


class Steps(MemoryLedger):
    """A record that also notes the order of what happens; `fails` names the call that the store refuses."""

    def __init__(self, *, fails: str = "") -> None:
        super().__init__(Rollups())
        self.order: list[str] = []
        self._fails = fails

    async def started(self, event: RunStarted, *, may_spool: bool = False) -> None:
        self._step("started")
        await super().started(event)

    async def finished(self, event: RunFinished, payload: Payload, *, may_spool: bool = False) -> None:
        self._step("finished")
        await super().finished(event, payload)

    def _step(self, name: str) -> None:
        self.order.append(name)
        if self._fails == name:
            raise StoreUnavailable("the disk is full", fix="make room")

    def only(self) -> RunFinished:
        """Return the event of the one run."""
        (record,) = self.recent(2)
        assert record.finished is not None
        return record.finished
