"""Encodes frames of `application/vnd.amazon.eventstream`.

The format: https://smithy.io/2.0/aws/amazon-eventstream.html. A prelude of total length, length of the headers and
the CRC-32 of both; the headers; the payload; the CRC-32 of all of it. Numbers are big-endian.
"""

from collections.abc import Sequence
from struct import Struct
from zlib import crc32

_PRELUDE = Struct(">II")
_CRC = Struct(">I")
_VALUE = Struct(">BH")
_STRING = 7  # the type of a header whose value is a string
_AROUND = 16  # bytes of a frame beside headers and payload

CONTENT_TYPE = "application/vnd.amazon.eventstream"


def event(name: str, payload: bytes) -> bytes:
    """Return the frame of an event whose payload is JSON."""
    headers = ((":event-type", name), (":content-type", "application/json"), (":message-type", "event"))
    return frame(headers, payload)


def exception(name: str, payload: bytes) -> bytes:
    """Return the frame of an exception of the service model, e.g. `throttlingException`."""
    headers = (
        (":exception-type", name),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    )
    return frame(headers, payload)


def frame(headers: Sequence[tuple[str, str]], payload: bytes) -> bytes:
    """Return a frame with headers whose values are strings (names ≤ 255 bytes, values ≤ 65,535)."""
    head = b"".join(_header(name, value) for name, value in headers)
    prelude = _PRELUDE.pack(_AROUND + len(head) + len(payload), len(head))
    before = b"".join((prelude, _CRC.pack(crc32(prelude)), head, payload))
    return before + _CRC.pack(crc32(before))


def _header(name: str, value: str) -> bytes:
    raw_name, raw_value = name.encode(), value.encode()
    return bytes((len(raw_name),)) + raw_name + _VALUE.pack(_STRING, len(raw_value)) + raw_value
