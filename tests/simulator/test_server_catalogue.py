"""Which model an identifier stands for, in a region and on a day."""

from datetime import date

import pytest

from bedrock_simulator.catalogue import ECHO, Catalogue
from bedrock_simulator.exchange import ServiceError
from bedrock_simulator.scenario import Account, Lifecycle, Profile, Scenario, SimulatedModel

TODAY = date(2026, 6, 1)
ARN = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/team"
SCENARIO = Scenario(
    models={
        "a.european": SimulatedModel(regions=("eu-west-1",)),
        "a.through-profiles": SimulatedModel(on_demand=False),
        "a.gone": SimulatedModel(lifecycle=Lifecycle("LEGACY", "2026-06-01")),
        "a.going": SimulatedModel(lifecycle=Lifecycle("LEGACY", "2026-06-02")),
        "a.denied": SimulatedModel(),
    },
    profiles={ARN: Profile(model="a.through-profiles", regions=("eu-west-1",), kind="APPLICATION")},
    account=Account(denied_models=("a.denied",)),
)
CATALOGUE = Catalogue(SCENARIO, lambda: TODAY)


@pytest.mark.parametrize(
    ("identifier", "region", "model"),
    [
        (ECHO, "us-east-1", ECHO),
        (ECHO, "sa-east-1", ECHO),
        (f"global.{ECHO}", "sa-east-1", ECHO),
        (f"apac.{ECHO}", "ap-south-1", ECHO),
        (f"arn:aws:bedrock:us-east-1::foundation-model/{ECHO}", "us-east-1", ECHO),
        (f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{ECHO}", "us-east-1", ECHO),
        ("a.european", "eu-west-1", "a.european"),
        ("eu.a.european", "eu-north-1", "a.european"),
        ("a.going", "us-east-1", "a.going"),
        (ARN, "eu-west-1", "a.through-profiles"),
        ("us.a.through-profiles", "us-west-2", "a.through-profiles"),
    ],
)
def test_an_identifier_leads_to_its_model(identifier: str, region: str, model: str) -> None:
    assert CATALOGUE.find(identifier, region).model_id == model


@pytest.mark.parametrize(
    ("identifier", "region", "code", "told"),
    [
        ("nobody.knows", "us-east-1", "ResourceNotFoundException", "Could not resolve the foundation model"),
        ("a.gone", "us-east-1", "ResourceNotFoundException", "reached the end of its life"),
        ("us.a.gone", "us-east-1", "ResourceNotFoundException", "reached the end of its life"),
        ("a.european", "us-east-1", "ValidationException", "The provided model identifier is invalid."),
        ("us.a.european", "us-east-1", "ValidationException", "The provided model identifier is invalid."),
        (f"eu.{ECHO}", "us-east-1", "ValidationException", "The provided model identifier is invalid."),
        (ARN, "us-east-1", "ValidationException", "The provided model identifier is invalid."),
        ("a.through-profiles", "us-east-1", "ValidationException", "on-demand throughput isn’t supported"),
        ("a.denied", "us-east-1", "AccessDeniedException", "You don't have access to the model"),
        ("eu.a.denied", "eu-west-1", "AccessDeniedException", "You don't have access to the model"),
        (
            "arn:aws:bedrock:eu-west-1:123456789012:provisioned-model/abc",
            "eu-west-1",
            "ResourceNotFoundException",
            "Could not",
        ),
    ],
)
def test_what_cannot_be_called_is_refused(identifier: str, region: str, code: str, told: str) -> None:
    with pytest.raises(ServiceError) as refused:
        CATALOGUE.find(identifier, region)
    assert (refused.value.code, told in refused.value.message) == (code, True)


def test_a_model_is_no_longer_offered_from_its_last_day_on() -> None:
    offered = CATALOGUE.offered("us-east-1")
    assert "a.going" in offered
    assert not {"a.gone", "a.european"} & offered.keys()
