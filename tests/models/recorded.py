"""The in-memory double of a transport: it answers with what was recorded, and keeps what was sent."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from proviso.aws import Bearer, HttpRequest, Keys, NoCredentials, Patience, TransportFailed

Part = bytes | TransportFailed | asyncio.Event  # some bytes, a failure, or silence until something happens


@dataclass(frozen=True)
class Recording:
    """A response: its head, and its body in the parts in which it comes. An error instead of a head: `refused`."""

    parts: Sequence[Part] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    refused: TransportFailed | None = None


class _Headers(dict[str, str]):
    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in given.items()})

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]  # as a Mapping has it
        return super().get(name.lower(), default)


class _Response:
    def __init__(self, recording: Recording, silent: asyncio.Event) -> None:
        self._silent = silent
        self.status = recording.status
        self.headers = _Headers(recording.headers)
        self.ended = False
        self._parts = recording.parts

    async def read(self) -> bytes:
        return b"".join([part async for part in self.chunks()])

    async def chunks(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            if isinstance(part, asyncio.Event):
                self._silent.set()
                await part.wait()
            elif isinstance(part, TransportFailed):
                raise part
            else:
                yield part
        self.ended = True


class Recorded:
    """Gives each request the next recording, the last one again and again. `cut`: left before the body's end."""

    def __init__(self, *recordings: Recording) -> None:
        self.sent: list[HttpRequest] = []
        self.patience: list[Patience] = []
        self.cut = 0
        self.silent = asyncio.Event()  # set where a response goes silent
        self._next: Iterator[Recording] = iter(recordings)
        self._recording = recordings[-1]

    @asynccontextmanager
    async def send(self, request: HttpRequest, patience: Patience) -> AsyncIterator[_Response]:
        self.sent.append(request)
        self.patience.append(patience)
        recording = next(self._next, self._recording)
        if recording.refused is not None:
            raise recording.refused
        response = _Response(recording, self.silent)
        try:
            yield response
        finally:
            self.cut += not response.ended

    async def close(self) -> None:
        """Nothing is open."""


class Ring:
    """Credentials that come one after the other, the last one again and again; None: there are none."""

    def __init__(self, *keys: Keys | None) -> None:
        self._next = iter(keys)
        self._last = keys[-1]

    async def current(self, refused: Keys | Bearer | None = None) -> Keys:
        keys = next(self._next, self._last)
        if keys is None:
            raise NoCredentials("there is nothing to sign with")
        return keys
