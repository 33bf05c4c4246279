"""The turns before the question: screened like everything that comes in, because a caller can write what it likes."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from proviso.guardrails import Guardrails
from proviso.types import Action, Channel, Decision, Refusal, Turn

LONGEST = "inputs.max_chars"


class History(Struct, frozen=True):
    """The earlier turns, screened. `last_question` is the user's turn before this one, or an empty string."""

    decisions: tuple[Decision, ...] = ()
    turns: tuple[Turn, ...] = ()
    last_question: str = ""


_NONE = History()


def screen_history(guardrails: Guardrails, turns: Sequence[Turn]) -> History | Refusal:
    """Screen the newest turns that fit into the contract's `inputs.max_chars`; a blocked one refuses the request.

    What is older is left out, and a decision says how many turns that were: a conversation may go on for ever, and
    costs no more than the longest question.
    """
    if not turns:
        return _NONE
    kept = _newest(turns, guardrails.max_chars)
    clean: list[Turn] = []
    decisions: list[Decision] = []
    for turn in kept:
        outcome = guardrails.screen(turn.text, Channel.HISTORY)
        decisions += outcome.decisions
        if isinstance(outcome, Refusal):
            return replace(outcome, decisions=tuple(decisions))
        clean.append(Turn(turn.role, outcome.text))
    if left_out := len(turns) - len(kept):
        decisions.append(Decision(LONGEST, Action.FLAG, "history_left_out", Channel.HISTORY, left_out))
    last = next((turn.text for turn in reversed(clean) if turn.role == "user"), "")
    return History(tuple(decisions), tuple(clean), last)


def _newest(turns: Sequence[Turn], most: int) -> Sequence[Turn]:
    """Return the last turns that have at most so many characters together."""
    for place in range(len(turns) - 1, -1, -1):
        most -= len(turns[place].text)
        if most < 0:
            return turns[place + 1 :]
    return turns
