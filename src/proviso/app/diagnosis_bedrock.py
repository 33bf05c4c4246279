"""What an account says of one model, held against the register and the binding: one check for each step. Pure."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Final

from msgspec import Struct

from proviso.app.diagnosis import EARLY_DAYS, Check, days_to, failed, listed, ok, skipped, warn
from proviso.aws import control
from proviso.contract import RegisteredModel, seconds

_GEOGRAPHY: Final = re.compile(r"(us|us-gov|eu|apac|jp|au|ca|global)\.(?=[^.]+\.)")
_PROFILE_ARN: Final = re.compile(r"arn:[^:]+:bedrock:[^:]*:[^:]*:(application-)?inference-profile/")
_OTHER_ARN: Final = re.compile(r"arn:[^:]+:bedrock:[^:]*:[^:]*:(?!foundation-model/)")
_MOST_TOLD: Final = 5  # models of a profile, that AWS lists
_QUOTA: Final = re.compile(
    r"(?P<way>on-demand|cross-region|global cross-region) .*tokens per minute for (?P<model>.+)",
    re.IGNORECASE,
)
_CONSOLE: Final = "open the model's access in the Bedrock console of this account"


class Spot(Struct, frozen=True):
    """One place where a model of the register is called. `called`: an ID or ARN; None: nothing limits its tokens."""

    name: str
    called: str
    region: str
    tokens_per_minute: int | None = None

    @property
    def through_profile(self) -> bool:
        """Whether it is called through an inference profile."""
        return bool(_GEOGRAPHY.match(self.called) or _PROFILE_ARN.match(self.called))

    @property
    def has_foundation(self) -> bool:
        """Whether what is called is, or leads to, a foundation model; custom and provisioned models are not."""
        return self.through_profile or not _OTHER_ARN.match(self.called)


class Keeping(Struct, frozen=True):
    """What an app's contract says of keeping texts."""

    app: str
    log: Sequence[str]
    never_store: Sequence[str]
    payload: str  # how long, as a duration


def foundation(model: str) -> str:
    """Return the ID of a foundation model, without the geography of a profile before it."""
    return _GEOGRAPHY.sub("", model, count=1)


def access(found: control.Availability, spot: Spot) -> Check:
    """Judge whether the account may call a model."""
    agreement = found.agreement_availability.status
    if found.region_availability == "NOT_AVAILABLE" and not spot.through_profile:
        fix = "bind a region where it is, or an inference profile that may be called from here"
        return failed("access", f"the model is not offered in `{spot.region}`", fix)
    if agreement == "PENDING":
        return failed("access", "access has been asked for and is not granted yet", "wait, and look again")
    if agreement in {"NOT_AVAILABLE", "ERROR"} or found.entitlement_availability == "NOT_AVAILABLE":
        return failed("access", "the account has no access to the model", _CONSOLE)
    if found.authorization_status == "NOT_AUTHORIZED":
        fix = "allow `bedrock:InvokeModel` for it; look at the organisation's service control policies too"
        return failed("access", "the account is not authorised for the model", fix)
    return ok("access", "granted")


def lifecycle(found: control.FoundationModel, model: RegisteredModel, today: date) -> Check:
    """Judge where a model is in its life, and whether the register says the same."""
    theirs, ours = found.model_lifecycle, model.lifecycle
    status = {"ACTIVE": "active", "LEGACY": "legacy"}.get(theirs.status, ours.status)
    left = days_to(theirs.ends_on, today)
    if left is not None and left <= 0:
        what = f"its life ended on {theirs.ends_on}"
        return failed("lifecycle", what, "take another model, and release anew: `proviso models choose`")
    if left is not None and left <= EARLY_DAYS:
        what = f"its life ends in {left} days, on {theirs.ends_on}"
        return warn("lifecycle", what, "take another model, and release anew: `proviso models choose`")
    if status != ours.status:
        what = f"`{status}` by AWS, `{ours.status}` in models.yaml"
        return warn("lifecycle", what, f"write `status: {status}` into models.yaml")
    if theirs.ends_on and theirs.ends_on != ours.end_of_life:
        what = f"ends on {theirs.ends_on} by AWS, {ours.end_of_life or 'on no day'} in models.yaml"
        return warn("lifecycle", what, f"write `end_of_life: {theirs.ends_on}` into models.yaml")
    return ok("lifecycle", status + (f", until {theirs.ends_on}" if theirs.ends_on else ""))


def profile(found: control.InferenceProfile, model: RegisteredModel) -> Check:
    """Judge an inference profile: the model behind it, and that data stays where the register says."""
    others = sorted({one.model for one in found.models} - {foundation(model.id)})
    if others:
        what = f"it leads to {listed(others)}, and the register has `{model.id}`"
        return failed("profile", what, "bind a profile of the registered model")
    outside = sorted({one.region or "anywhere" for one in found.models} - set(model.regions))
    if outside:
        what = f"it may process requests in {listed(outside)}, which models.yaml does not list"
        fix = (
            "bind a profile that stays inside, or add the regions, where the contracts' residency allows them"
        )
        return failed("profile", what, fix)
    if found.status not in ("", "ACTIVE"):
        return failed("profile", f"it is `{found.status}`", "make it active, or bind another")
    regions = sorted({one.region for one in found.models})
    if len(found.models) >= _MOST_TOLD:
        what = f"in {listed(regions)}; AWS lists no more than {_MOST_TOLD}, and there may be others"
        return warn("profile", what, "read in AWS's documentation where it goes, and list all in models.yaml")
    return ok("profile", f"leads to the registered model, in {listed(regions)}")


def without_profile(spot: Spot, model: RegisteredModel) -> Check:
    """Judge a model that is called as it is: it answers in the region that is called, and in no other."""
    if spot.region not in model.regions:
        what = f"it is called in `{spot.region}`, which models.yaml does not list for it"
        return failed("profile", what, "bind one of its regions, or add this one to models.yaml")
    return ok("profile", f"none: the model answers in `{spot.region}` itself")


def guardrail(found: control.GuardrailVersion) -> Check:
    """Judge a guardrail's version."""
    if found.version == "DRAFT":
        what = "`DRAFT` can change without another release"
        return failed("guardrail", what, "publish a version of the guardrail, and write its number")
    if found.status != "READY":
        return failed("guardrail", f"version {found.version} is `{found.status}`", "wait until it is ready")
    return ok("guardrail", f"version {found.version} is ready")


def quota(found: Sequence[control.ServiceQuota], spot: Spot, names: Sequence[str]) -> Check:
    """Judge the tokens per minute of the binding against the account's. `names`: what the quota may call the model."""
    known = next((one for one in found if _is_of(one, spot, names)), None)
    if known is None:
        what = "no quota of tokens per minute is named after it"
        return skipped("quota", f"{what}; look it up in the Service Quotas console")
    allowed, ours = int(known.value), spot.tokens_per_minute
    if ours is None:
        return ok(
            "quota", f"{allowed:,} tokens a minute by AWS; the binding states none, so nothing waits here"
        )
    if ours > allowed:
        what = f"{ours:,} tokens a minute in the binding, {allowed:,} by AWS: calls will be throttled"
        fix = f"write `tokens_per_minute: {allowed}`, or ask AWS for more (quota {known.quota_code})"
        return warn("quota", what, fix)
    return ok("quota", f"{ours:,} of AWS's {allowed:,} tokens a minute")


def _is_of(quota: control.ServiceQuota, spot: Spot, names: Sequence[str]) -> bool:
    """Whether a quota is that of a model, called in this way. Quotas have titles, and no model IDs."""
    found = _QUOTA.fullmatch(quota.quota_name)
    if found is None or found["way"].lower() != _way(spot):
        return False
    title = _plain(found["model"])
    return any(title == _plain(name) or title.startswith(f"{_plain(name)} v") for name in names if name)


def _way(spot: Spot) -> str:
    if spot.called.startswith("global."):
        return "global cross-region"
    return "cross-region" if spot.through_profile else "on-demand"


def _plain(title: str) -> str:
    return " ".join(re.sub(r"\(.*?\)", " ", title.lower()).split())


def logging(found: control.InvocationLogging | None, apps: Sequence[Keeping]) -> Check:
    """Judge whether Bedrock keeps the texts of calls, and whether a contract allows that."""
    if found is None or not found.places:
        return ok("logging", "calls are not logged")
    if not found.text_data_delivery_enabled:
        return ok("logging", f"calls are logged to {' and '.join(found.places)}, without their texts")
    what = f"whole prompts and answers are kept in {' and '.join(found.places)}"
    fix = "switch invocation logging off, or its text delivery"
    forbidden = [reason for app in apps for reason in _forbidden(app)]
    if forbidden:
        return failed("logging", f"{what}; {'; '.join(forbidden)}", fix)
    shortest = min((app.payload for app in apps), key=seconds, default="")
    limit = (
        f"; or let them be deleted there after {shortest}, which nobody can check here" if shortest else ""
    )
    return warn("logging", f"{what}, out of reach of any erasure", fix + limit)


def _forbidden(app: Keeping) -> list[str]:
    reasons = []
    if app.never_store:
        reasons.append(f"`{app.app}` never stores {listed(app.never_store)}")
    missing = [kind for kind in ("question", "answer") if kind not in app.log]
    if missing:
        reasons.append(f"`{app.app}` does not log {listed(missing)}")
    return reasons
