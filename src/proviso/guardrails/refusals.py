"""Refusals: each names its clause and speaks with its template."""

from collections.abc import Mapping, Sequence

from proviso.types import Decision, Refusal

# What is said where an app brings no template of its own.
DEFAULT_TEXTS: Mapping[str, str] = {
    "blocked_input": "This text has details that this app may not take. Please remove them and ask again.",
    "no_evidence": "The approved documents do not answer this question.",
    "failed_check": "The answer did not pass this app's checks, so it is not given.",
    "too_long": "This text is longer than this app takes. Please shorten it and ask again.",
    "deadline": "The answer was not ready in time. Please ask again.",
    "unavailable": "This app cannot answer at the moment. Please try again later.",
    "out_of_purpose": "This app does not answer questions of this kind.",
}


class Refusals:
    """The texts of one release's refusals, ready to use."""

    __slots__ = ("_texts",)

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = {**DEFAULT_TEXTS, **texts}

    def refuse(self, reason: str, clause: str, decisions: Sequence[Decision] = ()) -> Refusal:
        """The refusal for a clause: its own template where it has one, else the reason's."""
        text = self._texts.get(clause) or self._texts.get(reason) or DEFAULT_TEXTS["failed_check"]
        return Refusal(clause, reason, text, tuple(decisions))
