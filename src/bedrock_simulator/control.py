"""Answers what the neighbours of the runtime say of the account: models, profiles, guardrails, identity, quotas."""

import hashlib
from typing import Any

from bedrock_simulator.catalogue import GEOGRAPHIES, Catalogue, arn_of
from bedrock_simulator.exchange import Exchange, ServiceError
from bedrock_simulator.scenario import Profile, Scenario, SimulatedGuardrail, SimulatedModel

Json = dict[str, Any]

_CREATED = "2025-01-01T00:00:00Z"
_LONGEST_NAME = 20  # characters of a model's or a provider's name


class Control:
    """The control plane of a scenario's account."""

    def __init__(self, scenario: Scenario, catalogue: Catalogue) -> None:
        self._scenario = scenario
        self._catalogue = catalogue
        self._answers = {
            "GetCallerIdentity": self._caller,
            "GetFoundationModel": self._model,
            "GetFoundationModelAvailability": self._availability,
            "GetGuardrail": self._guardrail,
            "GetInferenceProfile": self._profile,
            "GetModelInvocationLoggingConfiguration": self._logging,
            "GetServiceQuota": self._quota,
            "ListFoundationModels": self._models,
            "ListInferenceProfiles": self._profiles,
            "ListServiceQuotas": self._quotas,
        }

    def knows(self, operation: str) -> bool:
        """Say whether an operation is answered here."""
        return operation in self._answers

    def answer(self, exchange: Exchange) -> Json:
        """Return the output of an operation. Raises `ServiceError`."""
        return self._answers[exchange.operation](exchange)

    def _models(self, exchange: Exchange) -> Json:
        params = exchange.params
        offered = self._catalogue.offered(exchange.region)
        summaries = [_described(name, model, exchange.region) for name, model in offered.items()]
        wanted = {"byProvider": "providerName", "byOutputModality": "outputModalities"}
        wanted |= {
            "byInferenceType": "inferenceTypesSupported",
            "byCustomizationType": "customizationsSupported",
        }
        for asked, member in wanted.items():
            if asked in params:
                summaries = [summary for summary in summaries if _matches(summary[member], params[asked])]
        return {"modelSummaries": summaries}

    def _model(self, exchange: Exchange) -> Json:
        name = exchange.params["modelIdentifier"].rpartition("/")[2]
        model = self._catalogue.models.get(name)
        if model is None or (model.regions and exchange.region not in model.regions):
            raise _missing("The provided model identifier is invalid.")
        return {"modelDetails": _described(name, model, exchange.region)}

    def _availability(self, exchange: Exchange) -> Json:
        name = exchange.params["modelId"]
        model = self._catalogue.models.get(name)
        if model is None:
            raise _missing("The provided model identifier is invalid.")
        granted = name not in self._scenario.account.denied_models
        there = name in self._catalogue.offered(exchange.region)
        return {
            "modelId": name,
            "agreementAvailability": {"status": "AVAILABLE" if granted else "NOT_AVAILABLE"},
            "authorizationStatus": "AUTHORIZED" if granted else "NOT_AUTHORIZED",
            "entitlementAvailability": "AVAILABLE" if granted else "NOT_AVAILABLE",
            "regionAvailability": "AVAILABLE" if there else "NOT_AVAILABLE",
        }

    def _profile(self, exchange: Exchange) -> Json:
        found = self._catalogue.profile(exchange.params["inferenceProfileIdentifier"], exchange.region)
        if found is None:
            raise _missing("The provided inference profile identifier is invalid.")
        return self._summary(*found, exchange.region)

    def _profiles(self, exchange: Exchange) -> Json:
        params = exchange.params
        known = dict(self._catalogue.system_profiles(exchange.region))
        known |= {name.rpartition("/")[2]: profile for name, profile in self._catalogue.profiles.items()}
        kind = params.get("typeEquals")
        summaries = [
            self._summary(name, profile, exchange.region)
            for name, profile in sorted(known.items())
            if kind in (None, profile.kind)
        ]
        return _page("inferenceProfileSummaries", summaries, params, ("maxResults", "nextToken"))

    def _summary(self, name: str, profile: Profile, region: str) -> Json:
        path = "inference-profile" if profile.kind == "SYSTEM_DEFINED" else "application-inference-profile"
        prefix = name.partition(".")[0]
        title = f"{prefix.upper()} {profile.model}" if prefix in GEOGRAPHIES else name
        return {
            "inferenceProfileName": "".join(sign if sign.isalnum() else " " for sign in title)[:64].strip(),
            "inferenceProfileArn": f"arn:aws:bedrock:{region}:{self._scenario.account.id}:{path}/{name}",
            "inferenceProfileId": name,
            "models": [
                {"modelArn": arn_of(profile.model, each)} for each in profile.regions[:5] or (region,)
            ],
            "status": "ACTIVE",
            "type": profile.kind,
            "createdAt": _CREATED,
            "updatedAt": _CREATED,
        }

    def _guardrail(self, exchange: Exchange) -> Json:
        name = exchange.params["guardrailIdentifier"].rpartition("/")[2]
        version = exchange.params.get("guardrailVersion", "DRAFT")
        guardrail = self._scenario.guardrails.get(name)
        if guardrail is None or version not in guardrail.versions:
            raise _missing("The guardrail identifier or version provided in the request does not exist.")
        arn = f"arn:aws:bedrock:{exchange.region}:{self._scenario.account.id}:guardrail/{name}"
        return {
            "name": name,
            "guardrailId": name,
            "guardrailArn": arn,
            "version": version,
            "status": "READY",
            "createdAt": _CREATED,
            "updatedAt": _CREATED,
            "blockedInputMessaging": guardrail.input_message,
            "blockedOutputsMessaging": guardrail.output_message,
        } | _policies(guardrail)

    def _logging(self, _exchange: Exchange) -> Json:
        if not self._scenario.account.invocation_logging:
            return {}
        where = {
            "logGroupName": "/aws/bedrock/invocations",
            "roleArn": f"arn:aws:iam::{self._scenario.account.id}:role/log",
        }
        return {"loggingConfig": {"cloudWatchConfig": where, "textDataDeliveryEnabled": True}}

    def _caller(self, _exchange: Exchange) -> Json:
        account = self._scenario.account.id
        return {
            "Arn": f"arn:aws:iam::{account}:user/simulator",
            "UserId": "AIDASIMULATOR0000000",
            "Account": account,
        }

    def _quota(self, exchange: Exchange) -> Json:
        code = exchange.params["QuotaCode"]
        for quota in self._known_quotas(exchange):
            if quota["QuotaCode"] == code:
                return {"Quota": quota}
        raise ServiceError("NoSuchResourceException", f"There is no quota {code} of this service.", 400)

    def _quotas(self, exchange: Exchange) -> Json:
        code = exchange.params.get("QuotaCode")
        quotas = [quota for quota in self._known_quotas(exchange) if code in (None, quota["QuotaCode"])]
        return _page("Quotas", quotas, exchange.params, ("MaxResults", "NextToken"))

    def _known_quotas(self, exchange: Exchange) -> list[Json]:
        """Return the tokens per minute of each model that has a quota, on demand and across regions."""
        service = exchange.params["ServiceCode"]
        if service != "bedrock":
            raise ServiceError("NoSuchResourceException", f"The service {service} does not exist.", 400)
        quotas = []
        for name in self._catalogue.offered(exchange.region):
            limit = self._scenario.quotas.get(name, self._scenario.quotas.get("*"))
            if limit is not None:
                quotas += [
                    self._described_quota(way, name, limit.tokens_per_minute, exchange.region)
                    for way in ("On-demand", "Cross-region")
                ]
        return quotas

    def _described_quota(self, way: str, model: str, value: int, region: str) -> Json:
        title = f"{way} model inference tokens per minute for {model}"
        code = f"L-{hashlib.sha256(title.encode()).hexdigest()[:8].upper()}"
        return {
            "ServiceCode": "bedrock",
            "ServiceName": "Amazon Bedrock",
            "QuotaArn": f"arn:aws:servicequotas:{region}:{self._scenario.account.id}:bedrock/{code}",
            "QuotaCode": code,
            "QuotaName": title,
            "Value": float(value),
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }


def _described(name: str, model: SimulatedModel, region: str) -> Json:
    lifecycle: Json = {"status": model.lifecycle.status, "startOfLifeTime": _CREATED}
    if model.lifecycle.end_of_life is not None:
        lifecycle["endOfLifeTime"] = f"{model.lifecycle.end_of_life}T00:00:00Z"
    embeds = model.kind in {"titan-embed", "cohere-embed"}
    return {
        "modelArn": arn_of(name, region),
        "modelId": name,
        "modelName": name.partition(".")[2][:_LONGEST_NAME] or name[:_LONGEST_NAME],
        "providerName": model.provider[:_LONGEST_NAME],
        "inputModalities": list(model.input),
        "outputModalities": ["EMBEDDING"] if embeds else list(model.output),
        "responseStreamingSupported": model.streaming and model.kind == "text",
        "customizationsSupported": [],
        "inferenceTypesSupported": ["ON_DEMAND"] if model.on_demand else ["INFERENCE_PROFILE"],
        "modelLifecycle": lifecycle,
    }


def _policies(guardrail: SimulatedGuardrail) -> Json:
    policies: Json = {}
    if guardrail.blocked_words:
        policies["wordPolicy"] = {"words": [{"text": word} for word in guardrail.blocked_words]}
    regexes = [
        {"name": name, "pattern": pattern, "action": action}
        for action, patterns in (
            ("BLOCK", guardrail.blocked_patterns),
            ("ANONYMIZE", guardrail.masked_patterns),
        )
        for name, pattern in patterns.items()
    ]
    if regexes:
        policies["sensitiveInformationPolicy"] = {"regexes": regexes}
    if guardrail.topics:
        topics = [
            {"name": name, "definition": name, "examples": list(examples[:5]), "type": "DENY"}
            for name, examples in guardrail.topics.items()
        ]
        policies["topicPolicy"] = {"topics": topics}
    thresholds = {"GROUNDING": guardrail.grounding_threshold, "RELEVANCE": guardrail.relevance_threshold}
    filters = [{"type": kind, "threshold": least} for kind, least in thresholds.items() if least is not None]
    if filters:
        policies["contextualGroundingPolicy"] = {"filters": filters}
    return policies


def _matches(member: Any, asked: str) -> bool:
    return asked in member if isinstance(member, list) else bool(asked == member)


def _page(name: str, rows: list[Json], params: Json, members: tuple[str, str]) -> Json:
    """Return a page; the token is where the next one begins."""
    most, token = params.get(members[0], 100), params.get(members[1], "0")
    if not (token.isascii() and token.isdigit() and len(token) <= 9):
        raise ServiceError("ValidationException", "The provided pagination token is invalid.", 400)
    start = int(token)
    page: Json = {name: rows[start : start + most]}
    if start + most < len(rows):
        page[members[1]] = str(start + most)
    return page


def _missing(message: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", message, 404)
