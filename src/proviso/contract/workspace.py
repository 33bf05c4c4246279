"""The files around a contract as types: workflow, sources, policy, model register, workspace."""

from typing import Annotated, Literal

from pydantic import Field

from proviso.contract.model import ChangeClass, Duration, Id, RelativePath, Section, Task

Classification = Literal["public", "internal", "confidential", "restricted"]
Role = Literal["user", "author", "owner", "reviewer", "risk", "operator", "auditor", "admin"]
RefusalReason = Literal["blocked_input", "no_evidence", "failed_check", "too_long", "deadline", "unavailable"]
IsoDate = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class RetrievalSettings(Section):
    """How passages are found."""

    passages: int = Field(default=5, ge=1, le=20)


class Workflow(Section):
    """`workflow.yaml`: the steps of an app. `models` names, for each role, a model of the register."""

    workflow: Id
    pattern: Literal["draft-then-verify"]
    prompt: RelativePath
    retrieval: RetrievalSettings = RetrievalSettings()
    models: dict[Id, str]
    max_tokens: int = Field(default=800, ge=1)
    refusals: dict[RefusalReason, RelativePath] = {}


class Approval(Section):
    """Who approved a source, and when."""

    by: str
    on: IsoDate
    note: str = ""


class Source(Section):
    """A curated source: a folder of documents with an owner."""

    folder: RelativePath
    title: str
    owner: str | None = None
    classification: Classification
    readers: tuple[str, ...] = Field(min_length=1)
    refresh: Duration
    approval: Approval | None = None
    superseded: dict[RelativePath, RelativePath] = {}
    near_duplicates: tuple[tuple[RelativePath, ...], ...] = ()


class Sources(Section):
    """`sources.yaml`: the sources that an app may use."""

    sources: dict[Id, Source]


class SuiteDemand(Section):
    """The least that a suite must have."""

    min_cases: int = Field(ge=1)
    repeats: int = Field(default=1, ge=1)


class ApprovalDemand(Section):
    """Who must approve a change of a class."""

    role: Role
    count: int = Field(ge=1)


class TierRetention(Section):
    """The longest that payloads may be kept, and the shortest that events must be."""

    payload_max: Duration
    events_min: Duration


class Demand(Section):
    """The least that a contract of a tier must state about one clause; exactly one of the conditions."""

    clause: str
    equals: str | None = None
    one_of: tuple[str, ...] | None = None
    includes: tuple[str, ...] | None = None
    at_least: float | None = None
    at_most: float | None = None
    stated: Literal[True] | None = None


class Tier(Section):
    """A risk tier: what it allows and what it asks for."""

    description: str
    allowed: bool = True
    models: tuple[str, ...] = ()
    tasks: tuple[Task, ...] = ()
    tool_effects: tuple[Literal["read", "write", "external"], ...] = ()
    suites: dict[Id, SuiteDemand] = {}
    approvals: dict[ChangeClass, tuple[ApprovalDemand, ...]] = {}
    ladder: tuple[Annotated[int, Field(ge=0, le=100)], ...] = ()
    record_before_reply: bool = True
    fail_closed: bool = True
    retention: TierRetention
    demands: tuple[Demand, ...] = ()


class Policy(Section):
    """`policy.yaml`: the organisation's rules. `runs.readable_by`: roles that may read any run's record."""

    policy: Id
    version: int = Field(ge=1)
    tiers: dict[Id, Tier] = Field(min_length=1)
    runs_readable_by: tuple[Role, ...] = ()


class Price(Section):
    """US dollars for a million tokens."""

    input_per_million_usd: float = Field(ge=0)
    output_per_million_usd: float = Field(ge=0)


class Lifecycle(Section):
    """Where a model is in its life."""

    status: Literal["active", "legacy", "end-of-life"]
    end_of_life: IsoDate | None = None


class RegisteredModel(Section):
    """One model of the register, with the trade-off of choosing it in words."""

    id: str
    provider: Literal["extractive"]
    owner: str | None = None
    regions: tuple[str, ...] = Field(min_length=1)
    context: int = Field(ge=1)
    languages: tuple[str, ...] = Field(min_length=1)
    deterministic: bool
    data_classes: tuple[Classification, ...] = Field(min_length=1)
    price: Price
    lifecycle: Lifecycle
    trade_off: str


class ModelRegister(Section):
    """`models.yaml`: the models that this organisation knows."""

    models: dict[Id, RegisteredModel]


class Person(Section):
    """Somebody who can own, approve or be told. One who has left is not `active`."""

    name: str
    active: bool = True


class Workspace(Section):
    """`proviso.yaml`: people, groups and roles. Members and role holders are people's IDs."""

    workspace: Id
    people: dict[Id, Person]
    groups: dict[Id, tuple[str, ...]] = {}
    roles: dict[Role, tuple[str, ...]] = {}
