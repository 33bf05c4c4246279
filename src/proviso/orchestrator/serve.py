"""The way of a request, whole: read this file first. It orders the steps; the rooms below take them."""

import asyncio
from collections.abc import AsyncIterator

from proviso.errors import ModelUnavailable
from proviso.ledger import Recorder
from proviso.models import ModelRequest
from proviso.orchestrator.run import Run
from proviso.retrieval import Query
from proviso.text import sentence_spans
from proviso.types import Answer, Channel, Refusal, Served


async def answer(run: Run) -> Answer | Refusal:
    """Screen → purpose → retrieve → draft → verify. A refusal is a value; it can come out of every step."""
    release, request = run.release, run.request
    question = release.guardrails.screen(request.text, Channel.USER)
    if isinstance(question, Refusal):
        return run.step("screen", question)
    run.question = question
    history = release.guardrails.screen_history(request.history)
    if isinstance(history, Refusal):
        return run.step("screen", history)
    run.step("screen")
    if refused := release.guardrails.purpose(question):
        return run.step("purpose", refused)
    run.step("purpose")
    query = Query(question.text, context=next((t.text for t in reversed(history) if t.role == "user"), ""))
    found = await release.index.search(query, sources=run.sources, limit=release.passages)
    run.found = run.step("retrieve", found)
    if found.empty:
        return release.guardrails.refuse("no_evidence", "inputs.sources")
    rendered = release.prompt.render(question, found.passages, history)
    run.step("render")
    draft = await release.model.converse(ModelRequest(rendered, release.max_tokens, run.deadline))
    run.draft = run.step("draft", draft)
    return run.step("verify", release.guardrails.verify(draft, found.passages))


async def serve(run: Run, recorder: Recorder) -> Served:
    """Answer one request. The record is durable before this returns, whatever happened."""
    try:
        run.outcome = await _in_time(run)
    finally:  # a caller that went away, or a fault, leaves its record too
        await recorder.finished(run.event(), run.payload())
    return run.served()


async def stream(run: Run, recorder: Recorder) -> AsyncIterator[str | Served]:
    """Answer in checked sentences; the last item is the `Served` run.

    INVARIANT: `run.started` is durable before the first sentence leaves, `run.finished` before the last one does.
    """
    await recorder.started(run.started())
    pieces = [""]
    try:
        outcome = await _in_time(run)
        starts = [start for start, _ in sentence_spans(outcome.text)][1:]
        cuts = [0, *starts, len(outcome.text)]
        pieces = [outcome.text[a:b] for a, b in zip(cuts, cuts[1:], strict=False)]
        for piece in pieces[:-1]:
            run.sent = True
            yield piece
        run.outcome = outcome
    finally:
        await recorder.finished(run.event(), run.payload())
    yield pieces[-1]
    yield run.served()


async def _in_time(run: Run) -> Answer | Refusal:
    try:
        async with asyncio.timeout(run.release.terms.deadline_s):
            return await answer(run)
    except TimeoutError:
        return run.release.guardrails.refuse("deadline", "latency.deadline_ms")
    except ModelUnavailable:
        return run.release.guardrails.refuse("unavailable", "models.when_unavailable")
