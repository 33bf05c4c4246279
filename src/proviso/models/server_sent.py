"""Decode server-sent events, of which chat completions are streamed: https://html.spec.whatwg.org/multipage/server-sent-events.html."""

from proviso.models.failure import CallFailed, Kind

_MOST = 24 * 1024 * 1024  # bytes of one event, as of an event stream's frame


class ServerSentEvents:
    """Decodes one stream, however it is split. Of an event only its data counts here."""

    def __init__(self) -> None:
        self._line: list[bytes] = []  # the beginning of a line that is not yet whole
        self._data: list[bytes] = []
        self._kept = 0  # bytes of the data, each line with its end
        self._size = 0  # bytes of both, and of what was passed over since

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take what came; return the data of the events that are whole now. Raises `CallFailed` (`garbled`)."""
        self._size += len(chunk)
        if self._size > _MOST:
            raise CallFailed(Kind.GARBLED, "an event of the stream has no end")
        self._line.append(chunk)
        if b"\n" not in chunk:
            return []
        *lines, rest = b"".join(self._line).split(b"\n")
        self._line = [rest]
        found = [data for data in map(self._taken, lines) if data is not None]
        if found:
            self._size = len(rest) + self._kept
        return found

    def _taken(self, line: bytes) -> bytes | None:
        """Take a line; return the data of the event that ends with it."""
        # Lines end with LF or CRLF; a lone CR, which the standard allows too, nobody sends.
        line = line.removesuffix(b"\r")
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
            self._kept += len(line)
        elif not line and self._data:
            data, self._data, self._kept = self._data, [], 0
            return b"\n".join(data)
        elif not line or line.startswith(b":"):
            self._size = self._kept  # comments keep a connection alive for as long as it takes
        return None
