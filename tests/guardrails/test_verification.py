"""Verification: what a draft must have before it becomes an answer."""

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.guardrails import compile_guardrails
from proviso.types import Action, Answer, DraftCitation, Refusal, StopReason
from tests.guardrails.made import contract, draft, guardrails, passage

DIEM = "The per diem for Oslo is 95 EUR a day. Breakfast that is included takes off 20 percent."
HOTEL = "A hotel in Oslo may cost 1,800 NOK a night. Your manager approves more in writing."
PASSAGES = (passage(1, DIEM, start=100), passage(2, HOTEL, start=40))
RATE = "The per diem for Oslo is 95 EUR a day."
MADE = guardrails()


def refused(outcome: Answer | Refusal) -> tuple[str, str]:
    assert isinstance(outcome, Refusal)
    return outcome.reason, outcome.clause


def answered(outcome: Answer | Refusal) -> Answer:
    assert isinstance(outcome, Answer), outcome
    return outcome


def test_a_verbatim_quote_is_cited_by_its_place_in_the_document() -> None:
    cited = DraftCitation(0, len(RATE), 1, 0, len(RATE))
    answer = answered(MADE.verify(draft(f"{RATE} [1]", cited), PASSAGES))
    (citation,) = answer.citations
    assert (citation.start, citation.end, citation.quote) == (100, 100 + len(RATE), RATE)
    assert citation.quote_digest == hashlib.sha256(RATE.encode()).hexdigest()


def test_a_mark_without_a_quote_gets_the_sentences_that_cover_it_best() -> None:
    answer = answered(MADE.verify(draft("If breakfast is included, 20 percent is taken off [1]."), PASSAGES))
    assert [citation.quote for citation in answer.citations] == [
        "Breakfast that is included takes off 20 percent."
    ]


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        (RATE, "outputs.citations"),
        (f"{RATE} [3]", "outputs.citations"),
        (f"{RATE} [1, 9]", "outputs.citations"),
        ("The per diem for Oslo is 96 EUR a day. [1]", "safety.grounding.method.numbers"),
        (f"{RATE} [2]", "safety.grounding.method.numbers"),
        ("Oslo employees deserve generous champagne receptions. [1]", "safety.grounding.threshold"),
    ],
)
def test_a_draft_of_one_failing_sentence_is_refused_by_its_clause(text: str, clause: str) -> None:
    assert refused(MADE.verify(draft(text), PASSAGES)) == ("failed_check", clause)


@pytest.mark.parametrize(("start", "end"), [(0, 999), (5, 5), (9, 3), (-1, 4), (3, -1)])
def test_a_quote_out_of_range_fails(start: int, end: int) -> None:
    cited = DraftCitation(0, len(RATE), 1, start, end)
    assert refused(MADE.verify(draft(f"{RATE} [1]", cited), PASSAGES))[1] == "outputs.citations"


def test_a_failed_sentence_is_dropped_and_said_so() -> None:
    text = f"{RATE} [1] Champagne is free for all. [1]\n\nA hotel may cost 1800 NOK a night. [2]"
    answer = answered(MADE.verify(draft(text), PASSAGES))
    assert answer.text == f"{RATE} [1]\n\nA hotel may cost 1800 NOK a night. [2]"
    (decision,) = answer.decisions
    assert (decision.clause, decision.action) == ("safety.grounding.threshold", Action.FLAG)


def test_a_failed_sentence_refuses_the_whole_where_the_contract_says_so() -> None:
    strict = guardrails(outputs={"on_failed_sentence": "refuse"})
    text = f"{RATE} [1] Champagne is free for all. [1]"
    assert refused(strict.verify(draft(text), PASSAGES))[1] == "safety.grounding.threshold"


def test_a_heading_or_a_lead_in_needs_no_source_and_makes_no_answer() -> None:
    text = f"# Allowances\n\nThis is what the policy says:\n\n- {RATE} [1]"
    assert answered(MADE.verify(draft(text), PASSAGES)).text == text
    alone = "# Allowances\n\nThis is what the policy says:"
    assert refused(MADE.verify(draft(alone), PASSAGES))[1] == "outputs.citations"


def test_a_lead_in_with_an_invented_number_fails() -> None:
    text = f"You get 500 EUR:\n\n- {RATE} [1]"
    assert "500" not in answered(MADE.verify(draft(text), PASSAGES)).text


def test_numbers_may_be_written_otherwise_than_in_the_source() -> None:
    text = "1. In Oslo a hotel may cost 1800.00 NOK for one night. [2]"
    source = passage(2, HOTEL.replace("a night", "for 1 night"))
    assert len(answered(MADE.verify(draft(text), (source,))).citations) == 1


PROVIDERS_OWN = (StopReason.GUARDRAIL, StopReason.FILTERED)


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        (StopReason.NO_EVIDENCE, ("no_evidence", "safety.grounding")),
        *[
            (stop, ("failed_check", "outputs.format"))
            for stop in StopReason
            if stop not in (*PROVIDERS_OWN, StopReason.END, StopReason.NO_EVIDENCE)
        ],
        *[(stop, ("failed_check", "safety.filters")) for stop in PROVIDERS_OWN],
    ],
)
def test_a_draft_that_did_not_end_is_never_an_answer(stop: StopReason, expected: tuple[str, str]) -> None:
    assert refused(MADE.verify(draft(f"{RATE} [1]", stop=stop), PASSAGES)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        f"{RATE} [1]<script>x()</script>",
        f'{RATE} [1] <img src=x onerror="x()">',
        "[a](javascript:x) [1]",
    ],
)
def test_empty_text_and_active_html_are_not_an_answer(text: str) -> None:
    assert refused(MADE.verify(draft(text), PASSAGES)) == ("failed_check", "outputs.format")


def test_marks_are_stripped_where_no_citations_are_wanted() -> None:
    made = guardrails(
        outputs={"citations": "none"}, safety={"grounding": {"method": ["numbers"], "threshold": 0}}
    )
    assert answered(made.verify(draft(f"{RATE} [1]"), PASSAGES)).text == RATE
    assert refused(made.verify(draft("It is 77 EUR."), PASSAGES))[1] == "safety.grounding.method.numbers"


def test_an_uncited_answer_passes_where_citations_are_optional() -> None:
    grounding = {"method": ["numbers", "coverage"], "threshold": 0.7}
    made = guardrails(outputs={"citations": "optional"}, safety={"grounding": grounding})
    assert answered(made.verify(draft(RATE), PASSAGES)).citations == ()


def test_masks_and_disallowed_content_hold_for_verified_text() -> None:
    sensitive = {"sensitive": {"mask": ["EMAIL"]}}
    disallowed = [{"id": "promise", "description": "d", "patterns": ["we will pay"]}]
    made = guardrails(inputs=sensitive, outputs={"disallowed": disallowed})
    source = (passage(1, "Write to dana@example.com about meals. For meals we will pay."),)
    answer = answered(made.verify(draft("Write to dana@example.com about meals. [1]"), source))
    assert answer.text == "Write to [EMAIL] about meals. [1]"
    assert (
        refused(made.verify(draft("For meals we will pay. [1]"), source))[1] == "outputs.disallowed.promise"
    )


SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}, "eur": {"type": "number"}, "used": {"type": "array"}},
    "required": ["answer"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ('{"answer": "The per diem for Oslo is 95 EUR a day. [1]"}', None),
        ('{"eur": 95, "used": [1], "answer": "The per diem for Oslo is 95 EUR a day. [1]"}', None),
        (
            '{"answer": "The per diem for Oslo is 95 EUR a day. [1]", "eur": 77}',
            "safety.grounding.method.numbers",
        ),
        ('{"answer": "The per diem for Oslo is 96 EUR a day. [1]"}', "safety.grounding.method.numbers"),
        ('{"reply": "x"}', "outputs.format"),
        ('{"answer": ', "outputs.format"),
        ("[" * 100_000, "outputs.format"),
    ],
)
def test_a_json_answer_is_checked_by_its_schema_and_on_its_strings(text: str, clause: str | None) -> None:
    outputs: dict[str, Any] = {"format": {"kind": "json", "schema": "answer.json"}}
    made = compile_guardrails(contract(outputs=outputs), {}, {"answer.json": SCHEMA})
    outcome = made.verify(draft(text), PASSAGES)
    assert (outcome.clause if isinstance(outcome, Refusal) else None) == clause


def test_nothing_hides_behind_an_escape_of_json() -> None:
    outputs: dict[str, Any] = {"format": {"kind": "json"}, "citations": "none"}
    inputs = {"sensitive": {"mask": ["EMAIL", "PHONE"]}}
    grounding = {"grounding": {"method": ["citations"], "threshold": 0}}
    made = guardrails(inputs=inputs, outputs=outputs, safety=grounding)
    text = '{"a": "Ask dana\\u0040example.com or call\\n+47 22 00 00 00."}'
    assert answered(made.verify(draft(text), PASSAGES)).text == '{"a":"Ask [EMAIL] or call\\n[PHONE]."}'


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.sampled_from(
            [RATE, "[1]", "[2]", "[7]", "[1, 2]", "Yes.", "95", "\n\n", "- ", "# A", "é", "?", ":"]
        )
    ),
    st.lists(st.tuples(*[st.integers(-2, 60) for _ in range(4)], st.integers(0, 3)), max_size=3),
)
def test_every_citation_of_an_answer_is_a_true_quote(
    parts: list[str], spans: list[tuple[int, int, int, int, int]]
) -> None:
    cited = [DraftCitation(a, b, number, c, d) for a, b, c, d, number in spans]
    outcome = MADE.verify(draft(" ".join(parts), *cited), PASSAGES)
    for citation in outcome.citations if isinstance(outcome, Answer) else ():
        source = PASSAGES[citation.number - 1]
        assert source.text[citation.start - source.start : citation.end - source.start] == citation.quote
