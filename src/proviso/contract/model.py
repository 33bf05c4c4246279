"""The production contract as types: `contract.yaml`, clause by clause (format: `docs/contract.md`).

`ReleasePart` holds what shapes an answer, `TermsPart` what the app is run under: two digests.
"""

from typing import Annotated, Literal

from pydantic import Field

from proviso.contract.vocabulary import (
    ChangeClass,
    Duration,
    Feature,
    Filter,
    GroundingMethod,
    Id,
    Interval,
    Language,
    RelativePath,
    Section,
    SensitiveType,
    Share,
    Signal,
    Task,
)


class Escalation(Section):
    """To whom a matter goes when its first addressee has not acted."""

    after: Duration = Field(description="How long the first addressee has, such as `4h`.")
    to: str = Field(description="A person of proviso.yaml, or an owner's role such as `risk`.")


class Owners(Section):
    """Who answers for the app. A missing one is a gap, not an error."""

    product: str | None = Field(default=None, description="Answers for purpose, quality and cost.")
    technical: str | None = Field(default=None, description="Answers for outputs, models and changes.")
    risk: str | None = Field(default=None, description="Answers for inputs and safety.")
    on_call: str | None = Field(default=None, description="Is called when a promise is broken now.")
    cost_centre: str | None = Field(default=None, description="Where the money is booked.")
    escalation: tuple[Escalation, ...] = Field(
        default=(), description="Who is told when the one before has not acted."
    )


class RefusedPurpose(Section):
    """A kind of question that the app refuses, by description and examples."""

    id: Id = Field(description="The name by which suites, signals and refusals call it.")
    description: str = Field(min_length=1, description="What is refused, in words.")
    examples: tuple[str, ...] = Field(min_length=1, description="Questions of that kind, as people ask them.")
    template: RelativePath = Field(description="The file with the text of the refusal.")


class PurposeSection(Section):
    """What the app is for, and what it refuses."""

    tasks: tuple[Task, ...] = Field(min_length=1, description="What the app does.")
    refuses: tuple[RefusedPurpose, ...] = Field(default=(), description="What the app does not do.")


class CustomType(Section):
    """A sensitive field of this organisation, by an RE2 pattern."""

    id: Id = Field(description="The name of the type, such as `badge-number`.")
    pattern: str = Field(min_length=1, description="An RE2 pattern that matches the whole value.")
    action: Literal["block", "mask"] = Field(description="Refuse the text, or replace the value.")


class Sensitive(Section):
    """Sensitive fields: a blocked one refuses the text, a masked one is replaced by its type."""

    block: tuple[SensitiveType, ...] = Field(default=(), description="Types that refuse the whole text.")
    mask: tuple[SensitiveType, ...] = Field(default=(), description="Types replaced by their name.")
    custom: tuple[CustomType, ...] = Field(default=(), description="Types of this organisation.")


class Inputs(Section):
    """What may come in."""

    sources: tuple[Id, ...] = Field(default=(), description="The sources of sources.yaml that may be used.")
    sensitive: Sensitive = Field(description="Sensitive fields to block or to mask.")
    languages: tuple[Language, ...] = Field(min_length=1, description="The languages of questions.")
    max_chars: int = Field(ge=1, le=1_000_000, description="The longest question, in characters.")


class Format(Section):
    """The form of an answer."""

    kind: Literal["markdown", "text", "json"] = Field(
        description="Markdown, plain text, or JSON by a schema."
    )
    schema_: RelativePath | None = Field(
        default=None, alias="schema", description="The JSON Schema that a JSON answer must satisfy."
    )


class Disallowed(Section):
    """Content that no answer may have, by RE2 patterns (case is ignored)."""

    id: Id = Field(description="The name by which suites and refusals call it.")
    description: str = Field(min_length=1, description="What no answer may contain, in words.")
    patterns: tuple[str, ...] = Field(min_length=1, description="RE2 patterns; one match refuses the answer.")


class Tone(Section):
    """How the app speaks."""

    audience: str = Field(description="Who reads the answers.")
    rules: tuple[str, ...] = Field(default=(), description="How they are written, one rule a line.")


class Outputs(Section):
    """What may go out."""

    format: Format = Field(description="The form of an answer.")
    citations: Literal["required", "optional", "none"] = Field(
        description="Whether an answer must name the passages that it rests on."
    )
    disallowed: tuple[Disallowed, ...] = Field(default=(), description="Content that no answer may have.")
    tone: Tone | None = Field(default=None, description="How the app speaks.")
    on_failed_sentence: Literal["repair", "drop", "refuse"] = Field(
        description="What happens to a sentence that fails a check."
    )


class Intent(Section):
    """A priority intent: how often it must be right, and what goes wrong if it is not."""

    accuracy: Share = Field(description="The share of its cases whose assertions all pass, from 0 to 1.")
    risk: Literal["low", "medium", "high"] = Field(description="How much harm a wrong answer does.")
    examples: tuple[str, ...] = Field(min_length=1, description="Questions of that kind, as people ask them.")


class LongTail(Section):
    """Everything that is no priority intent."""

    accuracy: Share = Field(description="The share of these cases whose assertions all pass.")


class RetrievalQuality(Section):
    """How often the right document must be among the first five."""

    recall_at_5: Share = Field(description="The share of questions whose document is among the first five.")


class RefusalQuality(Section):
    """How reliably restricted questions are refused, and how rarely allowed ones."""

    recall: Share = Field(description="The least share of restricted questions that is refused.")
    over_refusal: Share = Field(description="The largest share of allowed questions that may be refused.")


class Quality(Section):
    """How good is good enough."""

    intents: dict[Id, Intent] = Field(description="The questions that matter most, by name.")
    long_tail: LongTail = Field(description="Everything else.")
    retrieval: RetrievalQuality | None = Field(default=None, description="How well documents are found.")
    refusals: RefusalQuality | None = Field(default=None, description="How well it refuses.")


class Grounding(Section):
    """How an answer is held against its sources."""

    method: tuple[GroundingMethod, ...] = Field(min_length=1, description="The checks on every sentence.")
    threshold: Share = Field(
        description="The least share of a sentence's terms that what it cites must have."
    )


class Safety(Section):
    """Filters, grounding, and where data may be processed."""

    filters: dict[Filter, Literal["block", "flag"]] = Field(
        default={}, description="Content filters, and what each does."
    )
    grounding: Grounding = Field(description="How an answer is held against its sources.")
    residency: tuple[str, ...] = Field(
        default=(), description="Regions where data may be processed; none listed: anywhere."
    )


class Needs(Section):
    """What a role asks of its model."""

    context: int = Field(ge=1, description="The least context, in tokens.")
    output: int | None = Field(
        default=None, ge=1, description="The longest reply that it must be able to give."
    )
    deterministic: Literal[True] | None = Field(
        default=None, description="`true`: equal input must give equal output."
    )
    features: tuple[Feature, ...] = Field(default=(), description="What it must be able to do besides text.")
    max_usd: float | None = Field(
        default=None, ge=0, description="The most that a request of full length may cost, in US dollars."
    )
    max_usd_per_million_out: float | None = Field(
        default=None, ge=0, description="The most that a million tokens of replies may cost, in US dollars."
    )


class Models(Section):
    """The roles of models, and what happens when none answers."""

    needs: dict[Id, Needs] = Field(description="What each role asks of its model.")
    when_unavailable: Literal["refuse", "extractive"] = Field(
        description="Refuse, or answer by quoting passages without a model."
    )


class Latency(Section):
    """Promised and enforced times in milliseconds."""

    p95_ms: int = Field(ge=1, description="What 95 of 100 answers take at most.")
    deadline_ms: int = Field(ge=1, description="When an answer under way becomes a refusal.")


class CostLimit(Section):
    """An amount for some of the callers, in a calendar minute or day (UTC): for whom, and how much of what."""

    id: Id | None = Field(default=None, description="A name for it; by default it is called by its group.")
    group: str | None = Field(
        default=None, description="A group of proviso.yaml, whose members share the amount; `*`: each group."
    )
    key: Literal["*"] | None = Field(
        default=None, description="`*`: each key, or client of the provider, for itself."
    )
    model: str | None = Field(default=None, description="A model of models.yaml; `*`: each model.")
    requests_per_minute: int | None = Field(default=None, ge=0, description="The most requests in a minute.")
    requests_per_day: int | None = Field(default=None, ge=0, description="The most requests in a day.")
    tokens_per_minute: int | None = Field(
        default=None, ge=0, description="The most tokens, in and out, in a minute."
    )
    tokens_per_day: int | None = Field(
        default=None, ge=0, description="The most tokens, in and out, in a day."
    )
    usd_per_minute: float | None = Field(default=None, ge=0, description="The most money in a minute.")
    usd_per_day: float | None = Field(default=None, ge=0, description="The most money in a day.")

    @property
    def amounts(self) -> tuple[int | float | None, ...]:
        """What it limits, each of the six or None."""
        return (
            self.requests_per_minute, self.requests_per_day, self.tokens_per_minute, self.tokens_per_day,
            self.usd_per_minute, self.usd_per_day,
        )  # fmt: skip


class Cost(Section):
    """Budgets in US dollars."""

    per_request_usd: float = Field(ge=0, description="The most that one answer may cost.")
    per_day_usd: float = Field(ge=0, description="The most that the app may cost in a day (UTC).")
    limits: tuple[CostLimit, ...] = Field(
        default=(), description="Limits of requests, tokens and money for groups, keys and models."
    )


class ChangeControl(Section):
    """How changes are reviewed and released."""

    review: dict[ChangeClass, Annotated[int, Field(ge=0)]] = Field(
        description="How many reviewers a change of each class needs; the tier may ask for more."
    )
    rollout: Literal["from-tier"] = Field(description="The steps of a rollout: those of the tier.")
    freeze: tuple[Interval, ...] = Field(default=(), description="Days on which nothing is released.")


class Retention(Section):
    """How long payloads and events are kept."""

    payload: Duration = Field(description="Questions and answers, redacted.")
    events: Duration = Field(description="What happened, without any text.")


class Alert(Section):
    """When a signal crosses a limit, who is told and what is done."""

    signal: Signal = Field(description="The signal that is watched.")
    over: float = Field(description="The value above which the alert fires.")
    window: Duration = Field(description="The time over which the signal is taken.")
    min_requests: int = Field(ge=0, description="With fewer requests in the window the alert is silent.")
    to: str = Field(description="An owner's role such as `on_call`, or a person of proviso.yaml.")
    action: Literal["notify", "pause", "rollback", "switch-off"] = Field(description="What is done at once.")


class Monitoring(Section):
    """What is stored, for how long, and what raises an alert."""

    log: tuple[Literal["question", "answer", "citations"], ...] = Field(
        default=(), description="Texts that may be stored, redacted. Anything else is not."
    )
    never_store: tuple[str, ...] = Field(
        default=(), description="`credentials`, `model_reasoning`, or sensitive types."
    )
    retention: Retention = Field(description="How long it is kept.")
    feedback_tags: tuple[Id, ...] = Field(default=(), description="What users can say about an answer.")
    alerts: tuple[Alert, ...] = Field(default=(), description="When somebody is told, and what is done.")


class Named(Section):
    """A part of a contract, with the app that it belongs to."""

    contract: Id = Field(description="The app's name: that of its folder.")


class ReleasePart(Named):
    """What shapes an answer: a change of it is another release."""

    tier: Id = Field(description="A risk tier of policy.yaml.")
    purpose: PurposeSection = Field(description="What the app is for, and what it refuses.")
    inputs: Inputs = Field(description="What may come in.")
    outputs: Outputs = Field(description="What may go out.")
    quality: Quality = Field(description="How good is good enough.")
    safety: Safety = Field(description="Filters, grounding, and where data may be processed.")
    models: Models = Field(description="The roles of models, and what happens when none answers.")


class TermsPart(Named):
    """What the app is run under: in force everywhere at once, without another release."""

    summary: str = Field(min_length=1, description="What the app does, in one sentence.")
    asset: Literal["product-feature", "it-tool", "data-asset"] = Field(
        description="What kind of thing it is."
    )
    owners: Owners = Field(default=Owners(), description="Who answers for it.")
    latency: Latency = Field(description="Promised and enforced times.")
    cost: Cost = Field(description="Budgets.")
    change_control: ChangeControl = Field(description="How changes are reviewed and released.")
    monitoring: Monitoring = Field(description="What is stored, and what raises an alert.")


class Contract(TermsPart, ReleasePart):
    """One app's production contract: what it may do, how well, how fast and at what cost."""
