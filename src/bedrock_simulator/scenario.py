"""What a simulator is told to be: models, credentials, answers, quotas, latency and faults, read from one YAML file."""

from typing import Any, Literal

from msgspec import Struct, field

Json = Any  # a value that came out of JSON or YAML


class Lifecycle(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a model is in its life. `end_of_life`: an ISO day from which it is answered by 404."""

    status: Literal["ACTIVE", "LEGACY"] = "ACTIVE"
    end_of_life: str | None = None


class SimulatedModel(Struct, frozen=True, forbid_unknown_fields=True):
    """A model that answers. `regions`: where it exists; empty: everywhere."""

    provider: str = "Simulator"
    input: tuple[str, ...] = ("TEXT",)
    output: tuple[str, ...] = ("TEXT",)
    kind: Literal["text", "titan-embed", "cohere-embed", "rerank"] = "text"
    regions: tuple[str, ...] = ()
    streaming: bool = True
    on_demand: bool = True  # False: only through an inference profile
    context: int = 200_000  # tokens, in and out
    max_output: int = 8_192
    burn: float = 1.0  # how many tokens of the quota one output token takes
    count_tokens: bool = True
    cache_min_tokens: int = 1_024
    lifecycle: Lifecycle = Lifecycle()


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """An inference profile, by its ID or ARN: the model behind it and where it may run."""

    model: str
    regions: tuple[str, ...]
    kind: Literal["SYSTEM_DEFINED", "APPLICATION"] = "SYSTEM_DEFINED"


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """What to answer when a request fits: the first rule that fits counts.

    `when` is an RE2 pattern over the last user text, `system` one over the system prompt; both may be empty. `text`
    may hold `{question}` and `{passage:N}`. `tool` calls a tool by name, with `input` or with one that fits its schema.
    """

    when: str = ""
    system: str = ""
    model: str = ""
    text: str | None = None
    tool: str | None = None
    input: Json = None
    persona: str | None = None
    reasoning: str | None = None
    stop: str | None = None  # a stopReason instead of the one that follows
    times: int | None = None  # after that many answers the rule no longer fits


class Answers(Struct, frozen=True, forbid_unknown_fields=True):
    """How models answer: rules first, then the persona, for text out of the prompt's passages where it has some."""

    rules: tuple[Rule, ...] = ()
    persona: str = "extractive"  # see `personas`
    seed: int = 0


class Quota(Struct, frozen=True, forbid_unknown_fields=True):
    """Tokens per minute of one model (or `*`), reserved as input + cache + maxTokens and settled afterwards."""

    tokens_per_minute: int
    default_max_tokens: int = 64_000  # what is reserved where maxTokens is not set


class Latency(Struct, frozen=True, forbid_unknown_fields=True):
    """Milliseconds to the first byte and between tokens; drawn log-normal around these medians with `spread`."""

    first_ms: float = 0.0
    token_ms: float = 0.0
    spread: float = 0.0


class Fault(Struct, frozen=True, forbid_unknown_fields=True):
    """Something that goes wrong. `kind` is a name of `faults.KINDS`.

    It happens to the `nth` requests that it could (counted from 1), or to a `share` of them (seeded), or to all;
    where a header `x-simulate-fault: KIND[:AFTER]` comes with a request, that fault happens to it. `after`: how many
    events of a stream come first.
    """

    kind: str
    operation: str = ""  # e.g. ConverseStream; empty: all
    model: str = ""
    region: str = ""
    nth: tuple[int, ...] = ()
    share: float | None = None
    times: int | None = None
    after: int = 3
    seconds: float = 1.0  # of slow-first-byte, idle-gap and retry-after, before the time scale


class SimulatedGuardrail(Struct, frozen=True, forbid_unknown_fields=True):
    """A guardrail by ID: patterns (RE2) that block, sensitive types that are masked or block, and grounding."""

    versions: tuple[str, ...] = ("DRAFT", "1")
    blocked_words: tuple[str, ...] = ()
    blocked_patterns: dict[str, str] = field(default_factory=dict)
    masked_patterns: dict[str, str] = field(default_factory=dict)
    topics: dict[str, tuple[str, ...]] = field(default_factory=dict)
    grounding_threshold: float | None = None
    relevance_threshold: float | None = None
    input_message: str = "Sorry, the model cannot answer this question."
    output_message: str = "Sorry, the model cannot answer this question."


class Document(Struct, frozen=True, forbid_unknown_fields=True):
    """A document of a knowledge base."""

    text: str
    uri: str = "s3://simulator/document"
    metadata: dict[str, Json] = field(default_factory=dict)


class Account(Struct, frozen=True, forbid_unknown_fields=True):
    """What the neighbours of the runtime say of the account."""

    id: str = "123456789012"
    denied_models: tuple[str, ...] = ()  # AccessDeniedException, as without model access
    denied_operations: tuple[str, ...] = ()  # AccessDeniedException, as without the permission
    invocation_logging: bool = False


class Scenario(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole scenario. Each field is optional; without a file these defaults hold."""

    models: dict[str, SimulatedModel] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    credentials: dict[str, str] = field(default_factory=lambda: {"test": "test"})  # access key → secret
    bearer_keys: tuple[str, ...] = ("test",)
    region: str = "us-east-1"  # of requests that name none, as those with a bearer key
    answers: Answers = Answers()
    quotas: dict[str, Quota] = field(default_factory=dict)
    latency: dict[str, Latency] = field(default_factory=dict)  # by model, or `*`
    time_scale: float = 1.0  # 0.01: a hundred times faster
    faults: tuple[Fault, ...] = ()
    guardrails: dict[str, SimulatedGuardrail] = field(default_factory=dict)
    knowledge_bases: dict[str, tuple[Document, ...]] = field(default_factory=dict)
    account: Account = Account()
