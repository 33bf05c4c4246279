"""What the neighbours of the runtime say of the account, to boto3."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedrock_simulator.catalogue import ECHO
from bedrock_simulator.scenario import (
    Account,
    Lifecycle,
    Profile,
    Quota,
    Scenario,
    SimulatedGuardrail,
    SimulatedModel,
)
from bedrock_simulator.simulator import Simulator
from tests.simulator.clients import HELLO, ClientFor
from tests.simulator.test_server_clients import fits

SCENARIO = Scenario(
    models={
        "acme.embed-v1": SimulatedModel(kind="titan-embed", provider="Acme"),
        "acme.old-v1": SimulatedModel(provider="Acme", lifecycle=Lifecycle("LEGACY", "2099-01-31")),
        "acme.far-v1": SimulatedModel(provider="Acme", regions=("eu-west-1",)),
    },
    profiles={"team": Profile(model="acme.old-v1", regions=("us-east-1", "us-west-2"), kind="APPLICATION")},
    guardrails={
        "abc": SimulatedGuardrail(
            blocked_words=("secret",),
            masked_patterns={"number": r"\d{9}"},
            topics={"weather": ("Will it rain?",)},
            grounding_threshold=0.7,
        )
    },
    quotas={"acme.old-v1": Quota(tokens_per_minute=10_000)},
    account=Account(id="210987654321", denied_models=("acme.embed-v1",), invocation_logging=True),
)


@pytest.fixture
def bedrock(simulator: Simulator, client_for: ClientFor) -> Any:
    simulator.reset(SCENARIO)
    return client_for("bedrock")


@pytest.mark.parametrize(
    ("filters", "models"),
    [
        ({}, ["acme.embed-v1", "acme.old-v1", ECHO]),
        ({"byProvider": "Acme"}, ["acme.embed-v1", "acme.old-v1"]),
        ({"byOutputModality": "EMBEDDING"}, ["acme.embed-v1"]),
        ({"byInferenceType": "PROVISIONED"}, []),
    ],
)
def test_models_are_listed_by_what_is_asked(bedrock: Any, filters: dict[str, str], models: list[str]) -> None:
    response = bedrock.list_foundation_models(**filters)
    fits(bedrock, "ListFoundationModels", response)
    assert [model["modelId"] for model in response["modelSummaries"]] == models


def test_a_model_tells_when_its_life_ends(bedrock: Any) -> None:
    response = bedrock.get_foundation_model(modelIdentifier="acme.old-v1")
    fits(bedrock, "GetFoundationModel", response)
    lifecycle = response["modelDetails"]["modelLifecycle"]
    assert (lifecycle["status"], lifecycle["endOfLifeTime"].isoformat()[:10]) == ("LEGACY", "2099-01-31")


@pytest.mark.parametrize("name", ["acme.far-v1", "nobody.knows-v1"])
def test_a_model_that_is_not_here_is_not_found(bedrock: Any, name: str) -> None:
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.get_foundation_model(modelIdentifier=name)


@pytest.mark.parametrize(
    ("name", "authorised", "here"),
    [
        (ECHO, "AUTHORIZED", "AVAILABLE"),
        ("acme.embed-v1", "NOT_AUTHORIZED", "AVAILABLE"),
        ("acme.far-v1", "AUTHORIZED", "NOT_AVAILABLE"),
    ],
)
def test_whether_a_model_is_available_can_be_asked(
    bedrock: Any, name: str, authorised: str, here: str
) -> None:
    response = bedrock.get_foundation_model_availability(modelId=name)
    fits(bedrock, "GetFoundationModelAvailability", response)
    assert (response["authorizationStatus"], response["regionAvailability"]) == (authorised, here)


def test_a_profile_tells_what_stands_behind_it(bedrock: Any) -> None:
    response = bedrock.get_inference_profile(inferenceProfileIdentifier="team")
    fits(bedrock, "GetInferenceProfile", response)
    assert [model["modelArn"] for model in response["models"]] == [
        "arn:aws:bedrock:us-east-1::foundation-model/acme.old-v1",
        "arn:aws:bedrock:us-west-2::foundation-model/acme.old-v1",
    ]
    again = bedrock.get_inference_profile(inferenceProfileIdentifier=response["inferenceProfileArn"])
    assert again["inferenceProfileId"] == "team"


def test_profiles_are_listed_page_by_page(bedrock: Any) -> None:
    pages = bedrock.get_paginator("list_inference_profiles").paginate(PaginationConfig={"PageSize": 2})
    names = [profile["inferenceProfileId"] for page in pages for profile in page["inferenceProfileSummaries"]]
    assert {f"us.{ECHO}", f"global.{ECHO}", "team"} <= set(names)
    assert len(names) == len(set(names)) > 2
    (application,) = bedrock.list_inference_profiles(typeEquals="APPLICATION")["inferenceProfileSummaries"]
    assert application["inferenceProfileId"] == "team"


def test_a_guardrail_tells_its_policies(bedrock: Any) -> None:
    response = bedrock.get_guardrail(guardrailIdentifier="abc", guardrailVersion="1")
    fits(bedrock, "GetGuardrail", response)
    assert response["wordPolicy"] == {"words": [{"text": "secret"}]}
    assert response["contextualGroundingPolicy"]["filters"] == [{"type": "GROUNDING", "threshold": 0.7}]
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.get_guardrail(guardrailIdentifier="abc", guardrailVersion="2")


def test_logging_is_told_where_it_is_on(bedrock: Any, simulator: Simulator) -> None:
    response = bedrock.get_model_invocation_logging_configuration()
    fits(bedrock, "GetModelInvocationLoggingConfiguration", response)
    assert response["loggingConfig"]["textDataDeliveryEnabled"]
    simulator.reset(Scenario())
    assert "loggingConfig" not in bedrock.get_model_invocation_logging_configuration()


def test_the_caller_is_told_over_the_query_protocol(bedrock: Any, client_for: ClientFor) -> None:
    identity = client_for("sts").get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == (
        "210987654321",
        "arn:aws:iam::210987654321:user/simulator",
    )


def test_a_wrong_secret_is_told_in_the_words_of_sts(bedrock: Any, client_for: ClientFor) -> None:
    with pytest.raises(ClientError) as refused:
        client_for("sts", aws_secret_access_key="wrong").get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "SignatureDoesNotMatch"


def test_quotas_are_told(bedrock: Any, client_for: ClientFor) -> None:
    client = client_for("service-quotas")
    response = client.list_service_quotas(ServiceCode="bedrock")
    fits(client, "ListServiceQuotas", response)
    quota = response["Quotas"][0]
    assert (quota["QuotaName"], quota["Value"]) == (
        "On-demand model inference tokens per minute for acme.old-v1",
        10_000.0,
    )
    one = client.get_service_quota(ServiceCode="bedrock", QuotaCode=quota["QuotaCode"])
    assert one["Quota"] == quota
    with pytest.raises(client.exceptions.NoSuchResourceException):
        client.get_service_quota(ServiceCode="bedrock", QuotaCode="L-NOTHING")


@pytest.mark.parametrize("denied", ["Converse", "bedrock:InvokeModel"])
def test_a_denied_operation_names_the_permission(runtime: Any, simulator: Simulator, denied: str) -> None:
    simulator.reset(Scenario(account=Account(denied_operations=(denied,))))
    with pytest.raises(runtime.exceptions.AccessDeniedException, match="bedrock:InvokeModel action"):
        runtime.converse(modelId=ECHO, messages=HELLO)
    assert list(runtime.converse_stream(modelId=ECHO, messages=HELLO)["stream"])


def test_a_guardrail_that_may_not_be_applied_hides_behind_model_access(
    runtime: Any, simulator: Simulator
) -> None:
    simulator.reset(Scenario(account=Account(denied_operations=("ApplyGuardrail",))))
    config = {"guardrailIdentifier": "abc", "guardrailVersion": "1"}
    with pytest.raises(runtime.exceptions.AccessDeniedException, match="access to the model"):
        runtime.converse(modelId=ECHO, messages=HELLO, guardrailConfig=config)
