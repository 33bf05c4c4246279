"""The production contract as types: `contract.yaml`, clause by clause (format: `docs/contract.md`)."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Duration = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,5}[smhd]$")]
RelativePath = Annotated[str, Field(pattern=r"^[^/\\\x00][^\\\x00]*$")]


class Section(BaseModel):
    """A part of a file: unknown keys are errors, values are never coerced, instances never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SensitiveType(StrEnum):
    """The sensitive-field types of Bedrock Guardrails, under their own names."""

    ADDRESS = "ADDRESS"
    AGE = "AGE"
    AWS_ACCESS_KEY = "AWS_ACCESS_KEY"
    AWS_SECRET_KEY = "AWS_SECRET_KEY"  # noqa: S105  a type's name, not a secret
    CA_HEALTH_NUMBER = "CA_HEALTH_NUMBER"
    CA_SOCIAL_INSURANCE_NUMBER = "CA_SOCIAL_INSURANCE_NUMBER"
    CREDIT_DEBIT_CARD_CVV = "CREDIT_DEBIT_CARD_CVV"
    CREDIT_DEBIT_CARD_EXPIRY = "CREDIT_DEBIT_CARD_EXPIRY"
    CREDIT_DEBIT_CARD_NUMBER = "CREDIT_DEBIT_CARD_NUMBER"
    DRIVER_ID = "DRIVER_ID"
    EMAIL = "EMAIL"
    INTERNATIONAL_BANK_ACCOUNT_NUMBER = "INTERNATIONAL_BANK_ACCOUNT_NUMBER"
    IP_ADDRESS = "IP_ADDRESS"
    LICENSE_PLATE = "LICENSE_PLATE"
    MAC_ADDRESS = "MAC_ADDRESS"
    NAME = "NAME"
    PASSWORD = "PASSWORD"  # noqa: S105  a type's name, not a secret
    PHONE = "PHONE"
    PIN = "PIN"
    SWIFT_CODE = "SWIFT_CODE"
    UK_NATIONAL_HEALTH_SERVICE_NUMBER = "UK_NATIONAL_HEALTH_SERVICE_NUMBER"
    UK_NATIONAL_INSURANCE_NUMBER = "UK_NATIONAL_INSURANCE_NUMBER"
    UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER = "UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER"
    URL = "URL"
    USERNAME = "USERNAME"
    US_BANK_ACCOUNT_NUMBER = "US_BANK_ACCOUNT_NUMBER"
    US_BANK_ROUTING_NUMBER = "US_BANK_ROUTING_NUMBER"
    US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER = "US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER"
    US_PASSPORT_NUMBER = "US_PASSPORT_NUMBER"
    US_SOCIAL_SECURITY_NUMBER = "US_SOCIAL_SECURITY_NUMBER"
    VEHICLE_IDENTIFICATION_NUMBER = "VEHICLE_IDENTIFICATION_NUMBER"


Task = Literal["answer", "summarize", "extract", "draft", "classify"]
Filter = Literal["HATE", "INSULTS", "SEXUAL", "VIOLENCE", "MISCONDUCT", "PROMPT_ATTACK"]
GroundingMethod = Literal["citations", "numbers", "coverage"]
ChangeClass = Literal[
    "copy", "prompt", "retrieval", "content", "model", "guardrail", "contract", "tool", "source", "policy", "people"
]


class Escalation(Section):
    """To whom a matter goes when its first addressee has not acted."""

    after: Duration
    to: str


class Owners(Section):
    """Who answers for the app. A missing one is a gap, not an error."""

    product: str | None = None
    technical: str | None = None
    risk: str | None = None
    on_call: str | None = None
    cost_centre: str | None = None
    escalation: tuple[Escalation, ...] = ()


class RefusedPurpose(Section):
    """A kind of question that the app refuses, by description and examples."""

    id: Id
    description: str
    examples: tuple[str, ...] = Field(min_length=1)
    template: RelativePath


class PurposeSection(Section):
    """What the app is for, and what it refuses."""

    tasks: tuple[Task, ...] = Field(min_length=1)
    refuses: tuple[RefusedPurpose, ...] = ()


class CustomType(Section):
    """A sensitive field of this organisation, by an RE2 pattern."""

    id: Id
    pattern: str
    action: Literal["block", "mask"]


class Sensitive(Section):
    """Sensitive fields: a blocked one refuses the text, a masked one is replaced by its type."""

    block: tuple[SensitiveType, ...] = ()
    mask: tuple[SensitiveType, ...] = ()
    custom: tuple[CustomType, ...] = ()


class Inputs(Section):
    """What may come in."""

    sources: tuple[Id, ...] = ()
    sensitive: Sensitive
    languages: tuple[Annotated[str, Field(pattern="^[a-z]{2}$")], ...] = Field(min_length=1)
    max_chars: int = Field(ge=1, le=1_000_000)


class Format(Section):
    """The form of an answer."""

    kind: Literal["markdown", "text", "json"]
    schema_: RelativePath | None = Field(default=None, alias="schema")


class Disallowed(Section):
    """Content that no answer may have, by RE2 patterns (case is ignored)."""

    id: Id
    description: str
    patterns: tuple[str, ...] = Field(min_length=1)


class Tone(Section):
    """How the app speaks."""

    audience: str
    rules: tuple[str, ...] = ()


class Outputs(Section):
    """What may go out."""

    format: Format
    citations: Literal["required", "optional", "none"]
    disallowed: tuple[Disallowed, ...] = ()
    tone: Tone | None = None
    on_failed_sentence: Literal["repair", "drop", "refuse"]


class Intent(Section):
    """A priority intent: how often it must be right, and what goes wrong if it is not."""

    accuracy: Share
    risk: Literal["low", "medium", "high"]
    examples: tuple[str, ...] = Field(min_length=1)


class LongTail(Section):
    """Everything that is no priority intent."""

    accuracy: Share


class RetrievalQuality(Section):
    """How often the right document must be among the first five."""

    recall_at_5: Share


class RefusalQuality(Section):
    """How reliably restricted questions are refused, and how rarely allowed ones."""

    recall: Share
    over_refusal: Share


class Quality(Section):
    """How good is good enough."""

    intents: dict[Id, Intent]
    long_tail: LongTail
    retrieval: RetrievalQuality | None = None
    refusals: RefusalQuality | None = None


class Grounding(Section):
    """How an answer is held against its sources. `threshold`: least share of a sentence's terms in what it cites."""

    method: tuple[GroundingMethod, ...] = Field(min_length=1)
    threshold: Share


class Safety(Section):
    """Filters, grounding, and where data may be processed."""

    filters: dict[Filter, Literal["block", "flag"]] = {}
    grounding: Grounding
    residency: tuple[str, ...] = ()


class Needs(Section):
    """What a role asks of its model: the context in tokens."""

    context: int = Field(ge=1)


class Models(Section):
    """The roles of models, and what happens when none answers."""

    needs: dict[Id, Needs]
    when_unavailable: Literal["refuse", "extractive"]


class Latency(Section):
    """Promised and enforced times in milliseconds."""

    p95_ms: int = Field(ge=1)
    deadline_ms: int = Field(ge=1)


class GroupLimit(Section):
    """A limit for one group of users."""

    group: str
    requests_per_day: int = Field(ge=0)


class Cost(Section):
    """Budgets in US dollars."""

    per_request_usd: float = Field(ge=0)
    per_day_usd: float = Field(ge=0)
    limits: tuple[GroupLimit, ...] = ()


class ChangeControl(Section):
    """How changes are reviewed and released."""

    review: dict[ChangeClass, Annotated[int, Field(ge=0)]]
    rollout: str
    freeze: tuple[str, ...] = ()


class Retention(Section):
    """How long payloads and events are kept."""

    payload: Duration
    events: Duration


class Alert(Section):
    """When a signal crosses a limit, who is told and what is done."""

    signal: str
    over: float
    window: Duration
    min_requests: int = Field(ge=0)
    to: str
    action: Literal["notify", "pause", "rollback", "switch-off"]


class Monitoring(Section):
    """What is stored, for how long, and what raises an alert."""

    log: tuple[Literal["question", "answer", "citations"], ...] = ()
    never_store: tuple[str, ...] = ()
    retention: Retention
    feedback_tags: tuple[Id, ...] = ()
    alerts: tuple[Alert, ...] = ()


class Contract(Section):
    """One app's production contract."""

    contract: Id
    summary: str
    asset: Literal["product-feature", "it-tool", "data-asset"]
    tier: Id
    owners: Owners = Owners()
    purpose: PurposeSection
    inputs: Inputs
    outputs: Outputs
    quality: Quality
    safety: Safety
    models: Models
    latency: Latency
    cost: Cost
    change_control: ChangeControl
    monitoring: Monitoring
