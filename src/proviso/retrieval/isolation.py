"""Reading foreign formats in a process of their own, with bounds on time and memory."""

import os
import select
import subprocess
import sys
import time
from types import TracebackType
from typing import Final, Self

import msgspec
from msgspec import Struct

from proviso.errors import UnreadableSource
from proviso.retrieval.extracted import Extracted

_SECONDS: Final = 60.0
_FIX: Final = "open it and save it anew, or leave it out"


class Request(Struct, frozen=True, array_like=True):
    """A document to be read."""

    format: str
    content: bytes


class Reply(Struct, frozen=True, array_like=True):
    """Its title and text, or why there are none."""

    problem: str = ""
    title: str = ""
    text: str = ""


class _StoppedError(Exception):
    """The process ended, or was too slow."""


class IsolatedReader:
    """Starts its process with the first document, and another one after a document that has ended it."""

    def __init__(self, *, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, format_: str, content: bytes) -> Extracted:
        """The document's text; raises `UnreadableSource` with the reason, whatever the document did."""
        process = self._process = self._process or _start()
        try:
            reply = _exchange(process, Request(format_, content), time.monotonic() + self._seconds)
        except _StoppedError as stopped:
            self.close()
            raise UnreadableSource(f"it cannot be read as {format_}: {stopped}", fix=_FIX) from stopped
        if reply.problem:
            raise UnreadableSource(reply.problem, fix=_FIX)
        return Extracted(reply.title, reply.text)

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def _start() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-W", "ignore", "-m", "proviso.retrieval.worker"]
    # Our own module, and no input in the command.
    return subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
    )


def _exchange(process: subprocess.Popen[bytes], request: Request, deadline: float) -> Reply:
    assert process.stdin is not None
    assert process.stdout is not None
    message = msgspec.msgpack.encode(request)
    try:
        process.stdin.write(len(message).to_bytes(8, "little"))
        view = memoryview(message)
        while view:
            view = view[process.stdin.write(view) or 0 :]
    except BrokenPipeError as error:
        raise _StoppedError("the reader stopped") from error
    head = _receive(process.stdout.fileno(), 8, deadline)
    body = _receive(process.stdout.fileno(), int.from_bytes(head, "little"), deadline)
    return msgspec.msgpack.decode(body, type=Reply)


def _receive(descriptor: int, size: int, deadline: float) -> bytes:
    received = bytearray()
    while len(received) < size:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise _StoppedError("it took too long")
        part = os.read(descriptor, min(size - len(received), 1 << 20))
        if not part:
            raise _StoppedError("the reader gave up on it")
        received += part
    return bytes(received)
