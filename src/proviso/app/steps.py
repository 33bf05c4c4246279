"""The steps of a diagnosis in their order: one that depends on a failed one is skipped, and says why."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from proviso.app.diagnosis import Check, Result, failed, skipped, warn
from proviso.aws import NoCredentials, TransportFailed

_ASKING: Final = (
    "credentials",
    "region",
    "clock",
    "identity",
)  # without which AWS tells nothing of the account

NEEDS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "region": _ASKING[:1],
        "clock": _ASKING[:2],
        "identity": _ASKING[:3],
        "logging": _ASKING,
        "access": _ASKING,
        "lifecycle": _ASKING,
        "profile": _ASKING,
        "guardrail": _ASKING,
        "quota": _ASKING,
        "server": ("credentials",),
        "listed": ("credentials", "server"),
        # Not the region: its control plane may be out of reach where the models themselves are not.
        "call": ("credentials", "clock", "identity", "access", "profile", "guardrail", "server"),
    }
)
"""For each step those that must not have failed for it to make sense."""

_OPTIONAL: Final = ("identity", "quota")  # other services of AWS, which a private network need not reach

Work = Callable[[], Awaitable[Check]]


class Steps:
    """The steps about one place. `failed`: those that have failed at what it belongs to."""

    def __init__(self, where: str, failed: Iterable[str] = ()) -> None:
        self._where = where
        self.failed = set(failed)

    def note(self, check: Check) -> Check:
        """Take a step that has been judged already."""
        if check.result is Result.FAILED:
            self.failed.add(check.step)
        return replace(check, where=self._where)

    async def take(self, step: str, work: Work) -> Check:
        """Take a step, unless one that it needs has failed."""
        cause = next((need for need in NEEDS[step] if need in self.failed), "")
        if cause:
            return self.note(skipped(step, f"`{cause}` failed"))
        try:
            return self.note(await work())
        except TransportFailed as error:
            fix = error.fix or "look at the network between, and try again"
            judge = warn if step in _OPTIONAL else failed
            return self.note(judge(step, error.message, fix))
        except NoCredentials as error:
            return self.note(failed(step, error.message, error.fix))
