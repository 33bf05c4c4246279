"""The files around a contract as types: workflow, sources, policy, workspace."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from proviso.contract.environments import EnvironmentBinding
from proviso.contract.vocabulary import (
    ChangeClass,
    Classification,
    Duration,
    EnvironmentName,
    Id,
    IsoDate,
    RefusalReason,
    RelativePath,
    Role,
    Section,
    Task,
    Variable,
    Words,
    form_tag,
)

# --- workflow.yaml --------------------------------------------------------------------------------


class RetrievalSettings(Section):
    """How passages are found."""

    passages: int = Field(default=5, ge=1, le=20, description="How many passages a question gets.")
    synonyms: tuple[Annotated[tuple[Words, ...], Field(min_length=2, max_length=12)], ...] = Field(
        default=(), max_length=200, description="Sets of words or short phrases that mean the same here."
    )


class ByRule(Section):
    """A rule that chooses among the models that suit a role."""

    choose: Literal["cheapest", "largest-context", "first"] = Field(
        description="Which of them answers; `first` goes by the order of the tier's `models`."
    )
    stand_ins: int = Field(
        default=0, ge=0, le=8, description="How many of the others, at most, may stand in for it, in order."
    )


# A name, names in order, or a rule. Each form has its tag, which never stands in a file.
Selection = Annotated[
    Annotated[str, Tag("(text)")]
    | Annotated[tuple[str, ...], Field(min_length=1, max_length=8), Tag("(list)")]
    | Annotated[ByRule, Tag("(section)")],
    Discriminator(form_tag),
]


class Workflow(Section):
    """The steps of an app."""

    workflow: Id = Field(description="The name of the workflow, as records and signals show it.")
    pattern: Literal["draft-then-verify"] = Field(description="The order of the steps.")
    prompt: RelativePath = Field(description="The prompt's file.")
    retrieval: RetrievalSettings = Field(default=RetrievalSettings(), description="How passages are found.")
    models: dict[Id, Selection] = Field(
        description="For each role of the contract a model of models.yaml, several in order, or a rule."
    )
    max_tokens: int = Field(default=800, ge=1, description="The longest draft, in tokens.")
    refusals: dict[RefusalReason, RelativePath] = Field(
        default={}, description="For each reason of a refusal, the file with its text."
    )


# --- sources.yaml ---------------------------------------------------------------------------------


class Approval(Section):
    """Who approved a source, and when."""

    by: str = Field(description="A person of proviso.yaml.")
    on: IsoDate = Field(description="The day of the approval.")
    note: str = Field(default="", description="What was looked at.")


class ReleaseSource(Section):
    """The part of a source that shapes answers."""

    folder: RelativePath = Field(description="The folder of its documents, in the app or in the workspace.")
    title: str = Field(min_length=1, description="The name that readers know it by.")
    classification: Classification = Field(description="How sensitive its documents are.")
    refresh: Duration = Field(description="How often it is fetched anew.")
    superseded: dict[RelativePath, RelativePath] = Field(
        default={}, description="Documents that are no longer used, each with the one that took its place."
    )
    near_duplicates: tuple[Annotated[tuple[RelativePath, ...], Field(min_length=2)], ...] = Field(
        default=(), description="Groups of documents that say the same on purpose."
    )


class TermsSource(Section):
    """The part of a source that answers are given under."""

    owner: str | None = Field(default=None, description="Who answers for it: a person of proviso.yaml.")
    readers: tuple[str, ...] = Field(min_length=1, description="Groups whose members may read it.")
    approval: Approval | None = Field(default=None, description="Without one it is not searched.")


class Source(TermsSource, ReleaseSource):
    """A curated source: a folder of documents with an owner."""


class Sources(Section):
    """The sources that an app may use."""

    sources: dict[Id, Source] = Field(description="The sources by name.")


# --- policy.yaml ----------------------------------------------------------------------------------


class SuiteDemand(Section):
    """The least that a suite must have."""

    min_cases: int = Field(ge=1, description="The least number of cases.")
    repeats: int = Field(default=1, ge=1, description="How often each case is run.")


class ApprovalDemand(Section):
    """Who must approve a change of a class."""

    role: Role = Field(description="The role of the approver.")
    count: int = Field(ge=1, description="How many of them.")


class TierRetention(Section):
    """The longest that payloads may be kept, and the shortest that events must be."""

    payload_max: Duration = Field(description="The longest that questions and answers may be kept.")
    events_min: Duration = Field(description="The shortest that events must be kept.")


class Demand(Section):
    """The least that a contract of a tier must state about one clause; exactly one of the conditions."""

    clause: str = Field(description="The clause's path; `*` stands for each name at its place.")
    equals: str | None = Field(default=None, description="The clause must have this value.")
    one_of: tuple[str, ...] | None = Field(default=None, description="It must have one of these values.")
    includes: tuple[str, ...] | None = Field(default=None, description="Its list must have these items.")
    at_least: float | None = Field(default=None, description="Its number must not be smaller.")
    at_most: float | None = Field(default=None, description="Its number must not be larger.")
    stated: Literal[True] | None = Field(default=None, description="It must be written at all.")


class Tier(Section):
    """A risk tier: what it allows and what it asks for."""

    description: str = Field(min_length=1, description="Which apps belong here.")
    allowed: bool = Field(default=True, description="`false`: no app of this tier is served.")
    models: tuple[str, ...] = Field(default=(), description="Models of models.yaml that may be used.")
    tasks: tuple[Task, ...] = Field(default=(), description="Tasks that an app may have.")
    tool_effects: tuple[Literal["read", "write", "external"], ...] = Field(
        default=(), description="What tools may do: read, change something, reach outside."
    )
    suites: dict[Id, SuiteDemand] = Field(default={}, description="The suites that a release must pass.")
    approvals: dict[ChangeClass, tuple[ApprovalDemand, ...]] = Field(
        default={}, description="Who must approve a change of each class."
    )
    ladder: tuple[Annotated[int, Field(ge=0, le=100)], ...] = Field(
        default=(), description="The shares of traffic, in percent, that a release goes through."
    )
    record_before_reply: bool = Field(
        default=True, description="The record is durable before the answer leaves."
    )
    fail_closed: bool = Field(default=True, description="A check that cannot run refuses.")
    retention: TierRetention = Field(description="How long records may and must be kept.")
    demands: tuple[Demand, ...] = Field(default=(), description="What a contract must state at least.")


class Policy(Section):
    """The organisation's rules, by risk tier."""

    policy: Id = Field(description="The name of the policy.")
    version: int = Field(ge=1, description="Raised with every change.")
    tiers: dict[Id, Tier] = Field(min_length=1, description="The risk tiers by name.")
    runs_readable_by: tuple[Role, ...] = Field(
        default=(), description="Roles that may read any run's record."
    )


# --- proviso.yaml ---------------------------------------------------------------------------------


class Person(Section):
    """Somebody who can own, approve or be told."""

    name: str = Field(min_length=1, description="The name that others know them by.")
    active: bool = Field(default=True, description="`false` for somebody who has left.")


class Oidc(Section):
    """An OpenID provider whose tokens are taken on every route of the API."""

    issuer: str = Field(description="The provider's `iss`: an https URL, http only on this machine.")
    audiences: tuple[str, ...] = Field(min_length=1, description="A caller's token must be for one of them.")
    algorithms: tuple[str, ...] = Field(
        default=("RS256", "ES256"),
        min_length=1,
        description="Signatures that are taken; none that needs a secret.",
    )
    jwks_url: str = Field(default="", description="Where its keys are; by default it says so itself.")
    user_claim: str = Field(default="sub", description="The claim that names the user.")
    groups_claim: str = Field(default="groups", description="The claim that lists the user's groups.")
    group_map: dict[str, Id] = Field(
        default={},
        description="Its groups and ours; without it, names that `groups` has count. The rest is dropped.",
    )
    delegation_audiences: tuple[str, ...] = Field(
        default=(), description="Tokens by which services name their users may be for these as well."
    )
    clock_skew: Duration = Field(
        default="60s", description="How far its clock may be off ours, 5 minutes at most."
    )
    max_age: Duration = Field(default="24h", description="How old a token may be, whatever it says itself.")


class Identity(Section):
    """Who says who is calling, besides API keys."""

    oidc: Oidc | None = Field(default=None, description="An OpenID provider.")


class WebhookDestination(Section):
    """A URL that takes signed JSON."""

    url: str = Field(min_length=1, max_length=2000, description="`https`; `http` only on this machine.")
    secrets: tuple[Variable, ...] = Field(
        min_length=1,
        max_length=2,
        description="Environment variables with its secrets: two while one is replaced.",
    )


class EmailDestination(Section):
    """Mailboxes."""

    server: Variable = Field(description="The environment variable with the mail server's apprise URL.")
    recipients: tuple[str, ...] = Field(min_length=1, max_length=50, description="Mail addresses.")


class Notification(Section):
    """A place that is told what happens; `webhook` or `email`."""

    topics: tuple[str, ...] = Field(
        min_length=1, description="Topics or patterns such as `key.*`; `*` is all."
    )
    webhook: WebhookDestination | None = Field(default=None, description="Where signed JSON is posted.")
    email: EmailDestination | None = Field(default=None, description="Who gets mail.")


class Workspace(Section):
    """People, groups and roles."""

    workspace: Id = Field(description="The name of the workspace.")
    people: dict[Id, Person] = Field(description="The people by ID.")
    groups: dict[Id, tuple[str, ...]] = Field(default={}, description="Groups of people, by their IDs.")
    roles: dict[Role, tuple[str, ...]] = Field(default={}, description="Who holds which role.")
    notifications: dict[Id, Notification] = Field(
        default={}, max_length=32, description="Who is told what happens."
    )
    identity: Identity = Field(default=Identity(), description="Who says who is calling, besides API keys.")
    environments: dict[EnvironmentName, EnvironmentBinding] = Field(
        default={}, description="Where each environment calls hosted models."
    )
