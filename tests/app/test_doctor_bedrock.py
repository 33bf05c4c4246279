"""`doctor` at an account: each thing that can be wrong there is found, named, and comes with the way to mend it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from bedrock_simulator.scenario import Account, Lifecycle, Profile, Quota, Scenario, SimulatedModel
from bedrock_simulator.simulator import Simulator, running
from proviso.app.diagnosis import Result
from tests.app.hosted import BOUND, ENTRY, HEALTHY, MODEL, amiss, bind, draft_with, examine, results, swap

STEPS = [
    "workspace", "store", "disk", "extras", "credentials", "region", "clock", "identity", "logging", "access",
    "lifecycle", "profile", "guardrail", "quota", "call",
]  # fmt: skip
ACROSS = swap(
    ENTRY, "regions: [eu-central-1]",
    "profiles: [eu.example.small-v1:0]\n    regions: [eu-central-1, eu-west-1, eu-west-3]",
)  # fmt: skip
PROFILED = swap(BOUND, '"example.small-v1:0"', '"eu.example.small-v1:0"')


@pytest.fixture(scope="module")
def one_simulator() -> Iterator[Simulator]:
    with running(HEALTHY) as simulator:
        yield simulator


@pytest.fixture
def simulator(one_simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """A healthy account, and the keys to it."""
    one_simulator.reset(HEALTHY)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    return one_simulator


@pytest.fixture
def folder(workspace: Path, simulator: Simulator) -> Path:
    return bind(workspace, simulator.url)


def of_account(**changed: object) -> Scenario:
    return replace(HEALTHY, account=replace(Account(), **changed))


def test_a_healthy_account_is_all_right_step_by_step(folder: Path, simulator: Simulator) -> None:
    found = examine(folder, calls=True)
    assert list(found) == STEPS
    assert set(results(found).values()) == {Result.OK}
    assert found["identity"].what == "account 123456789012, arn:aws:iam::123456789012:user/simulator"
    assert found["call"].where == f"dev eu-central-1 small ({MODEL})"
    assert simulator.requests[-1].params["guardrailConfig"]["guardrailIdentifier"] == "gr1"


def test_no_model_is_called_where_that_is_not_wanted(folder: Path, simulator: Simulator) -> None:
    assert examine(folder)["call"].result is Result.SKIPPED
    assert "Converse" not in {request.operation for request in simulator.requests}


def test_no_check_shows_a_secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    found = examine(folder, calls=True)
    assert found["identity"].result is Result.FAILED
    assert "wJalrXUtnFEMI" not in str(found)


def test_a_model_that_the_account_may_not_use_fails_and_is_not_called(
    folder: Path, simulator: Simulator
) -> None:
    simulator.reset(of_account(denied_models=(MODEL,)))
    found = examine(folder, calls=True)
    assert amiss(found) == {"access": Result.FAILED}
    assert (found["call"].result, found["call"].what) == (Result.SKIPPED, "`access` failed")


def test_a_model_that_aws_does_not_know_fails(folder: Path, simulator: Simulator) -> None:
    simulator.reset(replace(HEALTHY, models={}))
    found = examine(folder)
    assert found["access"].result is Result.FAILED
    assert "knows no `example.small-v1:0`" in found["access"].what


def test_a_model_that_is_not_in_the_region_fails(folder: Path, simulator: Simulator) -> None:
    simulator.reset(replace(HEALTHY, models={MODEL: SimulatedModel(regions=("us-east-1",))}))
    assert "not offered in `eu-central-1`" in examine(folder)["access"].what


@pytest.mark.parametrize(
    ("lifecycle", "result", "words"),
    [
        (Lifecycle(status="LEGACY"), Result.WARN, "`legacy` by AWS, `active` in models.yaml"),
        (Lifecycle(end_of_life="2020-01-01"), Result.FAILED, "ended on 2020-01-01"),
        (Lifecycle(end_of_life="2999-01-01"), Result.WARN, "ends on 2999-01-01 by AWS, on no day"),
    ],
)
def test_a_life_that_ends_or_is_told_otherwise_is_found(
    folder: Path, simulator: Simulator, lifecycle: Lifecycle, result: Result, words: str
) -> None:
    simulator.reset(replace(HEALTHY, models={MODEL: SimulatedModel(lifecycle=lifecycle)}))
    check = examine(folder)["lifecycle"]
    assert (check.result, words in check.what) == (result, True)


def profiled(workspace: Path, simulator: Simulator, entry: str = ACROSS) -> Path:
    return bind(workspace, simulator.url, entry, PROFILED)


def test_a_profile_of_the_registered_model_within_its_regions_is_all_right(
    workspace: Path, simulator: Simulator
) -> None:
    found = examine(profiled(workspace, simulator), calls=True)
    assert amiss(found) == {}
    assert found["profile"].what.startswith("leads to the registered model, in `eu-central-1`")


def test_a_profile_that_leaves_the_registered_regions_fails(workspace: Path, simulator: Simulator) -> None:
    entry = swap(ACROSS, "[eu-central-1, eu-west-1, eu-west-3]", "[eu-central-1, eu-west-1]")
    found = examine(profiled(workspace, simulator, entry), calls=True)
    assert "in `eu-west-3`, which models.yaml does not list" in found["profile"].what
    assert found["call"].what == "`profile` failed"


ARN = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/team1"


@pytest.mark.parametrize(
    ("profiles", "words"),
    [
        ({}, "does not exist in `eu-central-1`"),
        ({ARN: Profile(MODEL, ("us-east-1",), "APPLICATION")}, "in `us-east-1`, which models.yaml does not"),
        (
            {ARN: Profile("simulator.echo-v1:0", ("eu-west-1",), "APPLICATION")},
            "leads to `simulator.echo-v1:0`",
        ),
    ],
)
def test_a_profile_of_an_account_that_leads_elsewhere_fails(
    workspace: Path, simulator: Simulator, profiles: dict[str, Profile], words: str
) -> None:
    simulator.reset(replace(HEALTHY, profiles=profiles))
    bound = swap(BOUND, '"example.small-v1:0"', f'"{ARN}"')
    check = examine(bind(workspace, simulator.url, ACROSS, bound))["profile"]
    assert (check.result, words in check.what) == (Result.FAILED, True)


def test_a_guardrail_whose_version_is_not_there_fails(workspace: Path, simulator: Simulator) -> None:
    found = examine(bind(workspace, simulator.url, swap(ENTRY, 'version: "1"', 'version: "7"')), calls=True)
    assert "`gr1` has no version 7" in found["guardrail"].what
    assert found["call"].what == "`guardrail` failed"


def test_a_guardrail_that_may_not_be_used_is_told_from_a_model_without_access(
    folder: Path, simulator: Simulator
) -> None:
    simulator.reset(of_account(denied_operations=("ApplyGuardrail",)))
    found = examine(folder, calls=True)
    assert amiss(found) == {"call": Result.FAILED}
    assert found["call"].fix == "allow `bedrock:ApplyGuardrail` for the guardrail"


def test_calls_that_are_not_allowed_fail_with_the_permission(folder: Path, simulator: Simulator) -> None:
    simulator.reset(of_account(denied_operations=("bedrock:InvokeModel",)))
    assert "`bedrock:InvokeModel`" in examine(folder, calls=True)["call"].fix


def test_a_quota_smaller_than_the_bindings_is_a_warning(folder: Path, simulator: Simulator) -> None:
    simulator.reset(replace(HEALTHY, quotas={MODEL: Quota(30_000)}))
    check = examine(folder)["quota"]
    assert (check.result, "`tokens_per_minute: 30000`" in check.fix) == (Result.WARN, True)


def test_logging_is_a_warning_where_no_app_sends_texts(folder: Path, simulator: Simulator) -> None:
    simulator.reset(of_account(invocation_logging=True))
    check = examine(folder)["logging"]
    assert (check.result, "`/aws/bedrock/invocations`" in check.what) == (Result.WARN, True)


def test_logging_fails_where_an_apps_contract_never_stores_something(
    folder: Path, simulator: Simulator
) -> None:
    simulator.reset(of_account(invocation_logging=True))
    draft_with(folder, "small")
    found = examine(folder)
    assert found["workspace"].what == "valid, with `policy-qa`"
    check = found["logging"]
    assert (check.result, "`policy-qa` never stores `credentials`" in check.what) == (Result.FAILED, True)


OPTIONAL = {
    "identity": "sts:GetCallerIdentity",
    "logging": "bedrock:GetModelInvocationLoggingConfiguration",
    "access": "bedrock:GetFoundationModelAvailability",
    "lifecycle": "bedrock:GetFoundationModel",
    "guardrail": "bedrock:GetGuardrail",
    "quota": "servicequotas:ListServiceQuotas",
}


@pytest.mark.parametrize(("step", "action"), OPTIONAL.items(), ids=list(OPTIONAL))
def test_what_may_not_be_asked_is_a_warning_with_the_permission(
    folder: Path, simulator: Simulator, step: str, action: str
) -> None:
    simulator.reset(of_account(denied_operations=(action,)))
    found = examine(folder, calls=True)
    assert amiss(found) == {step: Result.WARN}
    assert found[step].fix.startswith(f"allow `{action}`;")
    assert found["call"].result is Result.OK


# --- who we are ----------------------------------------------------------------------------------------


def test_a_session_that_has_expired_fails_and_nothing_more_is_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "expired-1")
    found = examine(folder, calls=True)
    assert amiss(found) == {"identity": Result.FAILED}
    assert "the session token has expired" in found["identity"].what
    assert {found[step].what for step in STEPS[8:]} == {"`identity` failed"}


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("AWS_ACCESS_KEY_ID", "does not know the access key"),
        ("AWS_SECRET_ACCESS_KEY", "secret does not belong"),
    ],
)
def test_keys_that_aws_does_not_accept_fail(
    folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str, words: str
) -> None:
    monkeypatch.setenv(variable, "wrong")
    assert words in examine(folder)["identity"].what


@pytest.mark.parametrize(
    ("ahead_s", "result"),
    [(0.0, Result.OK), (90.0, Result.WARN), (-90.0, Result.WARN), (400.0, Result.FAILED)],
)
def test_a_clock_that_is_off_is_found_before_signatures_are_blamed(
    folder: Path, ahead_s: float, result: Result
) -> None:
    found = examine(folder, ahead_s=ahead_s)
    assert found["clock"].result is result
    blocked = {"`clock` failed"} if result is Result.FAILED else set()
    assert {one.what for one in found.values() if "`clock`" in one.what} == blocked


def test_a_region_where_nobody_answers_fails_and_its_models_are_tried_nevertheless(
    workspace: Path, simulator: Simulator
) -> None:
    found = examine(bind(workspace, "http://127.0.0.1:9"), calls=True)
    assert amiss(found) == {"region": Result.FAILED, "call": Result.FAILED}
    assert {found[step].what for step in STEPS[6:-1]} == {"`region` failed"}


BEARER = swap(BOUND, "regions: [eu-central-1]", "regions: [eu-central-1]\n      credentials: bearer")


def test_an_api_key_is_enough_and_cannot_ask_for_everything(workspace: Path, simulator: Simulator) -> None:
    environ = {"AWS_BEARER_TOKEN_BEDROCK": "test"}
    found = examine(bind(workspace, simulator.url, bound=BEARER), calls=True, environ=environ)
    assert amiss(found) == {}
    assert [step for step, check in found.items() if check.result is Result.SKIPPED] == ["identity", "quota"]
    assert found["call"].result is Result.OK


@pytest.mark.parametrize(
    ("environ", "step", "words"),
    [
        ({}, "credentials", "`AWS_BEARER_TOKEN_BEDROCK` is not set"),
        ({"AWS_BEARER_TOKEN_BEDROCK": "stale"}, "identity", "does not accept the Bedrock API key"),
    ],
)
def test_an_api_key_that_is_missing_or_not_accepted_fails(
    workspace: Path, simulator: Simulator, environ: dict[str, str], step: str, words: str
) -> None:
    found = examine(bind(workspace, simulator.url, bound=BEARER), environ=environ)
    assert (found[step].result, words in found[step].what) == (Result.FAILED, True)
