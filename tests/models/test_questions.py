"""A question is read for its terms, its names and the kind of answer that would fit."""

import pytest

from proviso.models.questions import Reader
from proviso.text import Analyser

ANALYSER = Analyser()
READER = Reader(ANALYSER)


@pytest.mark.parametrize(
    ("question", "fits", "does_not"),
    [
        ("How much is a taxi?", "It costs EUR 20.", "It was bought in 2020."),
        ("What is the mileage rate?", "Drivers get 0.38 EUR per km.", "It replaces the one of 2025."),
        ("How many bags may I take?", "Two bags are free.", "Bags are free."),
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


def test_words_that_only_ask_weigh_less_than_names() -> None:
    (policy, oslo) = ANALYSER.terms("policy Oslo")
    question = READER.read("What is the policy for Oslo?")
    assert question.stakes[policy] < 1 < question.stakes[oslo]


def test_capitals_throughout_name_nothing() -> None:
    assert set(READER.read("WHAT IS THE HOTEL LIMIT").stakes.values()) == {1.0}


def test_terms_of_the_previous_question_are_kept_apart() -> None:
    question = READER.read("And in Bergen?", "What is the hotel limit in Oslo?")
    assert question.context == set(ANALYSER.terms("hotel limit Oslo"))
    assert list(question.weights) == ANALYSER.terms("Bergen")
