"""Extracted text: what every reader returns, whatever the format."""

import re
from typing import Final

from msgspec import Struct

MAX_CHARS: Final = 10_000_000
_CONTROL: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\ufeff]")
_BLANK_LINES: Final = re.compile(r"\n{3,}")


class Extracted(Struct, frozen=True):
    """A document's title ("" where it names none) and its text.

    Headings are lines that begin with `#` marks; a table's row is one line of cells set off by ` | `, each
    after its column's label; blocks stand apart by an empty line.
    """

    title: str
    text: str


def clean(text: str) -> str:
    """The text with `\\n` line ends, without control characters, lone surrogates and trailing blanks."""
    text = _CONTROL.sub("", text.encode("utf-8", "replace").decode())
    text = "\n".join([line.rstrip() for line in text.splitlines()])
    return _BLANK_LINES.sub("\n\n", text).strip("\n")


def one_line(text: str) -> str:
    """The text on one line, its white space single blanks."""
    return " ".join(text.split())


def as_title(text: str) -> str:
    """The text as a title: one line of at most 200 characters."""
    return one_line(clean(text))[:200]
