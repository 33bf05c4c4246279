"""What a check has found: whether a thing is as it should be, and what to do where it is not."""

from enum import StrEnum

from msgspec import Struct


class Verdict(StrEnum):
    """How a thing stands. `warn`: it works, and somebody should look at it."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(Struct, frozen=True):
    """One thing that was checked. `unreadable`: nothing more can be read of the store, or of this part of it."""

    check: str
    verdict: Verdict
    said: str
    fix: str = ""
    unreadable: bool = False


def judged(check: str, wrong: bool, said: str, fix: str) -> Finding:  # noqa: FBT001  what is judged
    """Return a finding that fails where something is wrong."""
    return Finding(check, Verdict.FAIL, said, fix) if wrong else Finding(check, Verdict.OK, said)


def doubted(check: str, odd: bool, said: str, fix: str) -> Finding:  # noqa: FBT001  what is judged
    """Return a finding that warns where something is odd."""
    return Finding(check, Verdict.WARN, said, fix) if odd else Finding(check, Verdict.OK, said)
