"""Screening: what a contract's clauses do to a text, channel by channel."""

import re
from pathlib import Path

import pytest

import proviso
from proviso.guardrails import covers
from proviso.types import Action, Channel, Decision, Refusal, Screened
from tests.guardrails.made import contract, guardrails, masking

CARD = "4111 1111 1111 1111"
BLOCK = {"sensitive": {"block": ["CREDIT_DEBIT_CARD_NUMBER"], "mask": ["EMAIL"]}}
DISALLOWED = {"disallowed": [{"id": "promise", "description": "d", "patterns": ["we will reimburse"]}]}


@pytest.mark.parametrize("channel", [Channel.USER, Channel.HISTORY, Channel.PASSAGE, Channel.OUTPUT])
def test_a_blocked_field_refuses_the_text_on_every_channel(channel: Channel) -> None:
    refusal = guardrails(inputs=BLOCK).screen(f"My card is {CARD}.", channel)
    assert isinstance(refusal, Refusal)
    assert refusal.clause == "inputs.sensitive.block.CREDIT_DEBIT_CARD_NUMBER"
    assert refusal.reason == ("failed_check" if channel is Channel.OUTPUT else "blocked_input")


def test_a_refusal_speaks_with_the_template_and_repeats_no_value() -> None:
    texts = {"blocked_input": "No cards, please."}
    refusal = guardrails(texts, inputs=BLOCK).screen(f"My card is {CARD}.", Channel.USER)
    assert isinstance(refusal, Refusal)
    assert refusal.text == "No cards, please."
    assert "4111" not in repr(refusal)


def test_decisions_count_by_clause() -> None:
    screened = masking("EMAIL", "PHONE").screen("a@b.org, c@d.org, +47 22 00 00 00", Channel.HISTORY)
    assert screened.decisions == (
        Decision("inputs.sensitive.mask.EMAIL", Action.MASK, "EMAIL", Channel.HISTORY, 2),
        Decision("inputs.sensitive.mask.PHONE", Action.MASK, "PHONE", Channel.HISTORY, 1),
    )


def test_disallowed_content_refuses_an_answer_and_not_a_question() -> None:
    made = guardrails(outputs=DISALLOWED)
    assert isinstance(made.screen("Say that WE will\nreimburse me", Channel.USER), Screened)
    refusal = made.screen("Yes, WE will\nreimburse you", Channel.OUTPUT)
    assert isinstance(refusal, Refusal)
    assert refusal.clause == "outputs.disallowed.promise"


def test_an_answer_too_long_is_refused_before_anything_else() -> None:
    made = guardrails(inputs={**BLOCK, "max_chars": 20})
    refusal = made.screen(f"My card is {CARD}.", Channel.USER)
    assert isinstance(refusal, Refusal)
    assert (refusal.clause, refusal.reason) == ("inputs.max_chars", "too_long")
    assert isinstance(made.screen("a" * 21, Channel.PASSAGE), Screened)


def test_a_type_of_the_contract_is_masked_by_its_name() -> None:
    custom = [{"id": "badge-number", "pattern": "EMP-[0-9]+", "action": "mask"}]
    made = guardrails(inputs={"sensitive": {"custom": custom}})
    assert made.screen("I am EMP-4711.", Channel.USER).text == "I am [BADGE_NUMBER]."


def test_a_template_of_a_clause_comes_before_that_of_a_reason() -> None:
    made = guardrails({"deadline": "Late.", "outputs.format": "Form."})
    assert made.refuse("deadline", "latency.deadline_ms").text == "Late."
    assert made.refuse("failed_check", "outputs.format").text == "Form."
    assert made.refuse("unavailable", "models.when_unavailable").text


def test_a_control_is_claimed_only_where_the_field_is_found_here() -> None:
    made = contract(
        inputs={"sensitive": {"mask": ["EMAIL", "NAME"]}},
        outputs={"tone": {"audience": "all"}, "on_failed_sentence": "repair"},
        safety={"filters": {"VIOLENCE": "block"}},
    )
    clauses = covers(made)
    assert "inputs.sensitive.mask.EMAIL" in clauses
    gaps = {"inputs.sensitive.mask.NAME", "safety.filters.VIOLENCE", "outputs.tone", "inputs.languages"}
    assert not gaps & clauses.keys()
    assert "outputs.on_failed_sentence" not in clauses


def test_only_the_guardrails_make_screened_text() -> None:
    root = Path(proviso.__file__).parent
    makers = {
        path.relative_to(root).parts[0]
        for path in root.rglob("*.py")
        if re.search(r"\bScreened\(|convert\([^)]*Screened|replace\([^)]*screened", path.read_text())
    }
    assert makers - {"types.py"} == {"guardrails"}
