"""Sets of documents and questions whose answers are known by their place: read, tidied, indexed."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from proviso.retrieval import Query, Source, TextIndex, build_snapshot, open_index
from proviso.retrieval.extracted import clean
from proviso.types import Passage, Screened

Span = tuple[str, int, int]  # document, start, end
LIMIT: Final = 5
GIVEN: Final = "given"  # the ID of a passage that no search found: its offsets are the document's own
# Kinds of files that other benchmarks read, by fields that tell them.
OTHERS: Final = (
    {"completion", "final_label"},
    {"user_input", "injection_type"},
    {"context", "ideal"},
    {"knowledge", "response"},
    {"prompt"},
    {"user_query"},
    {"attack"},
    {"text"},
)


class UnknownKind(Exception):  # it names what was met
    """A file of JSON lines whose fields tell nothing."""


@dataclass
class AnswerSet:
    """A corpus and its questions, searchable."""

    name: str
    corpus: dict[str, dict[str, Any]] = field(default_factory=dict)
    queries: list[dict[str, Any]] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)  # document ID → source
    documents: dict[str, str] = field(default_factory=dict)  # source/path → document ID
    index: TextIndex | None = None

    @property
    def scoped(self) -> bool:
        """Whether each question is asked of one document group only."""
        return any(row.get("metadata", {}).get("filter") for row in self.queries)

    def source_of(self, scope: str) -> str:
        """The source in which the documents of a scope lie."""
        return next(self.groups[key] for key, row in self.corpus.items() if group_of(row) == scope)

    def sources(self) -> frozenset[str]:
        """Every source."""
        return frozenset(self.groups.values())

    def place(self, passage: Passage) -> tuple[str, int]:
        """The document that a passage is of, and where it begins in the document's text."""
        if passage.id == GIVEN:
            return passage.document, passage.start
        key = self.documents[f"{passage.source}/{passage.document}"]
        return key, passage.start - len(heading(self.corpus[key]))

    def search(self, text: str, sources: frozenset[str]) -> tuple[Passage, ...]:
        """The best passages among the sources."""
        assert self.index is not None
        return asyncio.run(self.index.search(Query(text), sources=sources, limit=LIMIT)).passages


def load_sets(folder: Path) -> list[AnswerSet]:
    """The sets of a folder, or the one that it is; the fields tell, not the names of the files."""
    places = [folder] if any(folder.glob("*.jsonl")) else sorted(p for p in folder.iterdir() if p.is_dir())
    return [one for place in places if (one := load_set(place)).corpus and one.queries]


def load_set(folder: Path) -> AnswerSet:
    """One set; it is empty where the folder holds something else that is known. Raises `UnknownKind`."""
    found = AnswerSet(folder.name)
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").split("\n"):
            if not line.strip():
                continue
            row = json.loads(line)
            if not isinstance(row, dict):
                raise UnknownKind(f"`{path}` holds lines that are no objects")
            if "_id" in row and "text" in row:
                facts = row.get("metadata", {})
                if "title" in row:
                    found.corpus[row["_id"]] = tidied(row)
                elif facts.get("spans") or facts.get("answerability"):
                    found.queries.append(row)
            elif not any(kind <= row.keys() for kind in OTHERS):
                raise UnknownKind(f"`{path}` is of no known kind: its fields are {', '.join(sorted(row))}")
    return found


def tidied(row: dict[str, Any]) -> dict[str, Any]:
    """The document with its text as extraction leaves it; `moved` leads from an offset as given to its own."""
    given, text = row["text"], clean(row["text"])
    if given == text:
        return row
    # Extraction takes white space away and nothing else: the n-th visible character stays the n-th.
    visible = [place for place, character in enumerate(text) if not character.isspace()]
    moved, count = [], 0
    for character in given:
        moved.append(visible[min(count, len(visible) - 1)])
        count += not character.isspace()
    return row | {"text": text, "moved": [*moved, len(text)]}


def spans_of(one: AnswerSet, row: dict[str, Any]) -> list[Span]:
    """A question's answer spans in the tidied texts, without outer white space."""
    found = []
    for key, start, end in row.get("metadata", {}).get("spans", []):
        moved = one.corpus[key].get("moved")
        if moved:
            start, end = moved[start], moved[end - 1] + 1
        text = one.corpus[key]["text"][start:end]
        found.append((key, end - len(text.lstrip()), start + len(text.rstrip())))
    return found


def group_of(row: dict[str, Any]) -> str:
    """What a document belongs to: an article, a site, a book."""
    return str(row.get("metadata", {}).get("doc") or row["title"] or row["_id"])


def open_set(one: AnswerSet, folder: Path) -> None:
    """Write the corpus as files, a source for each group, and index it as the product does."""
    names: dict[str, str] = {}
    for number, (key, row) in enumerate(one.corpus.items()):
        source = names.setdefault(group_of(row), f"s{len(names):04}")
        path = folder / "sources" / source / f"d{number:06}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{heading(row)}{row['text']}\n", encoding="utf-8")
        one.groups[key] = source
        one.documents[f"{source}/{path.name}"] = key
    sources = [source_at(path) for path in sorted((folder / "sources").iterdir())]
    one.index = index_of(sources, folder / "index")


def heading(row: dict[str, Any]) -> str:
    """What stands before a document's text in its file."""
    title = " ".join(str(row["title"]).replace("_", " ").split())
    return f"{title}\n\n" if title else ""


def source_at(folder: Path) -> Source:
    """A folder as an approved source."""
    return Source(folder.name, folder, folder.name, "public", ("all",), "bench", "2026-01-01", {})


def index_of(sources: Iterable[Source], into: Path) -> TextIndex:
    """Build and open a snapshot."""
    built = build_snapshot(
        list(sources), into, screen=Screened, now=datetime.now(UTC), progress=lambda *_: None
    )
    return open_index(into, built.digest)
