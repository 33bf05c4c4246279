"""Synonyms: a question's words and phrases, and what else it might have said."""

from proviso.text import Analyser, Synonyms

ANALYSER = Analyser()
SYNONYMS = Synonyms(
    [["taxi", "cab"], ["per diem", "daily allowance"], ["submit", "hand in"], ["cancel", "call off"]],
    ANALYSER,
)


def reworded(question: str) -> list[tuple[set[int], list[set[int]]]]:
    return [
        (set(part.own), [set(other) for other in part.others]) for part in SYNONYMS.alternatives(question)
    ]


def terms(words: str) -> set[int]:
    return set(ANALYSER.terms(words))


def test_a_word_stands_for_the_others_of_its_set() -> None:
    assert reworded("May I take cabs?") == [(terms("cab"), [terms("taxi")])]


def test_a_phrase_is_found_as_it_is_spoken_and_not_in_pieces() -> None:
    assert reworded("What is my daily allowance?") == [(terms("daily allowance"), [terms("diem")])]
    assert reworded("Is there an allowance for the daily paper?") == []


def test_a_verb_with_a_particle_is_not_the_verb_alone() -> None:
    assert reworded("Who called off the trip?") == [(terms("call"), [terms("cancel")])]
    assert reworded("Whom do I call?") == []


def test_a_verb_with_a_particle_is_not_looked_for_in_passages() -> None:
    assert reworded("May I cancel a trip?") == []


def test_parts_stand_in_the_order_of_the_question() -> None:
    assert [own for own, _ in reworded("Do I hand in the bill of a cab?")] == [terms("hand"), terms("cab")]


def test_without_sets_nothing_is_reworded() -> None:
    assert Synonyms([], ANALYSER).alternatives("May I take a cab?") == []
