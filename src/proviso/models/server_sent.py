"""Decode server-sent events, of which chat completions are streamed: https://html.spec.whatwg.org/multipage/server-sent-events.html."""

from proviso.models.failure import CallFailed, Kind

_MOST = 24 * 1024 * 1024  # bytes of one event, as of an event stream's frame


class ServerSentEvents:
    """Decodes one stream, however it is split. Of an event only its data counts here."""

    def __init__(self) -> None:
        self._held = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take what came; return the data of the events that are whole now. Raises `CallFailed` (`garbled`)."""
        *lines, held = (self._held + chunk).split(b"\n")
        self._held = held
        found: list[bytes] = []
        for line in lines:
            # Lines end with LF or CRLF; a lone CR, which the standard allows too, nobody sends.
            if line.endswith(b"\r"):
                line = line[:-1]
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
                self._size += len(line)
            elif not line and self._data:
                found.append(b"\n".join(self._data))
                self._data, self._size = [], 0
        if self._size + len(held) > _MOST:
            raise CallFailed(Kind.GARBLED, "an event of the stream has no end")
        return found
