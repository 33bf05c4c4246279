"""Text from bytes: which encoding it is in."""

import codecs
import re
from typing import Final

from proviso.errors import UnreadableSource
from proviso.retrieval.extracted import Extracted, as_title, clean

_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE: Final = 4096
_BINARY: Final = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_LONGEST_TITLE: Final = 100


def decode(content: bytes) -> str:
    """The text of a file: by its byte order mark, else UTF-8, else Windows-1252.

    UTF-16 without a mark is known by its zeros. Raises `UnreadableSource` for bytes that are no text.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    sample = content[:_SAMPLE]
    if sample.count(0) * 3 > len(sample):
        little = sample[1::2].count(0) > sample[::2].count(0)
        text = content.decode("utf-16-le" if little else "utf-16-be", "replace")
        _check(text[:_SAMPLE])
        return text
    _check(sample.decode("latin-1"))
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _check(sample: str) -> None:
    if len(_BINARY.findall(sample)) * 20 > len(sample):
        raise UnreadableSource("it is not text", fix="save it in a format that can be read")


def from_text(content: bytes) -> Extracted:
    """The text of a plain file; its title is a short first line above others."""
    text = clean(decode(content))
    first, newline, _ = text.partition("\n")
    titled = bool(newline) and len(first) <= _LONGEST_TITLE and not first.endswith((".", ",", ";", ":"))
    return Extracted(as_title(first) if titled else "", text)
