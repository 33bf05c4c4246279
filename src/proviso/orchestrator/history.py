"""The turns before the question: screened like everything that comes in, because a caller can write what it likes."""

from collections.abc import Sequence

from msgspec import Struct

from proviso.guardrails import Guardrails
from proviso.types import Channel, Refusal, Screened, Turn


class History(Struct, frozen=True):
    """The earlier turns, screened. `last_question` is the user's turn before this one, or an empty string."""

    texts: tuple[Screened, ...] = ()
    turns: tuple[Turn, ...] = ()
    last_question: str = ""


_NONE = History()


def screen_history(guardrails: Guardrails, turns: Sequence[Turn]) -> History | Refusal:
    """Screen every earlier turn; a blocked one refuses the request."""
    if not turns:
        return _NONE
    texts = []
    for turn in turns:
        screened = guardrails.screen(turn.text, Channel.HISTORY)
        if isinstance(screened, Refusal):
            return screened
        texts.append(screened)
    clean = tuple(Turn(turn.role, text.text) for turn, text in zip(turns, texts, strict=True))
    last = next((turn.text for turn in reversed(clean) if turn.role == "user"), "")
    return History(tuple(texts), clean, last)
