"""The way of a request, whole: read this file first. It orders the steps; the rooms below take them."""

import asyncio
from collections.abc import AsyncGenerator

from proviso.errors import ModelUnavailable
from proviso.ledger import Ledger
from proviso.orchestrator.history import screen_history
from proviso.orchestrator.run import Run
from proviso.retrieval import Query
from proviso.text import sentence_spans
from proviso.types import Answer, Channel, Refusal, Served


async def answer(run: Run) -> Answer | Refusal:
    """Screen → purpose → retrieve → draft → verify. A refusal is a value; it can come out of every step."""
    release, guardrails = run.release, run.release.guardrails
    question = guardrails.screen(run.request.text, Channel.USER)
    if isinstance(question, Refusal):
        return run.step("screen", question)
    run.question = question
    history = screen_history(guardrails, run.request.history)
    if isinstance(history, Refusal):
        return run.step("screen", history)
    run.history = run.step("screen", history.decisions)
    if refused := run.step("purpose", guardrails.purpose(question)):
        return refused
    query = Query(question.text, history.last_question, release.synonyms)
    run.found = run.step(
        "retrieve", await release.index.search(query, sources=run.sources, limit=release.passages)
    )
    if run.found.empty:
        return guardrails.refuse("no_evidence", "inputs.sources")
    rendered = run.step("render", release.prompt.render(question, run.found.passages, history.turns))
    run.draft = run.step("draft", await release.model.converse(run.ask(rendered)))
    return run.step("verify", guardrails.verify(run.draft, run.found.passages))


async def serve(run: Run, ledger: Ledger) -> Served:
    """Answer one request. The record is durable before this returns, whatever happened."""
    try:
        run.outcome = await _in_time(run)
    finally:  # a caller that went away, or a fault, leaves its record too
        await ledger.finished(run.finished(), run.payload(), may_spool=run.may_spool)
    return run.served()


async def stream(run: Run, ledger: Ledger) -> AsyncGenerator[str | Served, None]:
    """Answer in checked sentences; the last item is the `Served` run.

    INVARIANT: `run.started` is durable before the first sentence leaves, `run.finished` before the last one does.
    """
    await ledger.started(run.started(), may_spool=run.may_spool)
    last = ""
    try:
        outcome = await _in_time(run)
        starts = [start for start, _ in sentence_spans(outcome.text)][1:]
        *pieces, last = (outcome.text[a:b] for a, b in zip([0, *starts], [*starts, None], strict=True))
        for piece in pieces:
            run.sent += piece
            yield piece
        run.outcome = outcome
    finally:
        await ledger.finished(run.finished(), run.payload(), may_spool=run.may_spool)
    yield last
    yield run.served()


async def _in_time(run: Run) -> Answer | Refusal:
    try:
        async with asyncio.timeout(run.release.terms.deadline_s) as limit:
            return await answer(run)
    except TimeoutError:
        if not limit.expired():  # a time-out of something inside, which is a fault
            raise
        return run.release.guardrails.refuse("deadline", "latency.deadline_ms")
    except ModelUnavailable:
        return run.release.guardrails.refuse("unavailable", "models.when_unavailable")
