"""Text from Word documents: the only module that knows python-docx."""

import io
import zipfile
from collections.abc import Iterator
from typing import Final

import docx
from docx.document import Document
from docx.opc.exceptions import PackageNotFoundError
from docx.table import Table
from docx.text.paragraph import Paragraph

from proviso.errors import UnreadableSource
from proviso.retrieval.extracted import Extracted, as_title, clean, one_line
from proviso.retrieval.tables import labelled_rows, looks_like_header

_FIX: Final = "save it anew as .docx"
_OLE: Final = b"\xd0\xcf\x11\xe0"  # the container of encrypted and of old Word files
_MOST_PARTS: Final = 10_000
_MOST_BYTES: Final = 200 * 1024**2


def from_docx(content: bytes) -> Extracted:
    """The text of a Word document, tables in their places; its title is the first paragraph in style `Title`.

    Without one it is the title in the file's properties. Raises `UnreadableSource` for encrypted files, for
    broken ones, and for archives that unpack to more than 200 MB.
    """
    if content.startswith(_OLE):
        raise UnreadableSource("it is encrypted, or an old Word file", fix=_FIX)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check(archive)
        document = docx.Document(io.BytesIO(content))
    except (zipfile.BadZipFile, PackageNotFoundError, KeyError, ValueError) as error:
        raise UnreadableSource("it is not a Word document", fix=_FIX) from error
    text = clean("".join(_blocks(document)))
    title = next((line[2:] for line in text.split("\n") if line.startswith("# ")), "")
    return Extracted(as_title(title or document.core_properties.title or ""), text)


def _check(archive: zipfile.ZipFile) -> None:
    # What an entry claims is what can be read of it: `zipfile` stops there.
    entries = archive.infolist()
    if len(entries) > _MOST_PARTS or sum(entry.file_size for entry in entries) > _MOST_BYTES:
        raise UnreadableSource(f"it unpacks to more than {_MOST_BYTES // 1024**2} MB", fix=_FIX)


def _blocks(document: Document) -> Iterator[str]:
    listed = False
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            yield "\n\n" + "\n".join(_rows(block))
            listed = False
            continue
        text = one_line(block.text)
        if not text:
            continue
        mark = _mark(block)
        yield ("\n" if listed and mark == "- " else "\n\n") + mark + text
        listed = mark == "- "


def _mark(paragraph: Paragraph) -> str:
    style = (paragraph.style.name or "") if paragraph.style is not None else ""
    if style == "Title":
        return "# "
    if style.startswith("Heading ") and style[8:].isdecimal():
        # Below a title a first heading is a second level.
        return "#" * min(int(style[8:]) + 1, 6) + " "
    # The library has no public name for a paragraph's numbering, nor for the mark of a header row.
    properties = paragraph._p.pPr  # noqa: SLF001
    numbered = properties is not None and properties.numPr is not None
    return "- " if numbered or style.startswith("List") else ""


def _rows(table: Table) -> list[str]:
    rows = [[one_line(cell.text) for cell in row.cells] for row in table.rows]
    if not rows:
        return []
    first = table.rows[0]._tr.trPr  # noqa: SLF001
    marked = first is not None and first.find(f"{{{first.nsmap['w']}}}tblHeader") is not None
    if marked or looks_like_header(rows[0], rows[1:]):
        return labelled_rows(rows[0], rows[1:])
    return labelled_rows([], rows)
