"""What the findings of a diagnosis mean: one check for each step, with what was seen and how to mend it. Pure."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

from proviso.aws import Bearer, Keys
from proviso.types import Environment

EARLY_DAYS: Final = 90  # before the end of a model's life
_SKEW_WARN_S: Final = 60.0
_SKEW_MOST_S: Final = 300.0  # what Signature Version 4 tolerates
_MINUTE: Final = "%Y-%m-%d %H:%M UTC"
# File systems that end with the container or the machine that they are of.
_PASSING: Final = frozenset({"overlay", "aufs", "tmpfs", "ramfs", "devtmpfs", "rootfs"})
POLICY: Final = "the policy in docs/bedrock.md has it"


class Result(StrEnum):
    """What became of a step. `warn`: it works, and somebody should look at it."""

    OK = "ok"
    WARN = "warn"
    FAILED = "failed"
    SKIPPED = "skipped"


class Check(Struct, frozen=True):
    """One step. `where`: the environment, region and model that it is about, empty for the machine's own."""

    step: str
    result: Result
    what: str
    fix: str = ""
    where: str = ""


def ok(step: str, what: str) -> Check:
    """A step with nothing wrong."""
    return Check(step, Result.OK, what)


def warn(step: str, what: str, fix: str) -> Check:
    """A step that works, with something to look at."""
    return Check(step, Result.WARN, what, fix)


def failed(step: str, what: str, fix: str) -> Check:
    """A step that keeps answers from being given as the contract has it."""
    return Check(step, Result.FAILED, what, fix)


def skipped(step: str, why: str) -> Check:
    """A step that could not be taken, or need not be."""
    return Check(step, Result.SKIPPED, why)


# --- this machine -----------------------------------------------------------------------------------


def file_system(mounts: str, folder: str) -> str:
    """Return the type of the file system that a folder is on, by the text of `/proc/self/mountinfo`; empty: unknown."""
    best, kind = "", ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, types = before.split(), after.split()
        if len(fields) < 5 or not types:
            continue
        mount = fields[4].encode().decode("unicode_escape")
        inside = mount == "/" or folder == mount or folder.startswith(f"{mount}/")
        if inside and len(mount) >= len(best):
            best, kind = mount, types[0]
    return kind


def disk(kind: str, strict: Sequence[str], environment: Environment) -> Check:
    """Judge where records are kept. `kind`: the file system's type; `strict`: apps with records before replies."""
    if not kind:
        return skipped("disk", "this system does not tell what kind of disk the state is on")
    if kind not in _PASSING:
        return ok("disk", f"the state is on `{kind}`")
    what = f"the state is on `{kind}`, which ends with its container"
    fix = "mount a volume at the state's folder (`PROVISO_HOME`), or use PostgreSQL (`PROVISO_STORE`)"
    if not strict:
        return warn("disk", what, fix)
    what += f"; the tiers of {listed(strict)} promise records that last"
    return warn("disk", what, fix) if environment is Environment.DEV else failed("disk", what, fix)


# --- who we are, and whether we are heard -----------------------------------------------------------


def credentials(found: Keys | Bearer, now: float) -> Check:
    """Judge credentials: what kind, from where, until when. Neither a secret nor a key's ID is told."""
    what = _kind(found)
    if found.expires is None:
        return ok("credentials", f"{what}; it does not say when it expires")
    left, until = found.expires - now, datetime.fromtimestamp(found.expires, UTC).strftime(_MINUTE)
    if left <= 0:
        return failed("credentials", f"{what}; it expired at {until}", "sign in again, or renew the key")
    return ok("credentials", f"{what}; good until {until}")


def _kind(found: Keys | Bearer) -> str:
    if isinstance(found, Bearer):
        return "a Bedrock API key, from `AWS_BEARER_TOKEN_BEDROCK`"
    kind = "a temporary access key" if found.token else "an access key"
    return f"{kind}, from AWS's chain of credentials" + (f": {found.source}" if found.source else "")


def clock(ahead_s: float | None) -> Check:
    """Judge the difference between our clock and AWS's, in seconds."""
    if ahead_s is None:
        return skipped("clock", "the answer had no date")
    off = abs(ahead_s)
    what = f"{off:.0f} s {'ahead of' if ahead_s > 0 else 'behind'} AWS's" if off >= 1 else "as AWS's"
    fix = "let NTP or chrony set this machine's clock"
    if off >= _SKEW_MOST_S:
        return failed("clock", f"{what}; AWS refuses every signature from 5 minutes on", fix)
    if off >= _SKEW_WARN_S:
        return warn("clock", f"{what}; AWS refuses signatures from 5 minutes on", fix)
    return ok("clock", what)


_REFUSALS: Final = {
    "ExpiredToken": ("the session token has expired", "sign in again (`aws sso login`), or renew the token"),
    "InvalidClientTokenId": ("AWS does not know the access key", "use a key that exists and is active"),
    "SignatureDoesNotMatch": ("the secret does not belong to the access key", "correct the secret"),
}
_SAME: Final = {
    "ExpiredTokenException": "ExpiredToken",
    "UnrecognizedClientException": "InvalidClientTokenId",
    "InvalidSignatureException": "SignatureDoesNotMatch",
}


def unknown_caller(error: str, said: str) -> Check:
    """Judge a refusal to say who calls, by the code of AWS."""
    what, fix = _REFUSALS.get(
        _SAME.get(error, error), ("AWS does not accept the credentials", "correct them")
    )
    return failed("identity", f"{what} ({error}: {said})", fix)


# --- an answer in words -----------------------------------------------------------------------------


def days_to(day: str, today: date) -> int | None:
    """Return how many days there are until an ISO day; None for what is none."""
    try:
        return (date.fromisoformat(day) - today).days
    except ValueError:
        return None


def not_allowed(step: str, action: str) -> Check:
    """A step that may not be taken: what it would find is unknown, and answers do not need it."""
    return warn(step, f"not known: `{action}` is not allowed", f"allow `{action}`; {POLICY}")


def listed(words: Iterable[str]) -> str:
    """Return names in one line."""
    return ", ".join(f"`{word}`" for word in words)
