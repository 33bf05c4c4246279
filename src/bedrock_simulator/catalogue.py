"""The models that there are: by ID, by inference profile, by ARN; in a region and on a day."""

import re
from collections.abc import Callable
from datetime import date

from msgspec import Struct

from bedrock_simulator.exchange import ServiceError
from bedrock_simulator.scenario import Profile, Scenario, SimulatedModel

ECHO = "simulator.echo-v1:0"  # always there, in every region
GEOGRAPHIES = {"us": "us-", "eu": "eu-", "apac": "ap-", "global": ""}
"""The system's inference profiles: what stands before a model's ID, and what the regions begin with."""

_ARN = re.compile(r"arn:aws(?:-[^:]+)?:bedrock:([a-z0-9-]+):(\d{12})?:([a-z-]+)/(.+)")
_REGIONS = {
    "us": ("us-east-1", "us-east-2", "us-west-2"),
    "eu": ("eu-central-1", "eu-west-1", "eu-west-3"),
    "apac": ("ap-northeast-1", "ap-southeast-1", "ap-southeast-2"),
    "global": ("us-east-1", "eu-west-1", "ap-northeast-1"),
}


class Found(Struct, frozen=True):
    """What an identifier stands for. `profile`: the inference profile that it goes through, if any."""

    model_id: str
    model: SimulatedModel
    profile: str = ""


class Catalogue:
    """The models and inference profiles of a scenario."""

    def __init__(self, scenario: Scenario, today: Callable[[], date]) -> None:
        self.models = {ECHO: SimulatedModel()} | scenario.models
        self.profiles = scenario.profiles
        self._account = scenario.account
        self._today = today

    def find(self, identifier: str, region: str) -> Found:
        """Return the model that answers a call. Raises `ServiceError` (403, 404) as the runtime does."""
        found = self._resolved(identifier, region)
        if {identifier, found.model_id}.intersection(self._account.denied_models):
            told = "You don't have access to the model with the specified model ID."
            raise ServiceError("AccessDeniedException", told, 403)
        if self.ended(found.model):
            told = (
                "This model version has reached the end of its life. Please refer to the AWS documentation for more "
                "details."
            )
            raise ServiceError("ResourceNotFoundException", told, 404)
        if not found.profile and not found.model.on_demand:
            told = (
                f"Invocation of model ID {found.model_id} with on-demand throughput isn’t supported. Retry your "
                "request with the ID or ARN of an inference profile that contains this model."
            )
            raise ServiceError("ValidationException", told, 400)
        return found

    def ended(self, model: SimulatedModel) -> bool:
        """Say whether a model's life is over."""
        end = model.lifecycle.end_of_life
        return end is not None and date.fromisoformat(end) <= self._today()

    def offered(self, region: str) -> dict[str, SimulatedModel]:
        """Return the models of a region by ID, in order, without those whose life is over."""
        return {
            name: model
            for name, model in sorted(self.models.items())
            if (not model.regions or region in model.regions) and not self.ended(model)
        }

    def system_profiles(self, region: str) -> dict[str, Profile]:
        """Return the system's inference profiles that can be called from a region, by ID."""
        profiles = {}
        for geography, prefix in GEOGRAPHIES.items():
            for name, model in sorted(self.models.items()):
                regions = _within(geography, model)
                if regions and region.startswith(prefix) and not self.ended(model):
                    profiles[f"{geography}.{name}"] = Profile(model=name, regions=regions)
        return profiles

    def profile(self, identifier: str, region: str) -> tuple[str, Profile] | None:
        """Return an inference profile's ID and what it is, by ID or ARN."""
        arn = _ARN.fullmatch(identifier)
        name = arn[4] if arn else identifier
        for known, profile in self.profiles.items():
            if identifier == known or name == _last(known):
                return _last(known), profile
        profile_ = self.system_profiles(region).get(name)
        return None if profile_ is None else (name, profile_)

    def _resolved(self, identifier: str, region: str) -> Found:
        arn = _ARN.fullmatch(identifier)
        if arn and arn[1] != region:
            raise _invalid()
        name = arn[4] if arn else identifier
        model = self.models.get(name) if not arn or arn[3] == "foundation-model" else None
        if model is not None:
            if model.regions and region not in model.regions:
                raise _invalid()
            return Found(name, model)
        if arn and arn[3] not in {"inference-profile", "application-inference-profile"}:
            raise _unknown()
        return self._through_a_profile(identifier, name, region)

    def _through_a_profile(self, identifier: str, name: str, region: str) -> Found:
        known = self.profile(identifier, region)
        if known is not None:
            name, profile = known
            model = self.models.get(profile.model)
            if model is None:
                raise _unknown()
            return Found(profile.model, model, name)
        geography, _, behind = name.partition(".")
        if geography in GEOGRAPHIES and behind in self.models and not self.ended(self.models[behind]):
            raise _invalid()  # it is there, but not for callers in this region
        if geography in GEOGRAPHIES and behind in self.models:
            return Found(behind, self.models[behind], name)
        raise _unknown()


def arn_of(model_id: str, region: str) -> str:
    """Return a foundation model's ARN."""
    return f"arn:aws:bedrock:{region}::foundation-model/{model_id}"


def _within(geography: str, model: SimulatedModel) -> tuple[str, ...]:
    """Return the regions where a profile of a geography runs a model."""
    if not model.regions:
        return _REGIONS[geography]
    return tuple(region for region in model.regions if region.startswith(GEOGRAPHIES[geography]))


def _last(identifier: str) -> str:
    return identifier.rpartition("/")[2]


def _invalid() -> ServiceError:
    return ServiceError("ValidationException", "The provided model identifier is invalid.", 400)


def _unknown() -> ServiceError:
    told = "Could not resolve the foundation model from the provided model identifier."
    return ServiceError("ResourceNotFoundException", told, 404)
