"""What every endpoint must do, whatever its model can: answer, stream, stop, fail, end in time."""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Final

from msgspec import structs

from proviso.models.conformance_terms import Outcome, Subject, judged, missed, quoted
from proviso.models.failure import CallFailed, Kind
from proviso.models.shapes import Call, Message, Reply, Text
from proviso.types import StopReason

TRIES: Final = 3  # of a call that was throttled, or found nobody ready
MOST: Final = 300  # tokens of an answer
_WAIT_S: Final = 90.0
_SHORT_S: Final = 0.2
_BUSY: Final = (Kind.THROTTLED, Kind.NOT_READY, Kind.UNAVAILABLE)
_HELLO: Final = "Say hello in one short sentence."
_LONG: Final = (
    "Write the numbers from one to sixty as English words, in one line, with a comma after each, and nothing else: "
    "one, two, three, and so on until sixty. Do not shorten it, and do not explain it."
)
_WORD, _SECRET = "heron", "kestrel"


def said(text: str, subject: Subject, max_tokens: int = MOST) -> Call:
    """Return a call with one question, with the model's own settings."""
    return asked((Message("user", (Text(text),)),), subject, max_tokens)


def asked(messages: tuple[Message, ...], subject: Subject, max_tokens: int = MOST) -> Call:
    """Return a call with a conversation, with the model's own settings."""
    return Call(messages, max_tokens, inference=subject.inference, metadata={"app": "proviso-conformance"})


async def answered(subject: Subject, call: Call, wait_s: float = _WAIT_S) -> Reply:
    """Return the reply; what is too busy is tried again. Raises `CallFailed`."""
    for turn in range(1, TRIES):
        try:
            return await subject.endpoint.converse(call, time.monotonic() + wait_s)
        except CallFailed as error:
            if error.kind not in _BUSY:
                raise
            await asyncio.sleep(error.retry_after_s or subject.pause_s * turn)
    return await subject.endpoint.converse(call, time.monotonic() + wait_s)


async def streamed(subject: Subject, call: Call) -> list[str | Reply]:
    """Return what a stream brings; one that was too busy to begin is tried again. Raises `CallFailed`."""
    for turn in range(1, TRIES):
        try:
            return [item async for item in subject.endpoint.stream(call, time.monotonic() + _WAIT_S)]
        except CallFailed as error:
            if error.kind not in _BUSY:
                raise
            await asyncio.sleep(error.retry_after_s or subject.pause_s * turn)
    return [item async for item in subject.endpoint.stream(call, time.monotonic() + _WAIT_S)]


async def converse(subject: Subject) -> Outcome:
    """A question is answered whole."""
    reply = await answered(subject, said(_HELLO, subject))
    return judged(reply.stop is StopReason.END, f"{reply.stop}: {quoted(reply.text)}")


async def stream(subject: Subject) -> Outcome:
    """A stream's pieces are its text, its last item is the reply, and it stops as a whole answer does."""
    *pieces, last = await streamed(subject, said(_HELLO, subject))
    if not isinstance(last, Reply):
        return missed("the last item of the stream is no reply")
    if not all(isinstance(piece, str) and piece for piece in pieces):
        return missed("a piece of the stream is no text, or empty")
    if "".join(map(str, pieces)) != last.text:
        return missed("the pieces of the stream are not the text of its reply")
    return judged(last.stop is StopReason.END, f"{last.stop}, pieces: {len(pieces)}, {quoted(last.text)}")


async def max_tokens(subject: Subject) -> Outcome:
    """An answer that has no more room says so."""
    reply = await answered(subject, said(_LONG, subject, 10))
    return judged(reply.stop is StopReason.MAX_TOKENS, f"{reply.stop}, {reply.usage.output_tokens} tokens")


async def system(subject: Subject) -> Outcome:
    """The system prompt is followed."""
    told = f"Whatever you are asked, answer with the one word {_WORD} and nothing else."
    call = structs.replace(said("What is the capital of Norway?", subject), system=(Text(told),))
    reply = await answered(subject, call)
    return judged(_WORD in reply.text.lower(), quoted(reply.text))


async def history(subject: Subject) -> Outcome:
    """What was said before is known."""
    turns = (
        Message("user", (Text(f"My code word is {_SECRET}. Remember it."),)),
        Message("assistant", (Text("I will remember it."),)),
        Message("user", (Text("What is my code word? Answer with the word alone."),)),
    )
    reply = await answered(subject, asked(turns, subject))
    return judged(_SECRET in reply.text.lower(), quoted(reply.text))


async def usage(subject: Subject) -> Outcome:
    """Tokens are told, whole and streamed, and are the same going in."""
    call = said(_HELLO, subject)
    whole = (await answered(subject, call)).usage
    last = (await streamed(subject, call))[-1]
    assert isinstance(last, Reply)  # an endpoint's stream ends with it, or raises
    told = (whole.input_tokens, whole.output_tokens, last.usage.input_tokens, last.usage.output_tokens)
    seen = f"{told[0]} in and {told[1]} out whole, {told[2]} in and {told[3]} out streamed"
    return judged(min(told) > 0 and told[0] == told[2], seen)


async def metadata(subject: Subject) -> Outcome:
    """As much metadata as a release may send is accepted."""
    pairs = {f"key-{number}": f"a value: {number} _@$#=/+,-." for number in range(16)}
    reply = await answered(subject, structs.replace(said(_HELLO, subject), metadata=pairs))
    return judged(reply.stop is StopReason.END, f"{reply.stop}, with {len(pairs)} pairs")


async def unknown_model(subject: Subject) -> Outcome:
    """A model that does not exist is not found, and that is told apart from all else."""
    call = said(_HELLO, subject, 10)
    try:
        await subject.unknown.converse(call, time.monotonic() + _WAIT_S)
    except CallFailed as error:
        return judged(error.kind is Kind.NOT_FOUND, f"{error.kind}: {error.message}")
    return missed(f"`{subject.unknown.target.model}` answered")


async def deadline(subject: Subject) -> Outcome:
    """A call ends by its deadline, with a reply or with a failure."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(_SHORT_S + subject.slack_s):
            await subject.endpoint.converse(said(_LONG, subject), began + _SHORT_S)
        seen = "answered"
    except CallFailed as error:
        seen = str(error.kind)
    except TimeoutError:
        return missed(f"nothing {subject.slack_s:g} s after a deadline of {_SHORT_S} s")
    took = time.monotonic() - began
    return judged(
        took < _SHORT_S + subject.slack_s, f"{seen} after {took:.1f} s, where {_SHORT_S} s were left"
    )


async def cancellation(subject: Subject) -> Outcome:
    """A call that is cancelled, and a stream that is left, end at once; the next call works."""
    call = said(_LONG, subject)
    task = asyncio.ensure_future(subject.endpoint.converse(call, time.monotonic() + _WAIT_S))
    await asyncio.wait([task], timeout=_SHORT_S)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=subject.slack_s)
    if not done:
        return missed(f"a call goes on {subject.slack_s:g} s after it was cancelled")
    await asyncio.gather(task, return_exceptions=True)
    try:
        async with asyncio.timeout(_WAIT_S + subject.slack_s):
            await _leave(subject, call)
    except TimeoutError:
        return missed("a stream that is left does not end")
    reply = await answered(subject, said(_HELLO, subject))
    return judged(reply.stop is StopReason.END, "both end, and the next call is answered")


async def _leave(subject: Subject, call: Call) -> None:
    reading = subject.endpoint.stream(call, time.monotonic() + _WAIT_S)
    await anext(reading)
    if isinstance(reading, AsyncGenerator):
        async with asyncio.timeout(subject.slack_s):
            await reading.aclose()
