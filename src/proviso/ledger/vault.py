"""The only store of payloads: what was asked and answered, redacted; and who stands behind a pseudonym.

A payload becomes durable in the same transaction as its event, and may leave long before it. What may be
kept is an allow-list that the contract gives (`monitoring.log`); everything else never reaches the disk.
"""

import secrets
from typing import Protocol

import msgspec
from msgspec import Struct

from proviso.errors import ProvisoError
from proviso.types import Answer, Citation, Refusal, Screened

LOGGABLE = frozenset({"question", "answer", "citations"})

_MOST_SUBJECTS = 10_000  # pseudonyms kept in memory


class PayloadRefused(ProvisoError):
    """An allow-list that asks for something which nobody may store."""

    code = "payload_refused"


class Payload(Struct, frozen=True):
    """The texts of one run, and which of them may be stored (`monitoring.log`).

    Only screened text has these types: a question before screening, a prompt or a model's reasoning does
    not fit.
    """

    question: Screened | None
    outcome: Answer | Refusal | None
    log: frozenset[str]


class StoredPayload(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What was kept of a run's texts. None: not kept, or there was none."""

    question: str | None = None
    answer: str | None = None  # of a refusal: its text
    citations: tuple[Citation, ...] | None = None


class Subjects(Protocol):
    """Where the link between a user and a pseudonym is kept."""

    def subject(self, user: str, fresh: str) -> str:
        """Return the user's pseudonym, which becomes `fresh` if there is none."""
        ...

    def user(self, subject: str) -> str:
        """Return the user of a pseudonym, or an empty string."""
        ...


class MemorySubjects:
    """The double: links that end with the process."""

    def __init__(self) -> None:
        self._subjects: dict[str, str] = {}

    def subject(self, user: str, fresh: str) -> str:
        """Return the user's pseudonym, which becomes `fresh` if there is none."""
        return self._subjects.setdefault(user, fresh)

    def user(self, subject: str) -> str:
        """Return the user of a pseudonym, or an empty string."""
        return next((user for user, known in self._subjects.items() if known == subject), "")


class Vault:
    """Seals payloads for the store and opens them for those who may read."""

    def __init__(self, subjects: Subjects) -> None:
        self._subjects = subjects
        self._known: dict[str, str] = {}
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(StoredPayload)

    def known_pseudonym(self, user: str) -> str | None:
        """Return a user's pseudonym from memory alone; None for somebody whom this process has not met yet."""
        return self._known.get(user)

    def pseudonym(self, user: str) -> str:
        """Return the random name by which the log knows a user: always the same, and not to be computed.

        From memory, but for the first time that this process meets the user (one read, or one write for a
        new user): on an event loop ask `known_pseudonym` first, and this in a thread.
        """
        known = self._known.get(user)
        if known is None:
            known = self._subjects.subject(user, f"s{secrets.token_hex(16)}")
            if len(self._known) >= _MOST_SUBJECTS:
                self._known.clear()
            self._known[user] = known
        return known

    def user(self, subject: str) -> str:
        """Return the user of a pseudonym; an empty string if the link is gone."""
        return self._subjects.user(subject)

    def seal(self, payload: Payload) -> bytes | None:
        """Return what may be stored of a payload, or None if nothing may. Raises `PayloadRefused`."""
        log = payload.log
        if not log <= LOGGABLE:
            raise PayloadRefused(
                f"`monitoring.log` names `{min(log - LOGGABLE)}`",
                fix=f"use only {', '.join(sorted(LOGGABLE))}",
            )
        outcome = payload.outcome
        kept = StoredPayload(
            question=payload.question.text if payload.question is not None and "question" in log else None,
            answer=outcome.text if outcome is not None and "answer" in log else None,
            citations=outcome.citations if isinstance(outcome, Answer) and "citations" in log else None,
        )
        if kept.question is None and kept.answer is None and kept.citations is None:
            return None
        return self._encoder.encode(kept)

    def open(self, sealed: bytes) -> StoredPayload:
        """Return a payload as it was stored."""
        return self._decoder.decode(sealed)
