"""Search: CPU per query over 10,000 passages, with and without a filter by source, and nDCG@10 of given sets.

    python bench/search.py [--data DIR]

DIR is a retrieval set (corpus and queries as JSON lines, relevance as TSV) or a folder of such sets. Without
DIR the passages are made of the example's sentences, and quality is not measured. The last line is JSON.
"""

import argparse
import asyncio
import json
import math
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psutil

import proviso
from proviso.retrieval import Built, Query, Source, TextIndex, build_snapshot, open_index
from proviso.text import sentence_spans
from proviso.types import Channel, Screened

PASSAGES: Final = 10_000
SOURCES: Final = 10
LIMIT: Final = 5
ROUNDS: Final = 5
QUERIES: Final = 500
DEPTH: Final = 10
WORDS: Final = 150  # with the sentence that goes over it, just under a chunk


@dataclass
class RetrievalSet:
    """A corpus, questions, and which documents answer them."""

    name: str
    corpus: list[dict[str, Any]] = field(default_factory=list)
    queries: list[dict[str, Any]] = field(default_factory=list)
    relevant: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


@dataclass
class Names:
    """What the files stand for: path → document ID, and `metadata.doc` → source."""

    documents: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)


def main() -> int:
    """Run the benchmark; 2 where DIR holds no retrieval set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    data: Path | None = parser.parse_args().data
    sets = [] if data is None else load_sets(data)
    if data is not None and not sets:
        print(f"`{data}` holds no retrieval set (JSON lines of a corpus and of queries)", file=sys.stderr)
        return 2
    quality = {one.name: round(ndcg_of(one), 4) for one in sets}
    for name, value in quality.items():
        print(f"{name}: nDCG@{DEPTH} {value:.4f}")
    texts = [str(row["text"]) for one in sets for row in one.corpus] or list(example_texts())
    questions = [str(row["text"]) for one in sets for row in one.queries] or example_questions(texts)
    figures = time_queries(texts, questions)
    figures |= {"ndcg_at_10": quality, "n": sum(len(one.queries) for one in sets)}
    print(json.dumps(figures))
    return 0


def load_sets(folder: Path) -> list[RetrievalSet]:
    """The retrieval sets of a folder, or the one that it is; the fields tell, not the names of the files."""
    places = (
        [folder]
        if any(folder.glob("*.jsonl"))
        else sorted(path for path in folder.iterdir() if path.is_dir())
    )
    return [found for place in places if (found := load_set(place)).corpus and found.relevant]


def load_set(folder: Path) -> RetrievalSet:
    """One set; it is empty where the folder holds something else."""
    found = RetrievalSet(folder.name)
    for path in sorted(folder.glob("*.jsonl")):
        for line in filter(None, path.read_text(encoding="utf-8").split("\n")):
            row = json.loads(line)
            if "_id" in row and "text" in row:
                (found.corpus if "title" in row else found.queries).append(row)
    for path in sorted(folder.glob("*.tsv")):
        for line in path.read_text(encoding="utf-8").strip().split("\n")[1:]:
            query, document, score = line.split("\t")
            if int(score) > 0:
                found.relevant[query].add(document)
    for row in [] if found.relevant else found.queries:
        for document, _, _ in row.get("metadata", {}).get("spans", []):
            found.relevant[row["_id"]].add(document)
    return found


def ndcg_of(given: RetrievalSet) -> float:
    """Mean nDCG@10 as a user gets it: through a snapshot; a document stands where its best chunk does."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        names = write_documents(given.corpus, folder / "sources")
        built = build(folder)
        index = open_index(folder / "index", built.digest)
        gains = [
            gain(ranked(index, row, names), given.relevant[row["_id"]])
            for row in given.queries
            if given.relevant.get(row["_id"])
        ]
        index.close()
    return sum(gains) / len(gains)


def write_documents(corpus: Iterable[dict[str, Any]], folder: Path) -> Names:
    """One Markdown file a document, in a source for each value of `metadata.doc`."""
    names = Names()
    for number, row in enumerate(corpus):
        scope = str(row.get("metadata", {}).get("doc", ""))
        source = names.sources.setdefault(scope, f"s{len(names.sources):04}")
        path = folder / source / f"d{number:06}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        title = " ".join(str(row["title"]).split())
        path.write_text(f"# {title}\n\n{row['text']}\n" if title else f"{row['text']}\n", encoding="utf-8")
        names.documents[f"{source}/{path.name}"] = str(row["_id"])
    return names


def build(folder: Path) -> Built:
    """A snapshot of every folder below `sources`."""
    sources = [
        Source(path.name, path, path.name, "public", ("all",), "bench", "2026-01-01", {})
        for path in sorted((folder / "sources").iterdir())
        if path.is_dir()
    ]
    return build_snapshot(
        sources, folder / "index", screen=unscreened, now=datetime.now(UTC), progress=silent
    )


def unscreened(text: str, channel: Channel) -> Screened:
    """Nothing is checked: the screening has a benchmark of its own."""
    return Screened(text, channel)


def silent(done: int, total: int, document: str) -> None:
    """No progress."""


def ranked(index: TextIndex, row: dict[str, Any], names: Names) -> list[str]:
    """The documents found for a query, best first."""
    facts = row.get("metadata", {})
    turns = facts.get("user_turns") or []
    query = Query(str(row["text"]), str(turns[-2]) if len(turns) > 1 else "")
    scope = facts.get("filter", {}).get("doc")
    sources = index.sources if scope is None else frozenset({names.sources[scope]})
    found = asyncio.run(index.search(query, sources=sources, limit=DEPTH * 4))
    return list(
        dict.fromkeys(names.documents[f"{passage.source}/{passage.document}"] for passage in found.passages)
    )


def gain(found: Sequence[str], relevant: set[str]) -> float:
    """NDCG@10, binary: Σ 1/log₂(rank + 1) over what was found, by the best that could be (Järvelin 2002)."""
    gained = sum(1 / math.log2(rank + 1) for rank, name in enumerate(found[:DEPTH], 1) if name in relevant)
    return gained / sum(1 / math.log2(rank + 1) for rank in range(1, min(DEPTH, len(relevant)) + 1))


def time_queries(texts: Sequence[str], questions: Sequence[str]) -> dict[str, Any]:
    """CPU of search and decoding over 10,000 passages made of the texts' sentences, put together anew."""
    asked = questions[:: max(1, len(questions) // QUERIES)][:QUERIES]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_passages(texts, folder / "sources")
        began = time.process_time()
        built = build(folder)
        spent = time.process_time() - began
        before = psutil.Process().memory_info().rss
        index = open_index(folder / "index", built.digest)
        half = frozenset(sorted(index.sources)[: SOURCES // 2])
        cpu = {}
        for name, sources in (("query_cpu_us", index.sources), ("query_cpu_us_filtered", half)):
            cpu[name] = round(min(asyncio.run(ask(index, asked, sources)) for _ in range(ROUNDS)), 1)
        grown = psutil.Process().memory_info().rss - before
        size = sum(path.stat().st_size for path in built.folder.rglob("*") if path.is_file())
        index.close()
    return {
        **cpu,
        "passages": built.passages,
        "build_cpu_s": round(spent, 2),
        "index_mb": round(size / 1e6, 1),
        "memory_mb": round(grown / 1e6, 1),
    }


async def ask(index: TextIndex, questions: Sequence[str], sources: frozenset[str]) -> float:
    """CPU in µs per question."""
    began = time.process_time()
    for question in questions:
        await index.search(Query(question), sources=sources, limit=LIMIT)
    return (time.process_time() - began) / len(questions) * 1e6


def write_passages(texts: Sequence[str], folder: Path) -> None:
    """Documents of shuffled sentences, evenly over ten sources, that make about 10,000 passages."""
    chance = random.Random(1)
    sentences = [text[start:end] for text in texts for start, end in sentence_spans(text)]
    sentences = [" ".join(sentence.split()) for sentence in sentences]
    for source in range(SOURCES):
        (folder / f"s{source}").mkdir(parents=True)
        for number in range(PASSAGES // SOURCES):
            words, chosen = 0, []
            while words < WORDS:
                chosen.append(chance.choice(sentences))
                words += chosen[-1].count(" ") + 1
            (folder / f"s{source}" / f"{number:04}.md").write_text(" ".join(chosen), encoding="utf-8")


def example_texts() -> Iterator[str]:
    """The example's Markdown documents."""
    for path in sorted((Path(proviso.__file__).parent / "examples").rglob("*.md")):
        yield path.read_text(encoding="utf-8")


def example_questions(texts: Sequence[str]) -> list[str]:
    """Sentences as questions: a few words of each, in their order."""
    chance = random.Random(2)
    found = []
    for text in texts:
        for start, end in sentence_spans(text):
            words = text[start:end].split()
            keep = sorted(chance.sample(range(len(words)), min(8, len(words))))
            found.append(" ".join(words[place] for place in keep))
    return found


if __name__ == "__main__":
    sys.exit(main())
