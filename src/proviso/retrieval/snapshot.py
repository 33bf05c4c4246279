"""Building a snapshot: documents → text → screening → chunks → passages → index, all or nothing."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from pathlib import Path
from struct import pack, unpack
from typing import Final

from msgspec import Struct

from proviso.errors import NotReady, StoreUnavailable, Tampered
from proviso.retrieval import chunks
from proviso.retrieval.approvals import sync, write_approvals
from proviso.retrieval.chunks import Chunk
from proviso.retrieval.commitment import commit, passage_id
from proviso.retrieval.documents import Accepted, Progress, Rejected, Replaced, Screen, read_documents
from proviso.retrieval.index import TITLE_WEIGHT
from proviso.retrieval.masks import pack_masks, within
from proviso.retrieval.ranking import write_ranking
from proviso.retrieval.records import Document, Record, Records, RecordWriter
from proviso.retrieval.sources import Source
from proviso.retrieval.text_index import RANKING, open_index
from proviso.text import Analyser, sentence_spans
from proviso.types import original_span

_BUILDING: Final = ".building-"


class Built(Struct, frozen=True):
    """A snapshot that is there to be opened, and what became of every document.

    `masked` counts the values that screening masked; `reused`: a snapshot of this digest was there already.
    """

    digest: str
    folder: Path
    documents: int
    passages: int
    masked: int
    reused: bool
    unreadable: tuple[tuple[str, str], ...]  # (source/document, reason)
    superseded: tuple[tuple[str, str], ...]  # (source/document, the one that replaced it)
    unmatched: tuple[str, ...]  # declared superseded, but no such document is there: a misspelt name?
    unapproved: tuple[str, ...]  # sources that nobody has approved


def build_snapshot(
    sources: Sequence[Source], into: Path, *, screen: Screen, now: datetime, progress: Progress
) -> Built:
    """Read, screen, chunk and index the approved sources into the folder `into/<digest>`.

    Equal content gives the equal digest on any machine. A build that fails or is killed leaves what is there
    untouched; a snapshot that is there already keeps its index and gets today's approvals. `progress` is told
    (documents done, documents in all, document). Source names must be unique. Raises `StoreUnavailable` where
    the folder cannot be written.
    """
    try:
        return _build(sources, into, screen=screen, now=now, progress=progress)
    except OSError as error:
        raise StoreUnavailable(
            f"the snapshot cannot be written to `{into}`: {error.strerror or error}",
            fix="make room there, or check its permissions",
        ) from error


def _build(
    sources: Sequence[Source], into: Path, *, screen: Screen, now: datetime, progress: Progress
) -> Built:
    approved = sorted([source for source in sources if source.approved_by], key=lambda source: source.name)
    into.mkdir(parents=True, exist_ok=True)
    outcomes = _Outcomes()
    with _workplace(into) as folder:
        _write_records(outcomes.watch(read_documents(approved, screen, progress)), folder)
        with Records(folder) as records:
            digest = commit(records).digest
            documents, passages = len(records.documents), len(records)
            reused = _is_whole(into, digest)
            if not reused:
                (folder / RANKING).mkdir()
                write_ranking(folder / RANKING, _rows(records))
        write_approvals(into / digest if reused else folder, approved, now)
        if not reused:
            _publish(folder, into / digest)
    return Built(
        digest=digest,
        folder=into / digest,
        documents=documents,
        passages=passages,
        masked=outcomes.masked,
        reused=reused,
        unreadable=tuple(outcomes.unreadable),
        superseded=tuple(outcomes.superseded),
        unmatched=outcomes.unmatched(approved),
        unapproved=tuple([source.name for source in sources if not source.approved_by]),
    )


class _Outcomes:
    """What became of the documents, gathered as they pass."""

    def __init__(self) -> None:
        self.masked = 0
        self.unreadable: list[tuple[str, str]] = []
        self.superseded: list[tuple[str, str]] = []

    def watch(self, documents: Iterator[Accepted | Rejected | Replaced]) -> Iterator[Accepted]:
        for found in documents:
            name = f"{found.source}/{found.document}".rstrip("/")
            if isinstance(found, Rejected):
                self.unreadable.append((name, found.reason))
            elif isinstance(found, Replaced):
                self.superseded.append((name, f"{found.source}/{found.by}"))
            else:
                self.masked += found.masked
                yield found

    def unmatched(self, sources: Sequence[Source]) -> tuple[str, ...]:
        declared = {f"{source.name}/{old}" for source in sources for old in source.superseded}
        return tuple(sorted(declared - {name for name, _ in self.superseded}))


def _write_records(documents: Iterator[Accepted], folder: Path) -> None:
    analyser = Analyser()
    with RecordWriter(folder) as writer:
        for accepted in documents:
            row, document = writer.begin(
                Document(
                    source=accepted.source,
                    document=accepted.document,
                    title=accepted.title,
                    version=accepted.version,
                    parser=accepted.parser,
                ),
                accepted.text.encode(),
            )
            place, at = document.begin, 0
            for piece in chunks.chunk(accepted.text, sentence_spans(accepted.text)):
                place += len(accepted.text[at : piece.start].encode())
                at = piece.start
                writer.add(_record(accepted, piece, row, document, place, analyser))


def _record(
    accepted: Accepted, piece: Chunk, row: int, document: Document, begin: int, analyser: Analyser
) -> Record:
    text = accepted.text
    start, end = original_span(accepted.masks, piece.start, piece.end)
    body = text[piece.start : piece.end]
    terms = [analyser.terms(text[first:last]) for first, last in piece.sentences]
    places = [
        (first - piece.start, last - piece.start, len(found))
        for (first, last), found in zip(piece.sentences, terms, strict=True)
    ]
    headings = [heading for heading in piece.headings if heading != document.title]
    return Record(
        id=passage_id(document, start, end),
        document=row,
        title=" › ".join([document.title, *headings]),
        start=start,
        end=end,
        begin=begin,
        stop=begin + len(body.encode()),
        sentences=_packed(chain.from_iterable(places)),
        terms=_packed(chain.from_iterable(terms)),
        masks=pack_masks(within(accepted.masks, piece.start, piece.end)),
    )


def _packed(numbers: Iterable[int]) -> bytes:
    values = list(numbers)
    return pack(f"<{len(values)}I", *values)


def _rows(records: Records) -> Iterator[tuple[str, list[int]]]:
    """The passages as the ranking wants them: their source, and their terms with those of the title."""
    analyser = Analyser()
    for ordinal in range(len(records)):
        record = records.record(ordinal)
        terms = unpack(f"<{len(record.terms) // 4}I", record.terms)
        yield (
            records.documents[record.document].source,
            [*terms, *analyser.terms(record.title) * TITLE_WEIGHT],
        )


def _is_whole(into: Path, digest: str) -> bool:
    try:
        open_index(into, digest).close()
    except (NotReady, Tampered):
        return False
    return True


@contextmanager
def _workplace(into: Path) -> Iterator[Path]:
    """A new folder beside the snapshots, locked while in use; those of killed builds are removed."""
    for left in into.glob(_BUILDING + "*"):
        descriptor = os.open(left, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_BUILDING, dir=into, ignore_cleanup_errors=True) as place:
        descriptor = os.open(place, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            folder = Path(place) / "snapshot"
            folder.mkdir()
            yield folder
        finally:
            os.close(descriptor)


def _publish(folder: Path, target: Path) -> None:
    """Make everything in the folder durable, then give it its name in one step."""
    for path in [*folder.rglob("*"), folder]:
        sync(path)
    if target.exists():  # it failed the check, or another build has just been faster
        target.rename(folder.parent / "replaced")
    folder.rename(target)
    sync(target.parent)
