"""The words that all files of a workspace share: identifiers, durations, paths, sensitive types, roles."""

from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field

ID = r"^[a-z0-9][a-z0-9-]{0,62}$"
DURATION = r"^[1-9][0-9]{0,5}[smhd]$"
PATH = r"^[^/\\\x00][^\\\x00]*$"
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
INTERVAL = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}/[0-9]{4}-[0-9]{2}-[0-9]{2}$"
LANGUAGE = r"^[a-z]{2}$"
GUARDRAIL = r"^[a-z0-9]{1,64}$"
GUARDRAIL_VERSION = r"^([1-9][0-9]{0,7}|DRAFT)$"
VARIABLE = r"^[A-Z][A-Z0-9_]{0,99}$"
WORDS = r"^[^ ]+( [^ ]+){0,2}$"

Id = Annotated[str, Field(pattern=ID)]
Share = Annotated[float, Field(ge=0, le=1)]
Duration = Annotated[str, Field(pattern=DURATION)]
RelativePath = Annotated[str, Field(pattern=PATH, max_length=400)]
IsoDate = Annotated[str, Field(pattern=DATE)]
Interval = Annotated[str, Field(pattern=INTERVAL)]
Language = Annotated[str, Field(pattern=LANGUAGE)]
Variable = Annotated[str, Field(pattern=VARIABLE)]
Words = Annotated[str, Field(pattern=WORDS, max_length=60)]

# What each form looks like, in words for the person who has to write it.
FORMS = {
    ID: "lower-case letters, digits and hyphens, such as `per-diem`",
    DURATION: "a number and s, m, h or d, such as `30d` or `15m`",
    PATH: "a path below the folder with forward slashes, such as `prompts/answer.md`",
    DATE: "a date such as `2026-01-31`",
    INTERVAL: "two dates such as `2026-12-15/2027-01-05`",
    LANGUAGE: "a language code of two lower-case letters, such as `en`",
    GUARDRAIL: "the guardrail's ID: lower-case letters and digits",
    GUARDRAIL_VERSION: 'the number of a version, in quotes, such as `"3"`',
    VARIABLE: "the name of an environment variable, such as `OPENAI_API_KEY`",
    WORDS: "one to three words, such as `taxi` or `rental car`",
}

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds(duration: str) -> int:
    """Return a `Duration` (`15m`) in seconds."""
    return int(duration[:-1]) * _SECONDS[duration[-1]]


class Unreadable(Exception):
    """A check asks for what could not be read of a file with problems."""


class Section(BaseModel):
    """A part of a file: unknown keys are errors, values are never coerced, instances never change.

    Of a file with problems a section holds what could be read; asked for anything else it raises `Unreadable`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    if not TYPE_CHECKING:  # to the type checker all keys are there

        def __getattr__(self, name: str) -> NoReturn:
            if name in type(self).model_fields:
                raise Unreadable(name)
            super().__getattr__(name)


TAGS = ("(text)", "(list)", "(section)")  # of values that have several forms: never written, only in places


def form_tag(value: object) -> str:
    """Return the tag of the form that a value has, for fields that may be a text, a list or a section."""
    if isinstance(value, list | tuple):
        return "(list)"
    return "(section)" if isinstance(value, dict | Section) else "(text)"


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


# What can be watched (requirements N1 to N6), under the names that alerts use.
Signal = Literal[
    "citation_coverage_rate",
    "refusal_rate",
    "empty_retrieval_rate",
    "p95_latency_ms",
    "cost_per_request_usd",
    "feedback_rate",
]
Task = Literal["answer", "summarize", "extract", "draft", "classify"]
Filter = Literal["HATE", "INSULTS", "SEXUAL", "VIOLENCE", "MISCONDUCT", "PROMPT_ATTACK"]
GroundingMethod = Literal["citations", "numbers", "coverage"]
ChangeClass = Literal[
    "copy",
    "prompt",
    "retrieval",
    "content",
    "model",
    "guardrail",
    "contract",
    "tool",
    "source",
    "policy",
    "people",
]
Classification = Literal["public", "internal", "confidential", "restricted"]
Role = Literal["user", "author", "owner", "reviewer", "risk", "operator", "auditor", "admin"]
RefusalReason = Literal["blocked_input", "no_evidence", "failed_check", "too_long", "deadline", "unavailable"]
ModelRole = Literal["drafter", "verifier", "classifier", "judge"]
Feature = Literal[
    "tools",
    "structured-output",
    "documents",
    "images",
    "prompt-cache",
    "count-tokens",
    "citations",
    "reasoning",
]
EnvironmentName = Literal["dev", "pilot", "production"]
OwnerRole = Literal["product", "technical", "risk", "on_call"]


def is_day(text: str) -> bool:
    """Say whether an `IsoDate` is a day that exists."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
