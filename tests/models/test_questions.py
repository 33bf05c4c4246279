"""A question is read for its terms, its names and the kind of answer that would fit."""

import pytest

from proviso.models.questions import Reader
from proviso.text import Analyser, Synonyms

ANALYSER = Analyser()
READER = Reader(ANALYSER)


@pytest.mark.parametrize(
    ("question", "fits", "does_not"),
    [
        ("How much is a taxi?", "It costs EUR 20.", "It was bought in 2020."),
        ("What is the mileage rate?", "Drivers get 0.38 EUR per km.", "It replaces the one of 2025."),
        ("How many bags may I take?", "Two bags are free.", "Bags are free."),
        ("How often do I report?", "Report once a week.", "Report by text message."),
        ("What does a tonne cost?", "The price is EUR 90.", "905 tonnes were bought."),
        ("By when do I complain?", "Write within 20 days.", "Write at once."),
        ("When is it due?", "It is due on 15 January.", "It is due."),
        ("How far in advance do I book?", "Book 14 days before.", "Book early."),
        ("Who approves it?", "The line manager does.", "It is approved."),
        ("Why is it refused?", "It is refused because it is late.", "It is refused."),
    ],
)
def test_the_kind_of_answer_is_known(question: str, fits: str, does_not: str) -> None:
    shape = READER.read(question).shape
    assert shape is not None
    assert shape.search(fits)
    assert not shape.search(does_not)


def test_the_leftmost_phrase_decides_the_kind() -> None:
    assert READER.read("What sea did he see when he died?").shape is None


@pytest.mark.parametrize("word", ["policy", "money", "long", "started", "40"])
def test_words_that_any_question_may_have_weigh_less(word: str) -> None:
    (weak, strong) = ANALYSER.terms(f"{word} visa")
    weights = READER.read(f"Is a visa of {word} euros needed?").weights
    assert weights[weak] < weights[strong]


def test_a_year_is_no_quantity() -> None:
    (year,) = ANALYSER.terms("2024")
    assert READER.read("What was the rate for 2024?").weights[year] == 1


def test_other_wordings_are_read_with_the_question() -> None:
    (part,) = READER.read("Is a cab paid?", synonyms=Synonyms([["taxi", "cab"]], ANALYSER)).alike
    assert part.others == (frozenset(ANALYSER.terms("taxi")),)


def test_terms_of_the_previous_question_are_kept_apart() -> None:
    question = READER.read("And in Bergen?", "What is the hotel limit in Oslo?")
    assert question.context == set(ANALYSER.terms("hotel limit Oslo"))
    assert list(question.weights) == ANALYSER.terms("Bergen")
