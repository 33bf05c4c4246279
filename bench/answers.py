"""Answers of the extractive model: does it quote the answer, and does it say when there is none?

    python bench/answers.py [--data DIR]

DIR is a retrieval set (a corpus and queries as JSON lines, answers as `metadata.spans`) or a folder of sets.
Without it the example's own questions are asked; they have no answer spans, so nothing is said about recall.
The last line is JSON, by set:
- `span_recall`: share of the questions for which an answer span lies wholly in what was quoted of its
  document; `oracle_span_recall`: the same with the passage that holds the answer given, not searched for;
- `abstained`: share without an answer; `abstained_on_foreign`: the same with the best passages of the
  documents that hold no answer (where all documents of a set are asked the same questions: of another set);
  `auroc`: how well the model's evidence tells the two apart;
- `abstained_by_label`: where the set labels its questions by `metadata.answerability`;
- `mean_sentences`, `mean_chars`: of an answer; `cpu_us`: per question, without the search.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

import proviso
from proviso.models import Extractive, ModelRequest
from proviso.models.evidence import Evidence
from proviso.models.questions import Reader
from proviso.retrieval import Query
from proviso.text import Analyser, sentence_spans
from proviso.types import Channel, Draft, Passage, Rendered, Screened, Sentence
from sets import (
    GIVEN,
    LIMIT,
    AnswerSet,
    Span,
    UnknownKind,
    index_of,
    load_sets,
    open_set,
    source_at,
    spans_of,
)

WORDS: Final = 200
TOKENS: Final = 2_000
ANALYSER: Final = Analyser()
READER: Final = Reader(ANALYSER)


def main() -> int:
    """Run the benchmark; 2 where DIR holds a file of no known kind, or no set with answers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    data: Path | None = parser.parse_args().data
    if data is None:
        print(json.dumps({"example": example()}))
        return 0
    try:
        sets = load_sets(data)
    except UnknownKind as unknown:
        print(unknown, file=sys.stderr)
        return 2
    if not sets:
        print(f"`{data}` holds no set of documents and questions with answers", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as place:
        for one in sets:
            open_set(one, Path(place) / one.name)
        figures = {one.name: measure(one, other_than(one, sets)) for one in sets}
        for one in sets:
            assert one.index is not None
            one.index.close()
    for name, found in figures.items():
        print(name, json.dumps(found))
    print(json.dumps(figures))
    return 0


def other_than(one: AnswerSet, sets: Sequence[AnswerSet]) -> AnswerSet | None:
    """Where passages without an answer come from: the set itself, unless its documents are all asked the same."""
    if not one.scoped:
        return one
    return next((other for other in sets if other is not one and not other.scoped), None)


@dataclass
class Tally:
    """What came out, question by question."""

    questions: int = 0
    answerable: int = 0
    hits: int = 0
    oracle_hits: int = 0
    abstained: int = 0
    sentences: int = 0
    chars: int = 0
    seconds: float = 0.0
    own: list[float] = field(default_factory=list)  # evidence where the answer was among the passages
    foreign: list[float] = field(default_factory=list)  # evidence in passages that hold no answer
    labels: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))


def measure(one: AnswerSet, other: AnswerSet | None) -> dict[str, Any]:
    """The figures of one set; `other` is where passages without an answer come from."""
    model, tally = Extractive(ANALYSER), Tally()
    for row in one.queries:
        facts = row.get("metadata", {})
        scope = facts.get("filter", {}).get("doc")
        sources = frozenset({one.source_of(scope)}) if scope else one.sources()
        passages = one.search(row["text"], sources)
        draft = timed(model, row["text"], passages, tally)
        if facts.get("answerability"):
            tally.labels[str(facts["answerability"]).lower()].append(not draft.text)
        spans = spans_of(one, row)
        if not spans:
            continue
        tally.answerable += 1
        tally.hits += is_hit(one, spans, passages, draft)
        if any(holds(one, passage, span) for passage in passages for span in spans):
            tally.own.append(evidence(row["text"], passages))
        given = [oracle(one, spans[0])]
        tally.oracle_hits += is_hit(one, spans, given, asked(model, row["text"], given))
        if other is not None:
            gold = {one.groups[span[0]] for span in spans} if other is one else set()
            tally.foreign.append(evidence(row["text"], other.search(row["text"], other.sources() - gold)))
    return summary(tally)


def timed(model: Extractive, question: str, passages: Sequence[Passage], tally: Tally) -> Draft:
    """The model's draft, counted."""
    began = time.process_time()
    draft = asked(model, question, passages)
    tally.seconds += time.process_time() - began
    tally.questions += 1
    tally.abstained += not draft.text
    tally.sentences += len(draft.citations)
    tally.chars += len(draft.text)
    return draft


def asked(model: Extractive, question: str, passages: Sequence[Passage]) -> Draft:
    """The model's draft. It never waits, so that no event loop is timed with it."""
    screened = Screened(question, Channel.USER)
    rendered = Rendered("", question, (), screened, tuple(passages), "bench", "")
    try:
        model.converse(ModelRequest(rendered, TOKENS)).send(None)
    except StopIteration as done:
        draft: Draft = done.value
        return draft
    raise AssertionError("the extractive model waited")


def evidence(question: str, passages: Sequence[Passage]) -> float:
    """What the model goes by when it decides whether to answer: from 1 on, it does."""
    titles = [frozenset(ANALYSER.terms(passage.title)) for passage in passages]
    near = Evidence(READER.read(question), passages, titles).near()
    return max([support for _, support in near], default=0.0)


def is_hit(one: AnswerSet, spans: Sequence[Span], passages: Sequence[Passage], draft: Draft) -> bool:
    """Whether an answer span lies wholly in the quotes of its document; quotes that touch are one."""
    quoted: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for citation in draft.citations:
        passage = passages[citation.number - 1]
        key, offset = one.place(passage)
        quoted[key].append((offset + citation.quote_start, offset + citation.quote_end))
    for key, start, end in spans:
        body = one.corpus[key]["text"]
        for begin, until in joined(quoted[key], body):
            if begin <= start and end <= until:
                return True
    return False


def joined(spans: list[tuple[int, int]], body: str) -> Iterator[tuple[int, int]]:
    """The spans in order, those with nothing but white space or a list mark between them as one."""
    held: tuple[int, int] | None = None
    for start, end in sorted(spans):
        if held and not body[held[1] : start].strip(" \t\r\n-*•"):
            held = (held[0], max(held[1], end))
            continue
        if held:
            yield held
        held = (start, end)
    if held:
        yield held


def holds(one: AnswerSet, passage: Passage, span: Span) -> bool:
    """Whether the passage holds the answer span."""
    key, offset = one.place(passage)
    return key == span[0] and offset <= span[1] <= span[2] <= offset + len(passage.text)


def oracle(one: AnswerSet, span: Span) -> Passage:
    """The passage of at most 200 words around an answer, as the index would have made it."""
    row = one.corpus[span[0]]
    body = row["text"]
    spans = sentence_spans(body)
    inside = [n for n, (start, end) in enumerate(spans) if start < span[2] and span[1] < end]
    first, last = inside[0], inside[-1]
    words = sum(len(body[a:b].split()) for a, b in spans[first : last + 1])
    while words < WORDS and (first > 0 or last < len(spans) - 1):
        grown = first - 1 if first > 0 and (last == len(spans) - 1 or (last - first) % 2) else last + 1
        first, last = min(first, grown), max(last, grown)
        words += len(body[slice(*spans[grown])].split())
    start = spans[first][0]
    sentences = tuple(
        Sentence(a - start, b - start, frozenset(ANALYSER.terms(body[a:b])))
        for a, b in spans[first : last + 1]
    )
    text = body[start : spans[last][1]]
    title = str(row["title"]).replace("_", " ")
    return Passage(GIVEN, 1, "", span[0], title, "", start, start + len(text), text, sentences)


def summary(tally: Tally) -> dict[str, Any]:
    """The tally as shares and means; null where nothing was counted."""
    answered = tally.questions - tally.abstained
    return {
        "span_recall": share(tally.hits, tally.answerable),
        "oracle_span_recall": share(tally.oracle_hits, tally.answerable),
        "mean_sentences": share(tally.sentences, answered, 2),
        "mean_chars": share(tally.chars, answered, 0),
        "abstained": share(tally.abstained, tally.questions),
        "abstained_on_foreign": share(sum(found < 1 for found in tally.foreign), len(tally.foreign)),
        "auroc": auroc(tally.own, tally.foreign),
        "abstained_by_label": {
            name: share(sum(made), len(made)) for name, made in sorted(tally.labels.items())
        },
        "cpu_us": share(tally.seconds * 1e6, tally.questions, 1),
        "n": tally.questions,
    }


def share(part: float, whole: int, digits: int = 4) -> float | None:
    """A quotient, rounded."""
    return round(part / whole, digits) if whole else None


def auroc(above: list[float], below: list[float]) -> float | None:
    """The chance that one of `above` is greater than one of `below`, ties half (Mann and Whitney, 1947)."""
    if not above or not below:
        return None
    ordered = sorted(below)
    wins = sum(bisect_left(ordered, value) + bisect_right(ordered, value) for value in above) / 2
    return round(wins / len(above) / len(below), 4)


def example() -> dict[str, Any]:
    """The example's questions, over its documents: how many are answered, how long the answers are, CPU."""
    place = Path(proviso.__file__).parent / "examples" / "policy-qa"
    contracts = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in place.rglob("contract.yaml")]
    questions = [
        str(question)
        for contract in contracts
        for intent in contract["quality"]["intents"].values()
        for question in intent["examples"]
    ]
    print("the example has no answer spans, so nothing is said about recall; give --data for that")
    model, tally = Extractive(ANALYSER), Tally()
    with tempfile.TemporaryDirectory() as folder:
        sources = [source_at(path) for path in sorted((place / "sources").iterdir()) if path.is_dir()]
        index = index_of(sources, Path(folder))
        for question in questions:
            found = asyncio.run(index.search(Query(question), sources=index.sources, limit=LIMIT))
            draft = timed(model, question, found.passages, tally)
            print(f"{question}\n    {draft.text or draft.stop.value}")
        index.close()
    return summary(tally)


if __name__ == "__main__":
    sys.exit(main())
