"""From files to screened texts: each document is accepted, rejected with a reason, or superseded."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from proviso.errors import UnreadableSource
from proviso.retrieval.extracted import MAX_CHARS, Extracted
from proviso.retrieval.formats import format_of, parser_of, title_of
from proviso.retrieval.from_markdown import from_markdown
from proviso.retrieval.from_text import decode, from_text
from proviso.retrieval.isolation import IsolatedReader
from proviso.retrieval.sources import Listed, Source, list_documents, read_bytes
from proviso.types import Action, Channel, Mask, Refusal, Screened

Screen = Callable[[str, Channel], Screened | Refusal]
Progress = Callable[[int, int, str], None]

_NO_READER: Final = "no reader for files of this kind"


class Accepted(Struct, frozen=True):
    """A document whose text passed the screening; `parser` names its reader with its revision.

    `masks` lead from places of the screened `text` to those of the text as it was extracted.
    """

    source: str
    document: str
    title: str
    version: str  # SHA-256 of the file's bytes
    parser: str
    text: str
    masks: tuple[Mask, ...]
    masked: int  # how many values the screening masked in it


class Rejected(Struct, frozen=True):
    """A document that is not indexed, and why."""

    source: str
    document: str
    reason: str


class Replaced(Struct, frozen=True):
    """A document that its source declares superseded by another one."""

    source: str
    document: str
    by: str


def read_documents(
    sources: Sequence[Source], screen: Screen, progress: Progress
) -> Iterator[Accepted | Rejected | Replaced]:
    """Every document of the sources in the order of (source, document); what one does harms no other."""
    listed = [(source, found) for source in sources for found in list_documents(source.folder)]
    with IsolatedReader() as reader:
        for done, (source, found) in enumerate(listed, 1):
            yield _read(source, found, screen, reader)
            progress(done, len(listed), f"{source.name}/{found.document}")


def _read(
    source: Source, found: Listed, screen: Screen, reader: IsolatedReader
) -> Accepted | Rejected | Replaced:
    if by := source.superseded.get(found.document):
        return Replaced(source.name, found.document, by)
    try:
        content = _content(found)
        extracted = extract(found.document, content, reader)
    except UnreadableSource as error:
        return Rejected(source.name, found.document, error.message)
    text = screen(extracted.text, Channel.PASSAGE)
    if isinstance(text, Refusal):
        return _refused(source, found, text)
    title = screen(extracted.title or title_of(found.document), Channel.PASSAGE)
    if isinstance(title, Refusal):
        return _refused(source, found, title)
    decisions = (*text.decisions, *title.decisions)
    return Accepted(
        source=source.name,
        document=found.document,
        title=title.text,
        version=hashlib.sha256(content).hexdigest(),
        parser=parser_of(found.document),
        text=text.text,
        masks=text.masks,
        masked=sum(decision.count for decision in decisions if decision.action is Action.MASK),
    )


def _refused(source: Source, found: Listed, refusal: Refusal) -> Rejected:
    return Rejected(source.name, found.document, f"refused by `{refusal.clause}`")


def _content(found: Listed) -> bytes:
    if found.problem:
        raise UnreadableSource(found.problem)
    if format_of(found.document) is None:
        raise UnreadableSource(_NO_READER)
    return read_bytes(found.path)


def extract(document: str, content: bytes, reader: IsolatedReader) -> Extracted:
    """The title and text of a document by its name and bytes, not yet screened: what offsets are offsets into.

    Raises `UnreadableSource` with the reason.
    """
    format_ = format_of(document)
    if format_ is None:
        raise UnreadableSource(_NO_READER)
    if format_ == "markdown":
        extracted = from_markdown(decode(content))
    elif format_ == "text":
        extracted = from_text(content)
    else:
        extracted = reader.read(format_, content)
    if not extracted.text.strip():
        raise UnreadableSource("it has no text")
    if len(extracted.text) > MAX_CHARS:
        raise UnreadableSource(f"its text is over {MAX_CHARS // 1_000_000} million characters")
    return extracted
