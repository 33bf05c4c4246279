"""The extractive answer: which passages are read, what is quoted, how it is cited."""

from typing import Any

import pytest

from bedrock_simulator.conversation import no_evidence_phrase
from bedrock_simulator.passages import in_text
from bedrock_simulator.wording import sentences
from tests.linear import is_linear
from tests.simulator.answers_made import about, as_service, asked, check_shape, persona, text_of

HOTEL = "What is the hotel limit in Lisbon?"
DOCUMENT = {
    "format": "txt",
    "name": "Hotels",
    "source": {"text": "Meals are extra. The hotel limit is 150 EUR."},
}
RESULT = {
    "source": "https://example.com/hotels",
    "title": "Hotels",
    "content": [{"text": "Meals are extra."}, {"text": "The hotel limit is 150 EUR."}],
}


def _with(block: dict[str, Any]) -> Any:
    content = [block, {"text": "What is the hotel limit?"}]
    return persona("extractive").converse(asked("", messages=[{"role": "user", "content": content}]))


def test_a_numbered_passage_that_answers_is_quoted_and_cited() -> None:
    said = persona("extractive").converse(about(HOTEL))
    assert text_of(said) == "The hotel limit in Lisbon is 150 EUR a night. [2]"
    assert said.stop == "end_turn"


def test_where_nothing_answers_the_phrase_of_the_system_prompt_is_said_exactly() -> None:
    said = persona("extractive").converse(about("Who was the first emperor of China?"))
    assert text_of(said) == "NO EVIDENCE"


@pytest.mark.parametrize(
    ("system", "phrase"),
    [
        ("If they do not, reply with exactly: NO EVIDENCE\n- Next rule.", "NO EVIDENCE"),
        ('If unsure, say "I do not know".', "I do not know"),
        ("Where nothing fits, answer NO_EVIDENCE and stop.", "NO_EVIDENCE"),
        ("Copy amounts exactly, with currency. Answer in English.", ""),
        ("Answer with JSON only. Cite as [2].", ""),
    ],
)
def test_the_no_evidence_phrase_is_read_from_the_system_prompt(system: str, phrase: str) -> None:
    assert no_evidence_phrase(system) == phrase


@pytest.mark.parametrize(
    "text",
    [
        '<passage id="7">The hotel limit is 150 EUR.</passage>\nWhat is the hotel limit?',
        (
            '<documents><document index="7"><title>Hotels</title><document_content>The hotel limit is 150 EUR.'
            "</document_content></document></documents>\n<question>What is the hotel limit?</question>"
        ),
        "[6] Meals\nMeals are extra.\n\n[7] Hotels\nThe hotel limit is 150 EUR.\n\nWhat is the hotel limit?",
    ],
)
def test_passages_in_tags_and_with_marks_are_cited_by_their_own_number(text: str) -> None:
    assert text_of(persona("extractive").converse(asked(text))) == "The hotel limit is 150 EUR. [7]"


def test_passages_in_the_system_prompt_are_read_too() -> None:
    system = [{"text": "[3] Hotels\nThe hotel limit is 150 EUR."}]
    said = persona("extractive").converse(asked("What is the hotel limit?", system=system))
    assert text_of(said) == "The hotel limit is 150 EUR. [3]"


def test_a_document_without_citations_is_cited_by_its_place() -> None:
    assert text_of(_with({"document": DOCUMENT})) == "The hotel limit is 150 EUR. [1]"


def test_a_document_with_citations_is_cited_by_where_the_sentence_stands() -> None:
    said = _with({"document": DOCUMENT | {"citations": {"enabled": True}}})
    cited = said.content[0]["citationsContent"]
    assert cited["content"] == [{"text": "The hotel limit is 150 EUR."}]
    assert cited["citations"][0]["location"] == {"documentChar": {"documentIndex": 0, "start": 17, "end": 44}}
    check_shape("Converse", as_service(said))


def test_a_document_in_chunks_is_cited_by_its_chunk() -> None:
    source = {"content": [{"text": "Meals are extra."}, {"text": "The hotel limit is 150 EUR."}]}
    said = _with({"document": DOCUMENT | {"source": source, "citations": {"enabled": True}}})
    location = said.content[0]["citationsContent"]["citations"][0]["location"]
    assert location == {"documentChunk": {"documentIndex": 0, "start": 1, "end": 2}}


def test_a_text_file_is_read_from_its_base64() -> None:
    source = {"bytes": "VGhlIGhvdGVsIGxpbWl0IGlzIDE1MCBFVVIu"}
    assert text_of(_with({"document": DOCUMENT | {"source": source}})) == "The hotel limit is 150 EUR. [1]"


def test_a_search_result_is_cited_by_source_and_block() -> None:
    said = _with({"searchResult": RESULT | {"citations": {"enabled": True}}})
    citation = said.content[0]["citationsContent"]["citations"][0]
    assert citation["source"] == "https://example.com/hotels"
    assert citation["location"] == {"searchResultLocation": {"searchResultIndex": 0, "start": 1, "end": 2}}
    check_shape("Converse", as_service(said))


def test_without_passages_the_question_comes_back() -> None:
    assert text_of(persona("extractive").converse(asked("Hello there."))) == "Hello there."


def test_tags_that_never_close_are_read_in_linear_time() -> None:
    def read(size: int) -> None:
        assert list(sentences(in_text("<document>" * size + "!" * size + "What is this?").rest))

    assert is_linear(read, 100_000)
