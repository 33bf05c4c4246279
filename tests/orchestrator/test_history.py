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
