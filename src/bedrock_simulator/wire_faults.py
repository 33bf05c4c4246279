"""What networks, proxies and broken encoders do to an answer: each fault turns its script into another one."""

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from random import Random

from msgspec import Struct, structs

from bedrock_simulator import event_stream
from bedrock_simulator.answer_faults import payload_at
from bedrock_simulator.delivery import FOR_EVER, End, Piece, Script
from bedrock_simulator.faults import STREAMED
from bedrock_simulator.scenario import Fault
from bedrock_simulator.service_faults import exception_frame

_HTML = (
    b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>"
    b"<body><center><h1>502 Bad Gateway</h1></center></body></html>"
)
_MISSING = 16  # bytes that a length promises and the body does not have
_APART = 0.002  # real seconds between the bytes of a character, so that they do not arrive as one


class _Struck(Struct, frozen=True):
    """A script and what strikes it. A whole body is in two pieces, and `at` is between them."""

    script: Script
    at: int  # the index of the piece that is struck
    seconds: float
    random: Random

    @property
    def stream(self) -> bool:
        return self.script.length is None

    @property
    def before(self) -> tuple[Piece, ...]:
        return self.script.pieces[: self.at]

    @property
    def piece(self) -> Piece:
        return self.script.pieces[self.at]

    @property
    def after(self) -> tuple[Piece, ...]:
        return self.script.pieces[self.at + 1 :]


def strike(script: Script, fault: Fault, time_scale: float, random: Random) -> Script:
    """Return what becomes of a script: the same one where the fault does nothing on the wire."""
    change = _CHANGES.get(fault.kind)
    if change is None or not script.pieces:
        return script
    if script.length is not None:
        if fault.kind in STREAMED:  # the stream could not be made, and an error goes out instead
            return script
        script = _halved(script)
        at = 1
    else:
        last = next((at for at, piece in enumerate(script.pieces) if piece.event == "messageStop"), None)
        at = min(fault.after, len(script.pieces) - 1 if last is None else last)
    return change(_Struck(script, at, fault.seconds * time_scale, random), fault.kind)


def _halved(script: Script) -> Script:
    body = b"".join(piece.content for piece in script.pieces)
    middle = len(body) // 2
    return structs.replace(script, pieces=(Piece(body[:middle]), Piece(body[middle:])))


def _cut(struck: _Struck, pieces: tuple[Piece, ...], end: End) -> Script:
    return structs.replace(struck.script, pieces=pieces, end=end)


def _swapped(struck: _Struck, *instead: Piece) -> Script:
    return structs.replace(struck.script, pieces=(*struck.before, *instead, *struck.after))


# -- instead of an answer


def _html(struck: _Struck, _kind: str) -> Script:
    headers = (("content-type", "text/html"),)
    return Script(502, headers, len(_HTML), (Piece(_HTML),), struck.script.wait)


def _no_byte(struck: _Struck, _kind: str) -> Script:
    return Script(None, (), None, (), struck.script.wait, End.RESET)


def _slow(struck: _Struck, _kind: str) -> Script:
    return structs.replace(struck.script, wait=struck.script.wait + struck.seconds)


# -- an early end, or none


def _exception(struck: _Struck, kind: str) -> Script:
    frame = exception_frame(kind)
    assert frame is not None  # every kind that is listed below with this change has one
    return _cut(struck, (*struck.before, Piece(frame.content, frame.event, struck.piece.wait)), End.FINISH)


def _cut_in_frame(struck: _Struck, _kind: str) -> Script:
    piece = struck.piece
    half = structs.replace(piece, content=piece.content[: len(piece.content) // 2])
    return _cut(struck, (*struck.before, half), End.FINISH)


def _cut_before_stop(struck: _Struck, _kind: str) -> Script:
    kept = tuple(piece for piece in struck.script.pieces if piece.event not in ("messageStop", "metadata"))
    return _cut(struck, kept, End.FINISH)


def _closed(struck: _Struck, _kind: str) -> Script:
    return _cut(struck, struck.before, End.CLOSE)


def _reset_during(struck: _Struck, _kind: str) -> Script:
    return _cut(struck, struck.before, End.RESET)


def _silent(struck: _Struck, _kind: str) -> Script:
    # the wait is never over; what would be written after it makes clear that there is more to come
    return _cut(struck, (*struck.before, structs.replace(struck.piece, wait=FOR_EVER)), End.CLOSE)


def _gap(struck: _Struck, _kind: str) -> Script:
    return _swapped(struck, structs.replace(struck.piece, wait=struck.piece.wait + struck.seconds))


# -- bytes that are not what they should be


def _bad_crc(struck: _Struck, kind: str) -> Script:
    content = bytearray(struck.piece.content)
    content[8 if kind == "bad-prelude-crc" else -1] ^= 0x01
    return _swapped(struck, structs.replace(struck.piece, content=bytes(content)))


def _bad_length(struck: _Struck, _kind: str) -> Script:
    lengths = struct.pack(">I", 0x7FFF_FFFF) + struck.piece.content[4:8]
    content = lengths + struct.pack(">I", zlib.crc32(lengths)) + struck.piece.content[12:]
    return _swapped(struck, structs.replace(struck.piece, content=content))


def _garbage(struck: _Struck, _kind: str) -> Script:
    # 0xff begins neither JSON nor UTF-8, and as a length it is more than a frame may have
    noise = b"\xff" + struck.random.randbytes(255)
    if struck.stream:
        return _swapped(struck, structs.replace(struck.piece, content=noise))
    return structs.replace(struck.script, pieces=(Piece(noise),), length=len(noise))


def _half_json(struck: _Struck, _kind: str) -> Script:
    if struck.stream:
        start, end = payload_at(struck.piece.content)
        half = event_stream.event(struck.piece.event, struck.piece.content[start : (start + end) // 2])
        return _swapped(struck, structs.replace(struck.piece, content=half))
    half_body = struck.before
    return structs.replace(struck.script, pieces=half_body, length=len(half_body[0].content))


def _wrong_length(struck: _Struck, _kind: str) -> Script:
    assert struck.script.length is not None  # streams are chunked, and this cannot happen to them
    return structs.replace(struck.script, length=struck.script.length + _MISSING, end=End.CLOSE)


def _split_utf8(struck: _Struck, _kind: str) -> Script:
    pieces = tuple(part for piece in struck.script.pieces for part in _parted(piece, stream=struck.stream))
    return structs.replace(struck.script, pieces=pieces)


def _parted(piece: Piece, *, stream: bool) -> Iterator[Piece]:
    """Cut a write after the first byte of each character that has several."""
    content, wait = piece.content, piece.wait
    start, end = payload_at(content) if stream else (0, len(content))
    done = 0
    for at in range(start, end - 1):
        if content[at] >= 0xC0:
            yield Piece(content[done : at + 1], piece.event, wait)
            done, wait = at + 1, _APART
    yield Piece(content[done:], piece.event, wait)


def _tiny(struck: _Struck, _kind: str) -> Script:
    pieces: list[Piece] = []
    for piece in struck.script.pieces:
        for at, byte in enumerate(piece.content):
            pieces.append(Piece(bytes([byte]), piece.event, 0.0 if at else piece.wait))
    return structs.replace(struck.script, pieces=tuple(pieces))


def _strange_event(struck: _Struck, _kind: str) -> Script:
    content = event_stream.event("simulatedEvent", b'{"simulated":true}')
    return _swapped(struck, Piece(content, "simulatedEvent"), struck.piece)


_Change = Callable[[_Struck, str], Script]
_CHANGES: Mapping[str, _Change] = {
    "html-error": _html,
    "reset-before": _no_byte,
    "slow-first-byte": _slow,
    "stream-throttling": _exception,
    "stream-internal": _exception,
    "stream-unavailable": _exception,
    "stream-validation": _exception,
    "stream-model-error": _exception,
    "stream-error": _exception,
    "stream-cut-in-frame": _cut_in_frame,
    "stream-cut-before-stop": _cut_before_stop,
    "stream-closed": _closed,
    "reset-during": _reset_during,
    "never-ends": _silent,
    "idle-gap": _gap,
    "bad-crc": _bad_crc,
    "bad-prelude-crc": _bad_crc,
    "bad-length": _bad_length,
    "garbage": _garbage,
    "half-json": _half_json,
    "wrong-length": _wrong_length,
    "split-utf8": _split_utf8,
    "tiny-writes": _tiny,
    "unknown-event": _strange_event,
}
