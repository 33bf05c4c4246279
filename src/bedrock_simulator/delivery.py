"""How an answer leaves: a script of writes and waits, and playing it on a connection."""

import math
from collections.abc import Awaitable, Callable
from enum import Enum, auto

from msgspec import Struct

from bedrock_simulator.exchange import Connection, Outgoing, Tokens
from bedrock_simulator.latency import Pace

Sleep = Callable[[float], Awaitable[object]]  # seconds; for infinity it ends only when it is cancelled

FOR_EVER = math.inf


class End(Enum):
    """How the body ends."""

    FINISH = auto()  # as HTTP has it
    CLOSE = auto()  # with a FIN, in the middle of the body
    RESET = auto()  # with an RST


class Piece(Struct, frozen=True):
    """One write, after a wait in seconds. `event`: of a stream, the event that it holds."""

    content: bytes
    event: str = ""
    wait: float = 0.0


class Script(Struct, frozen=True):
    """Everything that happens on the connection. `status` None: nothing is written at all."""

    status: int | None
    headers: tuple[tuple[str, str], ...]
    length: int | None  # what Content-Length says; None: chunked
    pieces: tuple[Piece, ...]
    wait: float = 0.0  # seconds before the head
    end: End = End.FINISH


def script_of(outgoing: Outgoing, tokens: Tokens, pace: Pace) -> Script:
    """Write the script of an answer to which nothing happens.

    A stream's tokens are spread evenly over its frames of text, and each of these waits for its own; a whole body
    waits for all of them.
    """
    if outgoing.frames is None:
        piece = Piece(outgoing.body)
        wait = pace.first() + pace.tokens(tokens.output)
        return Script(outgoing.status, outgoing.headers, len(outgoing.body), (piece,), wait)
    each = tokens.output / max(1, sum(frame.text for frame in outgoing.frames))
    first = pace.first()
    pieces = tuple(
        Piece(frame.content, frame.event, pace.tokens(each) if frame.text else 0.0)
        for frame in outgoing.frames
    )
    return Script(outgoing.status, outgoing.headers, None, pieces, first)


async def play(script: Script, connection: Connection, sleep: Sleep) -> None:
    """Do what the script says. Cancelling ends it at any wait or write.

    Raises what `connection.write` does when the client has gone.
    """
    await _pause(script.wait, sleep)
    if script.status is not None:
        connection.start(script.status, script.headers, length=script.length)
        for piece in script.pieces:
            await _pause(piece.wait, sleep)
            if piece.content:
                await connection.write(piece.content)
    if script.end is End.FINISH:
        await connection.finish()
    elif script.end is End.CLOSE:
        connection.close()
    else:
        connection.reset()


async def _pause(seconds: float, sleep: Sleep) -> None:
    if seconds > 0:
        await sleep(seconds)
