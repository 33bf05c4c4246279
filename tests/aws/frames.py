"""Write event-stream frames, any type of header."""

import struct
from binascii import crc32
from collections.abc import Mapping

Typed = tuple[int, bool | int | bytes | str]  # the number of the type, the value

_FIXED = {2: "!b", 3: "!h", 4: "!i", 5: "!q", 8: "!q", 9: "!16s"}


def text(value: str) -> Typed:
    return 7, value


def event(name: str, payload: bytes = b"{}", **more: Typed) -> bytes:
    headers = {":event-type": text(name), ":content-type": text("application/json")}
    return frame({**headers, ":message-type": text("event"), **more}, payload)


def frame(headers: Mapping[str, Typed], payload: bytes) -> bytes:
    return raw_frame(b"".join(_header(name, *typed) for name, typed in headers.items()), payload)


def raw_frame(block: bytes, payload: bytes) -> bytes:
    prelude = struct.pack("!II", 16 + len(block) + len(payload), len(block))
    return with_checksum(with_checksum(prelude) + block + payload)


def with_checksum(data: bytes) -> bytes:
    return data + struct.pack("!I", crc32(data))


def _header(name: str, number: int, value: bool | int | bytes | str) -> bytes:
    encoded = value.encode() if isinstance(value, str) else value
    if number in _FIXED:
        packed = struct.pack(_FIXED[number], encoded)
    elif isinstance(encoded, bytes):
        packed = struct.pack("!H", len(encoded)) + encoded
    else:
        packed = b""
    return bytes([len(name.encode())]) + name.encode() + bytes([number]) + packed
