"""A streamed answer: each piece leaves as soon as it is checked, in the events of its dialect."""

from collections.abc import Iterable
from contextlib import aclosing
from typing import Protocol

from proviso.gateway.chat import Chat
from proviso.gateway.completion import Chunks
from proviso.gateway.exchange import Exchange, Header
from proviso.gateway.leaving import Watch
from proviso.gateway.native import run_event, text_event
from proviso.gateway.parts import PendingRun
from proviso.types import Served


class Writer(Protocol):
    """How a dialect writes the events of a stream."""

    def text(self, piece: str) -> bytes:
        """Write a piece of the answer."""

    def end(self, served: Served) -> bytes:
        """Write what is known when the run has ended."""


class ChatWriter:
    """Chunks of a chat completion; the first one names the role."""

    def __init__(self, run: str, chat: Chat) -> None:
        self._chunks = Chunks(run, chat)
        self._opened = False

    def text(self, piece: str) -> bytes:
        """Write a piece of the answer."""
        if self._opened:
            return self._chunks.text(piece)
        self._opened = True
        return self._chunks.role() + self._chunks.text(piece)

    def end(self, served: Served) -> bytes:
        """Write the finish, the usage if asked for, and `[DONE]`."""
        return self._chunks.end(served)


class NativeWriter:
    """Events `text`, then one event `run`."""

    def text(self, piece: str) -> bytes:
        """Write a piece of the answer."""
        return text_event(piece)

    def end(self, served: Served) -> bytes:
        """Write the finished run."""
        return run_event(served)


async def stream(exchange: Exchange, run: PendingRun, writer: Writer, headers: Iterable[Header]) -> Served:
    """Send the answer. Before its first piece no status has left, so an error until then is a plain reply."""
    served = await _send_pieces(exchange, run, writer, headers)
    await exchange.last_piece(writer.end(served))
    return served


async def _send_pieces(
    exchange: Exchange, run: PendingRun, writer: Writer, headers: Iterable[Header]
) -> Served:
    with Watch(exchange.receive):
        async with aclosing(run.stream()) as pieces:
            async for piece in pieces:
                if not exchange.begun:
                    await exchange.open_stream(headers)
                if isinstance(piece, Served):
                    return piece
                await exchange.piece(writer.text(piece))
    raise EOFError("a stream ended without its run")  # INVARIANT: `PendingRun.stream` ends with `Served`
