"""A release ready to serve: every clause compiled, every part in place; nothing is looked up by name on a request."""

from collections.abc import Mapping

from msgspec import Raw, Struct

from proviso.budgets import Prices
from proviso.guardrails import Guardrails
from proviso.models import Model
from proviso.orchestrator.prompts import Prompt
from proviso.retrieval import Index
from proviso.text import Synonyms
from proviso.types import Environment, Principal, Request

_AROUND_A_PASSAGE = 512  # bytes of its number, title and document in a prompt
# Of prose in European languages a token has four bytes and more; of other scripts' usual text three to four.
_BYTES_A_TOKEN = 3


class CompiledTerms(Struct, frozen=True):
    """What an app is run under, as far as a request needs it. Terms change without a new release."""

    digest: str
    readers: Mapping[str, frozenset[str]]  # approved source → groups that may read it
    deadline_s: float
    log: frozenset[str]  # parts of a payload that may be stored
    runs_readable_by: frozenset[str]  # roles that may read any run's record
    record_before_reply: bool  # no answer leaves before the store has its record
    lease_s: float  # for how long an unconfirmed view of terms, routing and keys may be served by

    def readable(self, principal: Principal) -> frozenset[str]:
        """Return the sources that this caller may read."""
        groups = principal.groups
        return frozenset(name for name, readers in self.readers.items() if not groups.isdisjoint(readers))


class CompiledRelease(Struct, frozen=True):
    """What shapes an answer, compiled from one bundle, with the terms in force."""

    app: str
    summary: str
    workflow: str
    digest: str
    snapshot: str
    terms: CompiledTerms
    environment: Environment
    unapproved: bool
    guardrails: Guardrails
    index: Index
    passages: int  # how many passages a question gets
    synonyms: Synonyms | None
    prompt: Prompt
    model: Model
    max_tokens: int
    schema: Raw | None  # the JSON Schema that answers keep
    drafter: str  # the first model of the role, by its name in models.yaml
    prices: Mapping[str, Prices]  # of every model that may answer

    def most_input_tokens(self, request: Request) -> int:
        """Return how many tokens a model reads for a request at most.

        What the caller writes counts a token a byte of UTF-8, which is the worst that there is; the prompt and the
        passages, which the team has chosen, count one for three. Whatever was more is settled all the same.
        """
        prompt, longest = self.prompt, self.index.longest + _AROUND_A_PASSAGE
        asked = max(1, prompt.shows_question) * len(request.text.encode())
        asked += sum(len(turn.text.encode()) for turn in request.history)
        chosen = prompt.size + max(1, prompt.shows_passage) * self.passages * longest
        return asked + -(-chosen // _BYTES_A_TOKEN)
