"""The steps of a diagnosis in their order: one that depends on a failed one is skipped, and says why."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from proviso.app.diagnosis import Check, Result, failed, skipped
from proviso.aws import NoCredentials, TransportFailed

NEEDS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "region": ("credentials",),
        "clock": ("region",),
        "identity": ("clock",),
        "logging": ("identity",),
        "access": ("identity",),
        "lifecycle": ("identity",),
        "profile": ("identity",),
        "guardrail": ("identity",),
        "quota": ("identity",),
        "server": ("credentials",),
        "listed": ("server",),
        "call": ("access", "profile", "guardrail", "listed"),
    }
)
"""For each step those without which it makes no sense."""

Work = Callable[[], Awaitable[Check]]


class Steps:
    """The steps about one place. `blocked`: those that cannot be taken any more, each with the one that failed."""

    def __init__(self, where: str, blocked: Mapping[str, str] | None = None) -> None:
        self._where = where
        self.blocked = dict(blocked or {})

    def note(self, check: Check) -> Check:
        """Take a step that has been judged already."""
        if check.result is Result.FAILED:
            self.blocked[check.step] = check.step
        return replace(check, where=self._where)

    async def take(self, step: str, work: Work) -> Check:
        """Take a step, unless what it needs has failed."""
        cause = next((self.blocked[need] for need in NEEDS.get(step, ()) if need in self.blocked), "")
        if cause:
            self.blocked[step] = cause
            return replace(skipped(step, f"`{cause}` failed"), where=self._where)
        try:
            return self.note(await work())
        except TransportFailed as error:
            return self.note(
                failed(step, error.message, error.fix or "look at the network between, and try again")
            )
        except NoCredentials as error:
            return self.note(failed(step, error.message, error.fix))
