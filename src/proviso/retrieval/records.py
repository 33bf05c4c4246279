"""A snapshot's files: texts and passages, memory-mapped and decoded on demand."""

import mmap
from collections.abc import Sequence
from pathlib import Path
from struct import unpack
from types import TracebackType
from typing import BinaryIO, Final, Self

import msgspec
from msgspec import Struct

from proviso.errors import Tampered
from proviso.retrieval.masks import unpack_masks
from proviso.types import Passage, Sentence

_TEXTS: Final = "texts.bin"
_RECORDS: Final = "passages.bin"
_OFFSETS: Final = "offsets.bin"
_DOCUMENTS: Final = "documents.json"
_MAGIC: Final = b"proviso\x02"  # also keeps a file from being empty, which cannot be mapped
_FIX: Final = "run `proviso index`"


class Document(Struct, frozen=True):
    """An indexed document; `[begin, stop)` are the bytes of its screened text in the texts' file."""

    source: str
    document: str
    title: str
    version: str
    parser: str
    begin: int = 0
    stop: int = 0


class Record(Struct, frozen=True, array_like=True, gc=False):
    """A passage as it is stored: `[start, end)` of the extracted text, `[begin, stop)` of the texts' file.

    `sentences` packs start and end (characters of the passage) and the number of terms of each, as
    little-endian u32; `terms` packs all terms in their order, with repeats; `masks` is as `pack_masks` says.
    """

    id: str
    document: int  # its row among the documents
    title: str
    start: int
    end: int
    begin: int
    stop: int
    sentences: bytes
    terms: bytes
    masks: bytes


class RecordWriter:
    """Writes a snapshot's files into an empty folder, document by document."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._texts: BinaryIO = (folder / _TEXTS).open("wb")
        self._records: BinaryIO = (folder / _RECORDS).open("wb")
        self._offsets: BinaryIO = (folder / _OFFSETS).open("wb")
        self._texts.write(_MAGIC)
        self._records.write(_MAGIC)
        self._documents: list[Document] = []
        self.passages = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._texts.close()
        self._records.close()
        self._offsets.close()
        if kind is None:
            (self._folder / _DOCUMENTS).write_bytes(msgspec.json.encode(self._documents))

    @property
    def documents(self) -> int:
        """How many documents were written."""
        return len(self._documents)

    def begin(self, document: Document, text: bytes) -> tuple[int, Document]:
        """Store a document's text; returns its row and the document with its place."""
        begin = self._texts.tell()
        self._texts.write(text)
        placed = msgspec.structs.replace(document, begin=begin, stop=begin + len(text))
        self._documents.append(placed)
        return len(self._documents) - 1, placed

    def add(self, record: Record) -> None:
        """Store a passage of the last document."""
        self._offsets.write(self._records.tell().to_bytes(8, "little"))
        self._records.write(msgspec.msgpack.encode(record))
        self.passages += 1


class Records:
    """A snapshot's files, opened for reading; passages are decoded when they are asked for."""

    def __init__(self, folder: Path) -> None:
        """Map the files; raises `Tampered` where they are not whole."""
        try:
            self.documents: Sequence[Document] = msgspec.json.decode(
                (folder / _DOCUMENTS).read_bytes(), type=list[Document]
            )
            self._texts = _mapped(folder / _TEXTS)
            self._records = _mapped(folder / _RECORDS)
            offsets = (folder / _OFFSETS).read_bytes()
        except (OSError, ValueError, msgspec.DecodeError) as error:
            raise Tampered(f"the snapshot `{folder.name}` is not whole", fix=_FIX) from error
        self._offsets = (
            *unpack(f"<{len(offsets) // 8}Q", offsets[: len(offsets) // 8 * 8]),
            len(self._records),
        )
        self._decoder = msgspec.msgpack.Decoder(Record)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def record(self, ordinal: int) -> Record:
        """The record at a place, from 0; raises `Tampered` where the bytes there are none."""
        begin, stop = self._offsets[ordinal], self._offsets[ordinal + 1]
        try:
            return self._decoder.decode(self._records[begin:stop])
        except msgspec.DecodeError as error:
            raise Tampered(f"passage {ordinal} of the snapshot cannot be read", fix=_FIX) from error

    def bytes(self, begin: int, stop: int) -> bytes:
        """A part of the texts' file: UTF-8."""
        return self._texts[begin:stop]

    def passage(self, ordinal: int, number: int) -> Passage:
        """The passage at a place, as number `number` of a request's passages."""
        record = self.record(ordinal)
        document = self.documents[record.document]
        places = unpack(f"<{len(record.sentences) // 4}I", record.sentences)
        terms = unpack(f"<{len(record.terms) // 4}I", record.terms)
        sentences, at = [], 0
        for start, end, count in zip(places[::3], places[1::3], places[2::3], strict=True):
            sentences.append(Sentence(start, end, frozenset(terms[at : at + count])))
            at += count
        return Passage(
            id=record.id,
            number=number,
            source=document.source,
            document=document.document,
            title=record.title,
            version=document.version,
            start=record.start,
            end=record.end,
            text=self._texts[record.begin : record.stop].decode(),
            sentences=tuple(sentences),
            masks=unpack_masks(record.masks) if record.masks else (),
        )

    def close(self) -> None:
        """Let go of the files."""
        self._texts.close()
        self._records.close()


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if mapped[: len(_MAGIC)] != _MAGIC:
        raise Tampered(f"`{path.name}` of the snapshot is of another format", fix=_FIX)
    return mapped
