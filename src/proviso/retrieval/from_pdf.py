"""Text from PDF: the only module that knows pypdf."""

import io
from collections.abc import Sequence
from typing import Final

import pypdf
from pypdf.errors import DependencyError, PyPdfError

from proviso.errors import UnreadableSource
from proviso.retrieval.extracted import Extracted, as_title, clean
from proviso.retrieval.layout import blocks, running_lines

_MOST_PAGES: Final = 5_000
_FIX: Final = "save it anew as a PDF with text"
# What pypdf raises on pages that break the standard, beside its own errors.
_BROKEN: Final = (
    PyPdfError,
    ArithmeticError,
    AttributeError,
    LookupError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
)


def from_pdf(content: bytes) -> Extracted:
    """The text of a PDF, as its pages are laid out; its title is the one in its metadata.

    Raises `UnreadableSource` for encrypted and broken files and for those that are images only.
    """
    try:
        reader = pypdf.PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise UnreadableSource("it is encrypted", fix="save it without a password")
        if len(reader.pages) > _MOST_PAGES:
            raise UnreadableSource(f"it has more than {_MOST_PAGES} pages", fix="split it")
        pages = [_lines(page) for page in reader.pages]
        named = reader.metadata.title if reader.metadata else None
    except DependencyError as error:
        raise UnreadableSource("it is encrypted", fix="save it without a password") from error
    except _BROKEN as error:
        raise UnreadableSource(f"it is a broken PDF: {type(error).__name__}", fix=_FIX) from error
    # Pages that are all alike would be nothing but running lines.
    text = _text(pages, running_lines(pages)) or _text(pages, frozenset())
    if not text:
        raise UnreadableSource("it has no text, only images", fix="recognise its text (OCR) first")
    return Extracted(as_title(str(named)) if named else "", text)


def _text(pages: Sequence[Sequence[str]], running: frozenset[str]) -> str:
    return clean("\n\n".join([block for page in pages for block in blocks(page, running)]))


def _lines(page: pypdf.PageObject) -> list[str]:
    """The lines of a page with the gaps between its columns, or without where its fonts give no widths."""
    try:
        text = page.extract_text(extraction_mode="layout", layout_mode_strip_rotated=False)
    except _BROKEN:
        text = page.extract_text()
    return [line.rstrip() for line in text.splitlines()]
