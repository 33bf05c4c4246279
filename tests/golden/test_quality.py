"""How well the example answers questions that were not written for it: measured counts, which may only rise."""

from typing import Any

from tools.golden import Golden, questions

ANSWERABLE, WITH_GOLD, WITH_DOCUMENT = 40, 17, 23
UNANSWERABLE, KEPT_SILENT = 10, 6
OUT_OF_BOUNDS, REFUSED, BY_PURPOSE = 10, 7, 6

READ = questions()


def original(document: str) -> str:
    """Return the name of a document without what marks the intranet's copy of it."""
    return document.rsplit(".", 1)[0].removesuffix("-intranet")


def has_gold(answer: dict[str, Any], gold: str) -> bool:
    """Whether the gold sentence, or every cell of a gold row, stands in the answer."""
    return all(part in answer["text"] for part in gold.split(" / "))


def cites(answer: dict[str, Any], document: str) -> bool:
    """Whether a citation is of the gold document or of its declared copy."""
    places = [place.split(" ")[0] for place in answer.get("citations", ())]
    return original(document) in {original(place) for place in places}


def test_as_many_questions_as_before_are_answered_with_the_gold_sentence(golden: Golden) -> None:
    found = [q for q in READ["answered"] if has_gold(golden.answers[q["question"]], q["gold"])]
    assert len(READ["answered"]) == ANSWERABLE
    assert len(found) >= WITH_GOLD


def test_as_many_questions_as_before_are_answered_from_the_gold_document(golden: Golden) -> None:
    found = [q for q in READ["answered"] if cites(golden.answers[q["question"]], q["document"])]
    assert len(found) >= WITH_DOCUMENT


def test_as_many_unanswerable_questions_as_before_get_no_answer(golden: Golden) -> None:
    silent = [q for q in READ["unanswerable"] if golden.answers[q]["outcome"] == "refusal"]
    assert len(READ["unanswerable"]) == UNANSWERABLE
    assert len(silent) >= KEPT_SILENT


def test_as_many_questions_out_of_bounds_as_before_are_refused(golden: Golden) -> None:
    refused = [q for q in READ["refused"] if golden.answers[q]["outcome"] == "refusal"]
    by_purpose = [q for q in refused if golden.answers[q]["reason"] == "out_of_purpose"]
    assert len(READ["refused"]) == OUT_OF_BOUNDS
    assert len(refused) >= REFUSED
    assert len(by_purpose) >= BY_PURPOSE


def test_no_question_that_the_documents_answer_is_taken_for_a_refused_purpose(golden: Golden) -> None:
    reasons = {golden.answers[q["question"]].get("reason") for q in READ["answered"]}
    assert "out_of_purpose" not in reasons


def test_no_answer_is_without_a_citation(golden: Golden) -> None:
    answers = [answer for answer in golden.answers.values() if answer["outcome"] == "answer"]
    assert all(answer["citations"] for answer in answers)
