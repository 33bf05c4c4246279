"""The model register and the price book as types: `models.yaml`, `prices.yaml` (guide: `docs/models.md`)."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from proviso.contract.vocabulary import (
    GUARDRAIL,
    GUARDRAIL_VERSION,
    Classification,
    Feature,
    Id,
    IsoDate,
    Language,
    Section,
)

Tokens = Annotated[int, Field(ge=1)]
MicroUsd = Annotated[int, Field(ge=0, le=10**12)]  # micro-dollars for a million tokens
Usd = Annotated[float, Field(ge=0, le=10**6)]


class Price(Section):
    """US dollars for a million tokens."""

    input_per_million_usd: Usd = Field(description="For a million tokens that go in.")
    output_per_million_usd: Usd = Field(description="For a million tokens that come out.")
    cache_read_per_million_usd: Usd | None = Field(
        default=None, description="For a million tokens that the provider's cache had; unstated: as input."
    )
    cache_write_per_million_usd: Usd | None = Field(
        default=None, description="For a million tokens that it was given to keep; unstated: as input."
    )


class Lifecycle(Section):
    """Where a model is in its life."""

    status: Literal["active", "legacy", "end-of-life"] = Field(description="As its provider says.")
    end_of_life: IsoDate | None = Field(default=None, description="The day from which it does not answer.")


class ModelSettings(Section):
    """Settings that shape a hosted model's answers; what is unstated is the model's own."""

    temperature: float | None = Field(default=None, ge=0, le=2, description="How freely it chooses words.")
    top_p: float | None = Field(
        default=None, ge=0, le=1, description="It chooses among the words that make up this share."
    )
    stop_sequences: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), max_length=16, description="Texts at which it stops."
    )
    extra: dict[str, JsonValue] = Field(
        default={}, description="Fields of this model only, sent as they are."
    )
    service_tier: Literal["priority", "default", "flex", "reserved"] | None = Field(
        default=None, description="Bedrock's service tier."
    )
    fast: bool = Field(default=False, description="Bedrock's latency-optimised inference.")


class ModelGuardrail(Section):
    """A Bedrock guardrail that every call of a model goes through, besides Proviso's own."""

    identifier: str = Field(pattern=GUARDRAIL, description="The guardrail's ID.")
    version: str = Field(pattern=GUARDRAIL_VERSION, description="Its version, in quotes; `DRAFT` can change.")


class ReleaseModel(Section):
    """The part of a model's entry that shapes answers."""

    id: str = Field(min_length=1, description="The provider's own name of it.")
    provider: Literal["extractive", "bedrock", "openai"] = Field(
        description="Who runs it: `extractive` is built in, `openai` is any server that speaks its protocol."
    )
    profiles: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), description="Inference profiles that may be called for it; unstated: the `id` itself."
    )
    regions: tuple[str, ...] = Field(
        min_length=1, description="Every region that may process a request; `local`: this machine."
    )
    context: Tokens = Field(description="How much it reads at once, in tokens.")
    max_output: Tokens | None = Field(default=None, description="How much it writes at most, in tokens.")
    languages: tuple[Language, ...] = Field(min_length=1, description="The languages that it does well.")
    deterministic: bool = Field(description="Whether equal input gives equal output.")
    data_classes: tuple[Classification, ...] = Field(min_length=1, description="Data that it may be given.")
    features: tuple[Feature, ...] = Field(default=(), description="What it can do besides text.")
    settings: ModelSettings = Field(default=ModelSettings(), description="What shapes its answers.")
    cache_min_tokens: Tokens | None = Field(
        default=None, description="The shortest beginning of a prompt that its provider's cache keeps."
    )
    output_burn: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1, description="Tokens of quota that a token of its answer uses."
    )
    guardrail: ModelGuardrail | None = Field(default=None, description="A Bedrock guardrail on every call.")
    trade_off: str = Field(min_length=1, description="What choosing it gains and costs, in words.")

    @property
    def called(self) -> tuple[str, ...]:
        """What is called for it where an environment binds nothing else."""
        return self.profiles or (self.id,)


class TermsModel(Section):
    """The part of a model's entry that it is used under."""

    owner: str | None = Field(default=None, description="Who answers for it: a person of proviso.yaml.")
    price: Price | None = Field(default=None, description="What it costs; unstated: as prices.yaml says.")
    lifecycle: Lifecycle = Field(description="Where it is in its life.")


class RegisteredModel(TermsModel, ReleaseModel):
    """One model of the register, with the trade-off of choosing it in words."""


class ModelRegister(Section):
    """The models that this organisation knows."""

    models: dict[Id, RegisteredModel] = Field(description="The models by name.")


class BookPrice(Section):
    """What one of a provider's models costs, in micro-dollars for a million tokens."""

    input: MicroUsd = Field(description="For a million tokens that go in.")
    output: MicroUsd = Field(description="For a million tokens that come out.")
    cache_read: MicroUsd | None = Field(
        default=None, description="For a million tokens that the provider's cache had; unstated: as input."
    )
    cache_write: MicroUsd | None = Field(
        default=None, description="For a million tokens that it was given to keep; unstated: as input."
    )


class PriceBook(Section):
    """What providers ask for, from one place and one day."""

    version: int = Field(ge=1, description="Raised with every change.")
    source: str = Field(min_length=1, description="Where the prices are from.")
    updated: IsoDate = Field(description="The day on which they were looked up.")
    prices: dict[str, BookPrice] = Field(description="Prices by the provider's model ID or profile ID.")
