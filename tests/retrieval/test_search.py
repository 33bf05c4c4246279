"""Every index finds what answers, only where the caller may read, and says why it found nothing."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from proviso.retrieval import Index, MemoryIndex, Query, TextIndex, open_index
from proviso.text import Analyser, Synonyms
from tests.retrieval.corpus import EXPENSES, TRAVEL, build, search, source

BOTH = ("travel", "expenses")
SYNONYMS = Synonyms([["receipt", "bill"], ["travel desk", "expense desk"], ["room", "chamber"]], Analyser())


@pytest.fixture(scope="module")
def text_index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TextIndex]:
    folder = tmp_path_factory.mktemp("search")
    built = build(folder / "index", source(folder / "travel", TRAVEL), source(folder / "expenses", EXPENSES))
    index = open_index(folder / "index", built.digest)
    yield index
    index.close()


@pytest.fixture(params=["text", "memory"])
def index(request: pytest.FixtureRequest, text_index: TextIndex) -> Index:
    if request.param == "text":
        return text_index
    words = "hotels trains receipts"
    return MemoryIndex(search(text_index, words, *BOTH, limit=50).passages)


@pytest.mark.parametrize(
    ("question", "document"),
    [
        ("What may a room in Oslo cost?", "hotels.md"),
        ("how long do I keep a receipt", "receipts.html"),
        ("Is first class paid?", "trains.txt"),
        ("what costs 1900", "hotels.md"),
    ],
)
def test_a_question_finds_the_document_that_answers_it(index: Index, question: str, document: str) -> None:
    found = search(index, question, *BOTH)
    assert (found.passages[0].document, found.passages[0].number, found.empty) == (document, 1, "")


def test_passages_are_numbered_from_one_and_no_more_than_asked_for(index: Index) -> None:
    found = search(index, "hotels trains receipts", *BOTH, limit=2)
    assert [passage.number for passage in found.passages] == [1, 2]


def test_only_sources_that_the_caller_may_read_are_searched(index: Index) -> None:
    found = search(index, "oslo hotels trains receipts", "expenses")
    assert {passage.source for passage in found.passages} == {"expenses"}


@pytest.mark.parametrize("sources", [(), ("expenses",), ("unknown",)])
def test_a_match_that_may_not_be_read_is_filtered_by_access(index: Index, sources: tuple[str, ...]) -> None:
    found = search(index, "Oslo", *sources)
    assert (found.passages, found.empty) == ((), "filtered_by_access")


@pytest.mark.parametrize(
    "question", ["parental leave", "what is it?", "", "???", "\x00\ud800" * 3, "育児休暇"]
)
def test_a_question_without_a_word_of_the_index_matches_nothing(index: Index, question: str) -> None:
    found = search(index, question.encode("utf-8", "replace").decode(), *BOTH)
    assert (found.passages, found.empty) == ((), "no_match")


@pytest.mark.parametrize(
    "question", ['room AND "Oslo" OR (', "terms:oslo room", "room -Oslo^9 ~2", "room * [a TO z]"]
)
def test_operators_in_a_question_are_only_characters(index: Index, question: str) -> None:
    assert search(index, question, *BOTH).passages[0].document == "hotels.md"


def test_words_of_the_turn_before_count_but_less(index: Index) -> None:
    found = search(index, "And in addition?", *BOTH, context="What does the receipt desk want?")
    assert {"receipts.html", "hotels.md"} <= {passage.document for passage in found.passages}
    led = search(index, "first class", *BOTH, context="receipt")
    assert led.passages[0].document == "trains.txt"


def test_a_very_long_question_is_answered_too(index: Index) -> None:
    question = " ".join(f"word{number}" for number in range(2_000)) + " Oslo"
    assert search(index, question, *BOTH).passages[0].document == "hotels.md"


@pytest.mark.parametrize("question", ["the bill", "the travel desk", "a bill and a chamber"])
async def test_a_synonym_finds_what_the_word_itself_does_not(index: Index, question: str) -> None:
    query = Query(question, synonyms=SYNONYMS)
    found = await index.search(query, sources=frozenset({"expenses"}), limit=5)
    plain = await index.search(Query(question), sources=frozenset({"expenses"}), limit=5)
    assert "receipts.html" in {passage.document for passage in found.passages}
    assert question == "the travel desk" or plain.passages == ()


@pytest.mark.parametrize("kind", ["text", "memory"])
async def test_the_words_of_the_question_come_before_synonyms(tmp_path: Path, kind: str) -> None:
    texts = {"cab.md": "A cab is paid.", "taxi.md": "A taxi is paid.", "other.md": "A bus is paid."}
    built = build(tmp_path / "index", source(tmp_path / "travel", texts))
    index: Index = open_index(tmp_path / "index", built.digest)
    if kind == "memory":
        index = MemoryIndex(
            (await index.search(Query("paid"), sources=frozenset({"travel"}), limit=9)).passages
        )
    query = Query("taxi", synonyms=Synonyms([["taxi", "cab"]], Analyser()))
    found = await index.search(query, sources=frozenset({"travel"}), limit=5)
    assert [passage.document for passage in found.passages] == ["taxi.md", "cab.md"]


def test_a_limit_below_one_is_a_mistake_of_the_caller(index: Index) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        search(index, "Oslo", *BOTH, limit=0)


async def test_searches_may_run_at_the_same_time(index: Index) -> None:
    queries = [Query("Oslo room"), Query("receipt"), Query("first class")] * 20
    found = await asyncio.gather(*[index.search(q, sources=frozenset(BOTH), limit=1) for q in queries])
    assert [one.passages[0].document for one in found] == ["hotels.md", "receipts.html", "trains.txt"] * 20


def test_no_score_leaves_the_room(index: Index) -> None:
    passage = search(index, "Oslo", *BOTH).passages[0]
    assert not any(isinstance(getattr(passage, name), float) for name in passage.__struct_fields__)


def test_an_index_without_passages_matches_nothing(tmp_path: Path) -> None:
    built = build(tmp_path / "index")
    index = open_index(tmp_path / "index", built.digest)
    assert (
        search(index, "Oslo", "travel").empty == search(MemoryIndex([]), "Oslo", "travel").empty == "no_match"
    )
    index.close()
