"""The digest of a snapshot: over what its passages say, never over index files or times."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from proviso.errors import Tampered
from proviso.retrieval import chunks
from proviso.retrieval.records import Document, Records
from proviso.text import REVISION as TEXT_REVISION

FORMAT: Final = 2


def canonical(value: Any) -> bytes:
    """Sorted, compact JSON: RFC 8785 where, as here, keys are ASCII and no number is a float."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def passage_id(document: Document, start: int, end: int) -> str:
    """The name of a passage: the same place of the same version has the same name on any machine."""
    return sha256(canonical([document.source, document.document, document.version, start, end]))[:24]


def settings() -> dict[str, int]:
    """What the passages depend on beside the documents."""
    return {
        "chunk_words": chunks.WORDS,
        "chunker": chunks.REVISION,
        "format": FORMAT,
        "overlap_words": chunks.OVERLAP,
        "text": TEXT_REVISION,  # it cuts the sentences and names the terms
    }


class Committed(NamedTuple):
    """A snapshot's digest, the place of each passage by its ID, and the bytes of the longest passage."""

    digest: str
    places: dict[str, int]
    longest: int


def commit(records: Records) -> Committed:
    """The snapshot's digest, and what is learnt of the passages on the way.

    SHA-256 over `settings` and, line by line, each document (source, document, title, version, parser, text)
    and each passage (id, row of its document, title, start, end, text, sentences, terms, masks) as canonical
    JSON, where `text`, `sentences`, `terms` and `masks` are the SHA-256 of their stored bytes.
    """
    whole = hashlib.sha256(canonical(settings()))
    for document in _documents(records):
        whole.update(b"\n" + canonical(document))
    places: dict[str, int] = {}
    longest = 0
    for ordinal in range(len(records)):
        record = records.record(ordinal)
        if record.document >= len(records.documents):
            raise Tampered(f"passage {ordinal} belongs to no document", fix="run `proviso index`")
        places[record.id] = ordinal
        longest = max(longest, record.stop - record.begin)
        line: dict[str, str | int] = {
            "id": record.id,
            "document": record.document,
            "title": record.title,
            "start": record.start,
            "end": record.end,
            "text": sha256(records.bytes(record.begin, record.stop)),
            "sentences": sha256(record.sentences),
            "terms": sha256(record.terms),
            "masks": sha256(record.masks),
        }
        whole.update(b"\n" + canonical(line))
    return Committed(whole.hexdigest(), places, longest)


def _documents(records: Records) -> Iterator[dict[str, str]]:
    for document in records.documents:
        yield {
            "source": document.source,
            "document": document.document,
            "title": document.title,
            "version": document.version,
            "parser": document.parser,
            "text": sha256(records.bytes(document.begin, document.stop)),
        }
