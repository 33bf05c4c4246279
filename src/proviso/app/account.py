"""A walk through one account and region of Bedrock: who we are there, what may be called, one call of a few tokens."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, date, datetime

from msgspec import Struct, structs

from proviso.app import diagnosis_bedrock
from proviso.app.calling import call_check, call_once
from proviso.app.diagnosis import (
    Check,
    clock,
    credentials,
    failed,
    not_allowed,
    ok,
    skipped,
    unknown_caller,
    warn,
)
from proviso.app.diagnosis_bedrock import Keeping, Spot, foundation
from proviso.app.steps import Steps
from proviso.aws import Bearer, CredentialSource, Keys, NoCredentials, Transport, control
from proviso.contract import RegisteredModel
from proviso.models import CallFailed, Endpoint, Kind


class Account(Struct, frozen=True):
    """How one environment calls Bedrock. `now`: seconds of UTC; `calls`: whether models are really called."""

    environment: str
    transport: Transport
    credentials: CredentialSource
    endpoint: str
    now: Callable[[], float]
    calls: bool


class Bound(Struct, frozen=True):
    """A place of a model, and what calls it."""

    spot: Spot
    model: RegisteredModel
    endpoint: Endpoint


async def walk(
    account: Account, region: str, bound: Sequence[Bound], apps: Sequence[Keeping]
) -> AsyncIterator[Check]:
    """Yield the checks of a region, then those of each place in it. `apps`: whose texts are sent there."""
    steps = Steps(f"{account.environment} {region}")
    try:
        found: Keys | Bearer = await account.credentials.current()
    except NoCredentials as error:
        found = Keys("", "")
        yield steps.note(failed("credentials", error.message, error.fix))
    else:
        yield steps.note(credentials(found, account.now()))
    plane = control.ControlPlane(account.transport, found, region, endpoint=account.endpoint, now=account.now)
    region_ = _Region(plane, bearer=isinstance(found, Bearer))
    yield await steps.take("region", region_.reached)
    yield await steps.take("clock", region_.clock)
    yield await steps.take("identity", region_.identity)

    async def logging() -> Check:
        try:
            return diagnosis_bedrock.logging(await plane.logging(), apps)
        except control.AwsRefused as error:
            return _refused("logging", error, "bedrock:GetModelInvocationLoggingConfiguration")

    yield await steps.take("logging", logging)
    for one in bound:
        async for check in _place(account, region_, one, steps):
            yield check


class _Region:
    """What is asked once for all models of a region."""

    def __init__(self, plane: control.ControlPlane, *, bearer: bool) -> None:
        self.plane = plane
        self.bearer = bearer
        self._refusal: control.AwsRefused | None = None
        self._quotas: list[control.ServiceQuota] | None = None

    async def reached(self) -> Check:
        """See whether somebody answers. Also a refusal is an answer."""
        try:
            await self.plane.reach()
        except control.AwsRefused as error:
            self._refusal = error
        return ok("region", f"{self.plane.origin('bedrock')} answers")

    async def clock(self) -> Check:
        """Compare the clocks by the last answer."""
        return clock(self.plane.ahead_s)

    async def identity(self) -> Check:
        """Ask who we are."""
        if self.bearer:
            refusal = self._refusal
            if refusal is not None and (refusal.answer_status == 401 or "key" in refusal.said.lower()):
                fix = "make another API key in the Bedrock console, and set it"
                return failed("identity", f"AWS does not accept the Bedrock API key ({refusal.said})", fix)
            return skipped("identity", "a Bedrock API key cannot ask whose it is")
        try:
            caller = await self.plane.caller()
        except control.AwsRefused as error:
            if error.denied:
                return not_allowed("identity", "sts:GetCallerIdentity")
            return unknown_caller(error.error, error.said)
        return ok("identity", f"account {caller.account}, {caller.arn}")

    async def quotas(self) -> list[control.ServiceQuota]:
        """Return the region's quotas, asked for once."""
        if self._quotas is None:
            self._quotas = await self.plane.quotas()
        return self._quotas


async def _place(account: Account, region: _Region, bound: Bound, before: Steps) -> AsyncIterator[Check]:
    spot = bound.spot
    steps = Steps(f"{account.environment} {spot.region} {spot.name} ({spot.called})", before.failed)
    place = _Place(region, bound, datetime.fromtimestamp(account.now(), UTC).date())
    yield await steps.take("access", place.access)
    yield await steps.take("lifecycle", place.lifecycle)
    yield await steps.take("profile", place.profile)
    yield await steps.take("guardrail", place.guardrail)
    yield await steps.take("quota", place.quota)
    if account.calls:
        yield await steps.take("call", place.call)
    else:
        yield steps.note(skipped("call", "not asked for (`--no-calls`)"))


class _Place:
    """What is asked about one place of a model."""

    def __init__(self, region: _Region, bound: Bound, today: date) -> None:
        self._region = region
        self._today = today
        self._plane = region.plane
        self._spot = bound.spot
        self._model = bound.model
        self._endpoint = bound.endpoint
        self._id = foundation(bound.model.id)
        self._known: control.FoundationModel | None = None

    async def access(self) -> Check:
        if not self._spot.has_foundation:
            return skipped("access", "AWS tells it of foundation models only")
        try:
            return diagnosis_bedrock.access(await self._plane.availability(self._id), self._spot)
        except control.AwsRefused as error:
            return _refused("access", error, "bedrock:GetFoundationModelAvailability", self._unknown())

    async def lifecycle(self) -> Check:
        if not self._spot.has_foundation:
            return skipped("lifecycle", "AWS tells it of foundation models only")
        try:
            self._known = await self._plane.model(self._id)
        except control.AwsRefused as error:
            return _refused("lifecycle", error, "bedrock:GetFoundationModel", self._unknown())
        return diagnosis_bedrock.lifecycle(self._known, self._model, self._today)

    async def profile(self) -> Check:
        if not self._spot.through_profile:
            return diagnosis_bedrock.without_profile(self._spot, self._model)
        try:
            return diagnosis_bedrock.profile(await self._plane.profile(self._spot.called), self._model)
        except control.AwsRefused as error:
            what = f"`{self._spot.called}` does not exist in `{self._spot.region}`"
            missing = failed(
                "profile", what, "bind a profile of this region: `aws bedrock list-inference-profiles`"
            )
            return _refused("profile", error, "bedrock:GetInferenceProfile", missing)

    async def guardrail(self) -> Check:
        guardrail = self._model.guardrail
        if guardrail is None:
            return skipped("guardrail", "the register has none for this model")
        try:
            return diagnosis_bedrock.guardrail(
                await self._plane.guardrail(guardrail.identifier, guardrail.version)
            )
        except control.AwsRefused as error:
            what = f"`{guardrail.identifier}` has no version {guardrail.version} in `{self._spot.region}`"
            missing = failed("guardrail", what, "publish it in this region, or correct models.yaml")
            return _refused("guardrail", error, "bedrock:GetGuardrail", missing)

    async def quota(self) -> Check:
        if self._region.bearer:
            return skipped("quota", "a Bedrock API key cannot ask for it")
        names = [self._id]
        if self._known is not None:
            names += [f"{self._known.provider_name} {self._known.model_name}", self._known.model_name]
        try:
            return diagnosis_bedrock.quota(await self._region.quotas(), self._spot, names)
        except control.AwsRefused as error:
            return _refused("quota", error, "servicequotas:ListServiceQuotas")

    async def call(self) -> Check:
        """Call the model with its guardrail. Without the right to use that, AWS says that the model is not granted."""
        try:
            reply = await call_once(self._endpoint, self._model)
        except CallFailed as error:
            if error.kind is not Kind.DENIED or self._model.guardrail is None:
                return call_check(error)
            return await self._without_guardrail(error)
        return call_check(reply)

    async def _without_guardrail(self, denied: CallFailed) -> Check:
        try:
            await call_once(self._endpoint, self._model, guarded=False)
        except CallFailed:
            return call_check(denied)
        what = "the model answers, but not with its guardrail: AWS tells that as if the model had no access"
        return failed("call", what, "allow `bedrock:ApplyGuardrail` for the guardrail")

    def _unknown(self) -> Check:
        what = f"AWS knows no `{self._id}` in `{self._spot.region}`"
        return failed("access", what, "correct the `id` in models.yaml, or bind another region")


def _refused(step: str, error: control.AwsRefused, action: str, missing: Check | None = None) -> Check:
    """Judge a refusal to tell: only that there is no such thing keeps answers from being given."""
    if error.denied:
        return not_allowed(step, action)
    if missing is not None and error.missing:
        return structs.replace(missing, step=step)
    return warn(step, f"not known: AWS {error.message}", "try again later")
