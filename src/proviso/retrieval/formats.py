"""The formats that can be read, by the ends of file names, and the revisions of their readers."""

from pathlib import PurePosixPath
from typing import Final

FORMATS: Final = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".text": "text",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "docx",
}

# Raised whenever a reader would extract another text: a part of the snapshot's digest.
REVISIONS: Final = {"markdown": 1, "text": 1, "html": 1, "pdf": 1, "docx": 1}


def format_of(document: str) -> str | None:
    """The format that a document's name stands for, or None where there is no reader for it."""
    return FORMATS.get(PurePosixPath(document).suffix.lower())


def parser_of(document: str) -> str:
    """The reader of a document's format with its revision, e.g. `pdf/1`; "" where there is none."""
    format_ = format_of(document)
    return f"{format_}/{REVISIONS[format_]}" if format_ else ""


def title_of(document: str) -> str:
    """A title for a document that names none: its file name in words."""
    words = PurePosixPath(document).stem.replace("_", " ").replace("-", " ").split()
    return " ".join(words)[:1].upper() + " ".join(words)[1:]
