"""Where each environment calls hosted models, as types: accounts, regions and addresses, outside of releases."""

from typing import Annotated, Literal

from pydantic import Field

from proviso.contract.vocabulary import Id, Section, Variable

TokensPerMinute = Annotated[int, Field(ge=1)]


class BoundProfile(Section):
    """One place where a model is called in an environment."""

    profile: str = Field(min_length=1, description="What is called: a profile's ARN or ID, or a model's ID.")
    region: str = Field(min_length=1, description="The region that is called.")
    tokens_per_minute: TokensPerMinute | None = Field(
        default=None, description="Its quota; unstated: Proviso limits nothing here."
    )


class BedrockBinding(Section):
    """How an environment calls Bedrock."""

    regions: tuple[str, ...] = Field(
        min_length=1, max_length=16, description="The regions that are called, in this order."
    )
    endpoint: str = Field(
        default="", description="An address instead of AWS's own; what answers there counts as a simulator."
    )
    credentials: Literal["chain", "bearer"] = Field(
        default="chain", description="AWS's own chain of credentials, or a Bedrock API key."
    )
    transport: Literal["lean", "aiohttp", "botocore"] = Field(
        default="lean", description="What carries calls: our own connections, or a library."
    )
    models: dict[Id, Annotated[tuple[BoundProfile, ...], Field(min_length=1)]] = Field(
        default={}, description="Models of models.yaml, each with the places where it is called, in order."
    )


class OpenAIServer(Section):
    """A server that speaks OpenAI's protocol."""

    url: str = Field(
        min_length=1,
        max_length=2000,
        description="`https`; `http` only on this machine. It ends before `/chat`.",
    )
    key: Variable | None = Field(default=None, description="The environment variable with its key.")
    tokens_per_minute: TokensPerMinute | None = Field(
        default=None, description="Its quota; unstated: Proviso limits nothing here."
    )


class EnvironmentBinding(Section):
    """Where one environment calls the models of the register."""

    bedrock: BedrockBinding | None = Field(default=None, description="How it calls Bedrock.")
    openai: dict[Id, OpenAIServer] = Field(
        default={}, description="Models of models.yaml, each with its server."
    )
