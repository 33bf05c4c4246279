"""The nouns that every room shares: values only, no behaviour that needs a clock, a file or a network."""

from bisect import bisect_right
from collections.abc import Sequence
from enum import StrEnum
from operator import attrgetter

from msgspec import Struct


class Environment(StrEnum):
    """Where a deployment stands; each is stricter than the one before it."""

    DEV = "dev"
    PILOT = "pilot"
    PRODUCTION = "production"


class Purpose(StrEnum):
    """Why a run exists. Signals and alerts read only `live`."""

    LIVE = "live"
    TEST = "test"
    SHADOW = "shadow"
    REPLAY = "replay"
    PREVIEW = "preview"
    DEMO = "demo"


class Channel(StrEnum):
    """The way by which a text enters or leaves; checks declare the channels that they watch."""

    USER = "user"
    HISTORY = "history"
    PASSAGE = "passage"
    TOOL_RESULT = "tool_result"
    TOOL_ARGUMENT = "tool_argument"
    OUTPUT = "output"


class Action(StrEnum):
    """What a check decided."""

    ALLOW = "allow"
    MASK = "mask"
    FLAG = "flag"
    REFUSE = "refuse"


class Position(Struct, frozen=True):
    """A place in a file that a person wrote. `line` and `column` count from 1; 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Problem(Struct, frozen=True):
    """One thing wrong with what a team wrote, with its place and its fix."""

    at: Position
    clause: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.at}: `{self.clause}`: {self.what}; {self.fix}"


# --- who asks, and what ---------------------------------------------------------------------------


class Principal(Struct, frozen=True):
    """An authenticated caller. `groups` decide what may be read, `roles` what may be done."""

    user: str
    groups: frozenset[str]
    roles: frozenset[str]
    key: str  # the public ID of the credential, never its secret


class Turn(Struct, frozen=True):
    """One earlier message of the conversation, as the caller sent it."""

    role: str  # user | assistant
    text: str


class Request(Struct, frozen=True):
    """One question to one app, parsed and within the size limits, not yet screened."""

    app: str
    text: str
    history: tuple[Turn, ...] = ()
    purpose: Purpose = Purpose.LIVE
    stream: bool = False


# --- text that has passed the policy checks -------------------------------------------------------


class Decision(Struct, frozen=True, gc=False):
    """What one check decided about one text: types and counts, never a value."""

    clause: str  # the contract's path, e.g. `inputs.sensitive.mask.EMAIL`
    action: Action
    rule: str  # the rule that fired, e.g. `EMAIL` or `legal-advice`
    channel: Channel
    count: int = 1


class Mask(Struct, frozen=True, gc=False):
    """A placeholder: `[start, end)` of a text stands for `[original_start, original_end)` of its original.

    All four count characters. The original's own characters are kept nowhere.
    """

    start: int
    end: int
    original_start: int
    original_end: int


def original_span(masks: Sequence[Mask], start: int, end: int) -> tuple[int, int]:
    """Where `[start, end)` of a masked text stands in its original; `masks` in order and disjoint, `start < end`.

    Without a mask inside, the original has the same characters there. A masked value counts whole: a span
    that holds a part of a placeholder stands for all of the value.
    """
    if not masks:
        return start, end
    return _original(masks, start, is_end=False), _original(masks, end, is_end=True)


def _original(masks: Sequence[Mask], place: int, *, is_end: bool) -> int:
    at = bisect_right(masks, place, key=attrgetter("start")) - 1
    if at < 0:
        return place
    mask = masks[at]
    if place >= mask.end:
        return mask.original_end + place - mask.end
    return mask.original_end if is_end and place > mask.start else mask.original_start


class Screened(Struct, frozen=True):
    """Text that has passed the policy checks. Only `proviso.guardrails` makes one (a test sees to it).

    `masks` lead from places of `text` to those of the text before screening.
    """

    text: str
    channel: Channel
    decisions: tuple[Decision, ...] = ()
    masks: tuple[Mask, ...] = ()


class Sentence(Struct, frozen=True, gc=False):
    """A sentence of a passage: `start` and `end` in characters of the passage's text; `terms` as in `text.terms`."""

    start: int
    end: int
    terms: frozenset[int]


class Passage(Struct, frozen=True):
    """A piece of an approved document, screened and tokenised when it was indexed.

    `start` and `end` are characters of the document's extracted text, as it was before screening; `text` is
    that slice, screened. `masks` lead from places of `text` to characters of that slice (from 0).
    `number` is its place among the passages of one request, from 1: what a draft cites as `[1]`.
    """

    id: str
    number: int
    source: str
    document: str  # path below the source's folder
    title: str
    version: str  # SHA-256 of the document's bytes
    start: int
    end: int
    text: str
    sentences: tuple[Sentence, ...]
    masks: tuple[Mask, ...] = ()


# --- the way to the model and back ----------------------------------------------------------------


class Rendered(Struct, frozen=True):
    """A prompt made from screened values. Only `orchestrator.prompts` makes one; models accept nothing else."""

    system: str
    user: str
    history: tuple[Turn, ...]
    question: Screened
    passages: tuple[Passage, ...]
    prompt: str  # name of the prompt
    version: str  # SHA-256 of its file's bytes


class StopReason(StrEnum):
    """Why a model stopped. Only `end` is a whole answer; `tool_use` waits for tools."""

    END = "end"
    MAX_TOKENS = "max_tokens"
    NO_EVIDENCE = "no_evidence"  # the model says that the passages do not answer the question
    TOOL_USE = "tool_use"
    STOP_SEQUENCE = "stop_sequence"
    GUARDRAIL = "guardrail_intervened"
    FILTERED = "content_filtered"
    MALFORMED_OUTPUT = "malformed_model_output"
    MALFORMED_TOOL_USE = "malformed_tool_use"
    CONTEXT_EXCEEDED = "model_context_window_exceeded"
    UNKNOWN = "unknown"  # whatever else a provider says: never a whole answer


class DraftCitation(Struct, frozen=True, gc=False):
    """A claim's support as the model names it: `[start, end)` of the draft is said to stand in passage `number`.

    `quote_start` and `quote_end` are characters of that passage's text, or -1 where the model gave no quote.
    """

    start: int
    end: int
    number: int
    quote_start: int = -1
    quote_end: int = -1


class Usage(Struct, frozen=True, gc=False):
    """Tokens that one run used, as the provider counts them (`extractive` counts words).

    `input_tokens` leaves out what was read from the provider's prompt cache or written to it.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens


class Attempt(Struct, frozen=True, gc=False):
    """One call of a hosted model that a run made, whether it answered or not; or one that was ruled out.

    `usage`: what it used as the provider says, or the most that it may be charged for where it has not said.
    """

    model: str  # its name in models.yaml
    provider: str
    called: str  # the ID, the inference profile or the ARN that was called
    region: str
    outcome: str  # `answered`, the kind of the failure, or `cancelled` where nobody waited for its end
    duration_us: int
    usage: Usage = Usage()


class Draft(Struct, frozen=True):
    """What a model returned, not yet verified. Citation marks such as `[1]` stand in the text."""

    text: str
    citations: tuple[DraftCitation, ...]
    stop: StopReason
    usage: Usage
    provider: str  # extractive | bedrock | openai | simulator
    model: str
    name: str = ""  # of the model in models.yaml, where it is a hosted one
    region: str = ""  # where it was called
    endpoint: str = ""  # scheme and host that answered


# --- what the caller gets -------------------------------------------------------------------------


class Citation(Struct, frozen=True):
    """A verified citation: the quote is exactly `[start, end)` of the extracted text of that document version.

    Where the quote holds a placeholder, `[start, end)` is what the quote stands for, the masked value included.
    """

    number: int
    source: str
    document: str
    title: str
    version: str
    passage: str
    start: int
    end: int
    quote: str
    quote_digest: str


class Answer(Struct, frozen=True):
    """An answer that passed every check of its contract."""

    text: str
    citations: tuple[Citation, ...]
    decisions: tuple[Decision, ...] = ()


class Refusal(Struct, frozen=True):
    """No answer, by the contract: a value, not an error. It names the clause that asked for it."""

    clause: str
    reason: (
        str  # a stable word: `blocked_input`, `out_of_purpose`, `no_evidence`, `failed_check`, `deadline`, …
    )
    text: str  # from the clause's template
    decisions: tuple[Decision, ...] = ()


class Served(Struct, frozen=True):
    """A finished run as the gateway hands it out: durable before anyone sees it."""

    run: str
    app: str
    release: str
    terms: str
    outcome: Answer | Refusal
    decisions: tuple[Decision, ...]  # of every check, on the way in and on the way out
    model: str
    provider: str
    usage: Usage
    cost_micro_usd: int
    duration_us: int
    unapproved: bool
    purpose: Purpose
