"""Decode `application/vnd.amazon.eventstream`: frames of headers and a payload, each with two checksums.

The format: https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html, and Smithy's
https://smithy.io/2.0/aws/amazon-eventstream.html for the headers that say what a frame is.
"""

import struct
from binascii import crc32
from collections.abc import Callable, Mapping
from struct import Struct as Layout
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from proviso.aws.protocol import BrokenStream

# bytes, at most, as in botocore
MOST_HEADERS = 128 * 1024
MOST_PAYLOAD = 24 * 1024 * 1024

_PRELUDE = Layout("!III")  # length of the frame, length of its headers, CRC of these two
_CRC = Layout("!I")
_LEAST = _PRELUDE.size + _CRC.size
_MOST_KEPT = 64  # heads: a stream of Converse has six

HeaderValue = bool | int | bytes | str


class Event(Struct, frozen=True, gc=False):
    """One frame. `name` is the type of the event or of the exception, or the code of an error.

    `headers` has all of them: integers and timestamps (milliseconds since the epoch) as `int`, UUIDs as 16 bytes.
    """

    kind: str  # `event`, `exception` or `error`
    name: str
    content_type: str
    payload: bytes
    headers: Mapping[str, HeaderValue]


class _Head(Struct, frozen=True):
    kind: str
    name: str
    content_type: str
    headers: Mapping[str, HeaderValue]


class EventStream:
    """Decodes one stream, however it is split.

    Whole frames before a broken one are given back first; the next `feed` or `close` tells of the breach.
    """

    def __init__(self) -> None:
        self._held = bytearray()  # the beginning of a frame that is not yet whole
        self._need = _PRELUDE.size  # how many bytes of it would tell more
        self._heads: dict[bytes, _Head] = {}  # the same few recur in every stream
        self._broken = ""

    def feed(self, data: bytes) -> list[Event]:
        """Take what came; return the events that are whole now. Raises `BrokenStream`."""
        if self._broken:
            raise self._breach()
        if self._held:
            self._held += data
            if len(self._held) < self._need:
                return []
            data = bytes(self._held)
        events: list[Event] = []
        try:
            rest = self._decode(data, events)
        except _Damaged as damage:
            self._broken = str(damage)
            self._held.clear()
            if not events:
                raise self._breach() from None
        else:
            self._held[:] = data[rest:]
        return events

    def close(self) -> None:
        """Say that the stream has ended. Raises `BrokenStream` where that is inside a frame."""
        if not self._broken and self._held:
            self._broken = f"was cut after {len(self._held)} bytes of a frame"
        if self._broken:
            raise self._breach()

    def _breach(self) -> BrokenStream:
        return BrokenStream(
            f"the event stream {self._broken}", fix="look at what stands between here and the provider"
        )

    def _decode(self, data: bytes, events: list[Event]) -> int:
        """Append every whole frame's event; return where the rest begins."""
        start, size = 0, len(data)
        while True:
            if size - start < _PRELUDE.size:
                self._need = _PRELUDE.size
                return start
            length, headers_length, prelude_crc = _PRELUDE.unpack_from(data, start)
            if crc32(data[start : start + 8]) != prelude_crc:
                raise _Damaged("has a frame whose lengths do not fit their checksum")
            payload_length = length - headers_length - _LEAST
            if not (headers_length <= MOST_HEADERS and 0 <= payload_length <= MOST_PAYLOAD):
                raise _Damaged(f"has a frame of {length} bytes with {headers_length} of headers")
            end = start + length
            if size < end:
                self._need = length
                return start
            # The first eight bytes and their checksum are covered too: CRCs go on where they ended.
            if crc32(data[start + 8 : end - 4], prelude_crc) != _CRC.unpack_from(data, end - 4)[0]:
                raise _Damaged("has a frame that does not fit its checksum")
            middle = start + _PRELUDE.size + headers_length
            block = data[start + _PRELUDE.size : middle]
            head = self._heads.get(block) or self._keep(block)
            events.append(
                Event(head.kind, head.name, head.content_type, data[middle : end - 4], head.headers)
            )
            start = end

    def _keep(self, block: bytes) -> _Head:
        head = _read_head(block)
        if len(self._heads) < _MOST_KEPT:
            self._heads[block] = head
        return head


class _Damaged(Exception):
    """What is wrong with a frame, as the end of a sentence."""


_NAMED_BY = {"event": ":event-type", "exception": ":exception-type", "error": ":error-code"}


def _read_head(block: bytes) -> _Head:
    headers = _read_headers(block)
    kind = headers.get(":message-type")
    if not isinstance(kind, str) or kind not in _NAMED_BY:
        raise _Damaged("has a frame that is no event, exception or error")
    name, content_type = headers.get(_NAMED_BY[kind]), headers.get(":content-type", "")
    if not isinstance(name, str) or not isinstance(content_type, str):
        raise _Damaged(f"has a frame without a `{_NAMED_BY[kind]}`")
    return _Head(kind, name, content_type, MappingProxyType(headers))


def _read_headers(block: bytes) -> dict[str, HeaderValue]:
    headers: dict[str, HeaderValue] = {}
    at = 0
    try:
        while at < len(block):
            name_end = at + 1 + block[at]
            name = block[at + 1 : name_end].decode()
            value, at = _READERS[block[name_end]](block, name_end + 1)
            if name in headers:
                raise _Damaged("has a frame with a header twice")
            headers[name] = value
    except (IndexError, KeyError, struct.error, UnicodeDecodeError):
        raise _Damaged("has a frame with headers that cannot be read") from None
    if at != len(block):
        raise _Damaged("has a frame with headers that cannot be read")
    return headers


_Reader = Callable[[bytes, int], tuple[Any, int]]
_LENGTH = Layout("!H")


def _fixed(layout: str) -> _Reader:
    compiled = Layout(layout)
    return lambda block, at: (compiled.unpack_from(block, at)[0], at + compiled.size)


def _bytes(block: bytes, at: int) -> tuple[bytes, int]:
    end = at + 2 + _LENGTH.unpack_from(block, at)[0]
    return block[at + 2 : end], end


def _text(block: bytes, at: int) -> tuple[str, int]:
    value, end = _bytes(block, at)
    return value.decode(), end


# The ten types by their number; a value that goes past the end leaves `at` there, which is seen.
_READERS: Mapping[int, _Reader] = {
    0: lambda _, at: (True, at),
    1: lambda _, at: (False, at),
    2: _fixed("!b"),
    3: _fixed("!h"),
    4: _fixed("!i"),
    5: _fixed("!q"),
    6: _bytes,
    7: _text,
    8: _fixed("!q"),  # a timestamp
    9: _fixed("!16s"),  # a UUID
}
