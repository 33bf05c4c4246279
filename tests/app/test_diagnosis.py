"""What findings mean, for what no simulator says: pure judgements of answers as AWS gives them."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import msgspec
import pytest

from proviso.app import diagnosis_bedrock as judge
from proviso.app.calling import FIXES, call_check
from proviso.app.diagnosis import Check, Result, clock, credentials
from proviso.app.diagnosis_bedrock import Keeping, Spot
from proviso.aws import Bearer, Keys
from proviso.aws.control import (
    Availability,
    FoundationModel,
    GuardrailVersion,
    InferenceProfile,
    InvocationLogging,
    ServiceQuota,
)
from proviso.contract import RegisteredModel
from proviso.models import CallFailed
from proviso.models.failure import Kind

MODEL: Final = RegisteredModel.model_validate_json(
    msgspec.json.encode(
        {
            "id": "eu.anthropic.claude-x-v1:0",
            "provider": "bedrock",
            "regions": ["eu-central-1", "eu-west-1"],
            "context": 1,
            "languages": ["en"],
            "deterministic": False,
            "data_classes": ["internal"],
            "lifecycle": {"status": "active"},
            "trade_off": "Words.",
        }
    )
)
SPOT: Final = Spot("x", "eu.anthropic.claude-x-v1:0", "eu-central-1", 1_000)
TODAY: Final = date(2026, 3, 1)


def said(shape: type[Any], **members: object) -> Any:
    """An answer of AWS, as it comes."""
    return msgspec.json.decode(msgspec.json.encode(members), type=shape)


def brief(check: Check) -> tuple[Result, str]:
    return check.result, check.what


GRANTED: Final = {
    "agreementAvailability": {"status": "AVAILABLE"},
    "authorizationStatus": "AUTHORIZED",
    "entitlementAvailability": "AVAILABLE",
    "regionAvailability": "AVAILABLE",
}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"agreementAvailability": {"status": "PENDING"}}, "not granted yet"),
        ({"agreementAvailability": {"status": "NOT_AVAILABLE"}}, "no access"),
        ({"agreementAvailability": {"status": "ERROR", "errorMessage": "x"}}, "no access"),
        ({"entitlementAvailability": "NOT_AVAILABLE"}, "no access"),
        ({"authorizationStatus": "NOT_AUTHORIZED"}, "not authorised"),
    ],
)
def test_each_way_to_have_no_access_fails(changed: dict[str, object], words: str) -> None:
    assert judge.access(said(Availability, **GRANTED), SPOT).result is Result.OK
    check = judge.access(said(Availability, **GRANTED | changed), SPOT)
    assert (check.result, words in check.what) == (Result.FAILED, True)


def test_a_model_that_is_elsewhere_may_be_called_through_a_profile() -> None:
    elsewhere = said(Availability, **GRANTED | {"regionAvailability": "NOT_AVAILABLE"})
    direct = Spot("x", "anthropic.claude-x-v1:0", "eu-central-1")
    assert judge.access(elsewhere, SPOT).result is Result.OK
    assert judge.access(elsewhere, direct).result is Result.FAILED


@pytest.mark.parametrize(
    ("end", "result"),
    [("2026-05-30", Result.WARN), ("2026-03-01", Result.FAILED), ("2026-02-01", Result.FAILED)],
)
def test_an_end_that_is_near_is_told_before_all_else(end: str, result: Result) -> None:
    lifecycle = {"status": "LEGACY", "endOfLifeTime": f"{end}T00:00:00Z"}
    found = said(FoundationModel, modelId="x", modelLifecycle=lifecycle)
    check = judge.lifecycle(found, MODEL, TODAY)
    assert (check.result, end in check.what) == (result, True)


def profile(*places: str, model: str = "anthropic.claude-x-v1:0") -> InferenceProfile:
    arns = [{"modelArn": f"arn:aws:bedrock:{place}::foundation-model/{model}"} for place in places]
    found: InferenceProfile = said(InferenceProfile, inferenceProfileId="p", models=arns, status="ACTIVE")
    return found


def test_a_profile_is_held_against_the_register() -> None:
    assert judge.profile(profile("eu-central-1", "eu-west-1"), MODEL).result is Result.OK
    assert "`us-east-1`" in judge.profile(profile("eu-central-1", "us-east-1"), MODEL).what
    assert "`anywhere`" in judge.profile(profile("eu-central-1", ""), MODEL).what
    assert "leads to `other.y`" in judge.profile(profile("eu-central-1", model="other.y"), MODEL).what


def test_a_profile_with_as_many_places_as_aws_tells_may_have_more() -> None:
    found = profile(*["eu-central-1", "eu-west-1"] * 2, "eu-west-1")
    assert judge.profile(found, MODEL).result is Result.WARN


@pytest.mark.parametrize(
    ("called", "through", "foundation"),
    [
        ("anthropic.claude-x-v1:0", False, True),
        ("eu.anthropic.claude-x-v1:0", True, True),
        ("us-gov.anthropic.claude-x-v1:0", True, True),
        ("global.anthropic.claude-x-v1:0", True, True),
        ("us.amazon", False, True),
        ("arn:aws:bedrock:eu-central-1:1:application-inference-profile/a", True, True),
        ("arn:aws:bedrock:eu-central-1:1:inference-profile/eu.x.y", True, True),
        ("arn:aws:bedrock:eu-central-1::foundation-model/x.y", False, True),
        ("arn:aws:bedrock:eu-central-1:1:provisioned-model/a", False, False),
        ("arn:aws:bedrock:eu-central-1:1:imported-model/a", False, False),
    ],
)
def test_what_is_called_says_how(called: str, through: bool, foundation: bool) -> None:
    spot = Spot("x", called, "eu-central-1")
    assert (spot.through_profile, spot.has_foundation) == (through, foundation)


@pytest.mark.parametrize(
    ("version", "status", "result"),
    [("3", "READY", Result.OK), ("3", "FAILED", Result.FAILED), ("DRAFT", "READY", Result.FAILED)],
)
def test_a_guardrail_must_be_a_version_and_ready(version: str, status: str, result: Result) -> None:
    assert judge.guardrail(said(GuardrailVersion, version=version, status=status)).result is result


TITLES: Final = (
    "On-demand model inference requests per minute for Anthropic Claude X",
    "On-demand model inference tokens per minute for Anthropic Claude X",
    "Global cross-region model inference tokens per minute for Anthropic Claude X V1",
    "Cross-region model inference tokens per minute for Anthropic Claude XL V1",
    "Cross-region model inference tokens per minute for Anthropic Claude X V1 (doubled for batch)",
)
NAMES: Final = ("anthropic.claude-x-v1:0", "Anthropic Claude X", "Claude X")


def quotas(titles: Sequence[str] = TITLES) -> list[ServiceQuota]:
    return [ServiceQuota(f"L-{place}", title, 100.0 * place) for place, title in enumerate(titles)]


@pytest.mark.parametrize(
    ("called", "told"),
    [
        ("anthropic.claude-x-v1:0", "1,000 tokens a minute in the binding, 100 by AWS"),
        ("global.anthropic.claude-x-v1:0", "1,000 tokens a minute in the binding, 200 by AWS"),
        ("eu.anthropic.claude-x-v1:0", "1,000 tokens a minute in the binding, 400 by AWS"),
    ],
)
def test_the_quota_is_found_by_the_title_that_aws_gives_it(called: str, told: str) -> None:
    check = judge.quota(quotas(), Spot("x", called, "eu-central-1", 1_000), NAMES)
    assert (check.result, check.what.startswith(told)) == (Result.WARN, True)


def test_a_quota_that_is_not_found_or_not_bound_is_no_warning() -> None:
    assert judge.quota(quotas(TITLES[:1]), SPOT, NAMES).result is Result.SKIPPED
    unbound = Spot("x", SPOT.called, SPOT.region)
    assert judge.quota(quotas(), unbound, NAMES).what.startswith("400 tokens a minute by AWS")


LOGGED: Final = {"cloudWatchConfig": {"logGroupName": "g"}, "s3Config": {"bucketName": "b"}}
STRICT: Final = Keeping("hr", ("question",), ("credentials",), "30d")
LAX: Final = Keeping("faq", ("question", "answer"), (), "9d")


def logging(apps: Sequence[Keeping], **more: object) -> Check:
    return judge.logging(said(InvocationLogging, **LOGGED | more), apps)


def test_logging_without_texts_or_places_is_all_right() -> None:
    assert judge.logging(None, [STRICT]).result is Result.OK
    assert logging([STRICT], textDataDeliveryEnabled=False).result is Result.OK
    assert judge.logging(said(InvocationLogging, textDataDeliveryEnabled=True), [STRICT]).result is Result.OK


def test_logging_texts_fails_by_the_contracts_that_forbid_it() -> None:
    check = logging([STRICT, LAX], textDataDeliveryEnabled=True)
    assert check.result is Result.FAILED
    assert check.what == (
        "whole prompts and answers are kept in log group `g` and bucket `b`; "
        "`hr` never stores `credentials`; `hr` does not log `answer`"
    )


def test_logging_texts_that_may_be_kept_is_a_warning_with_the_shortest_time() -> None:
    check = logging([LAX], textDataDeliveryEnabled=True)
    assert (check.result, "after 9d" in check.fix) == (Result.WARN, True)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (
            Keys("AKIA", "s", source="env"),
            "an access key, from AWS's chain of credentials: env; it does not say",
        ),
        (
            Keys("ASIA", "s", "t", 7_200.0),
            "a temporary access key, from AWS's chain of credentials; good until 1970",
        ),
        (Bearer("b"), "a Bedrock API key, from `AWS_BEARER_TOKEN_BEDROCK`; it does not say"),
    ],
)
def test_credentials_are_told_by_kind_source_and_end(found: Keys | Bearer, told: str) -> None:
    check = credentials(found, 0.0)
    assert (check.result, check.what.startswith(told), "AKIA" in check.what) == (Result.OK, True, False)
    assert credentials(Keys("A", "s", "t", 10.0), 11.0).result is Result.FAILED


def test_an_answer_without_a_date_says_nothing_of_the_clock() -> None:
    assert clock(None).result is Result.SKIPPED
    assert brief(clock(0.4)) == (Result.OK, "as AWS's")
    assert clock(-61.0).what.startswith("61 s behind AWS's")


@pytest.mark.parametrize("kind", list(Kind))
def test_every_failed_call_has_a_fix(kind: Kind) -> None:
    check = call_check(CallFailed(kind, "no"))
    assert (bool(check.fix), check.result) == (
        True,
        Result.WARN if kind in ("throttled", "empty") else Result.FAILED,
    )
    assert all(FIXES.values())
