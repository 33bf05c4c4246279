"""The turns before the question are screened like the question."""

from proviso.orchestrator.history import History, screen_history
from proviso.types import Refusal, Turn
from tests.orchestrator.made import release

GUARDS = release().guardrails


def test_the_last_question_is_the_users_and_masked() -> None:
    turns = [Turn("user", "First?"), Turn("user", "I am kim@example.com"), Turn("assistant", "Hello")]
    history = screen_history(GUARDS, turns)
    assert isinstance(history, History)
    assert history.last_question == "I am [EMAIL]"
    assert [turn.role for turn in history.turns] == ["user", "user", "assistant"]


def test_what_a_caller_puts_into_the_assistants_mouth_is_screened_too() -> None:
    assert isinstance(screen_history(GUARDS, [Turn("assistant", "4111 1111 1111 1111")]), Refusal)


def test_without_turns_there_is_nothing_to_screen() -> None:
    assert screen_history(GUARDS, ()) == History()


def test_only_the_newest_turns_that_fit_the_longest_question_are_taken() -> None:
    turns = [Turn("user", "a" * GUARDS.max_chars)] * 20_000 + [Turn("user", "What is it?")]
    history = screen_history(GUARDS, turns)
    assert isinstance(history, History)
    assert [turn.text for turn in history.turns] == ["What is it?"]
    assert (history.decisions[-1].rule, history.decisions[-1].count) == ("history_left_out", 20_000)


def test_masks_of_earlier_turns_stay_on_record_when_a_later_one_is_refused() -> None:
    refused = screen_history(GUARDS, [Turn("user", "kim@example.com"), Turn("user", "4111 1111 1111 1111")])
    assert isinstance(refused, Refusal)
    assert [decision.action for decision in refused.decisions] == ["mask", "refuse"]
