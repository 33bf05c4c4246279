"""One real call of a few tokens, and what its failure means for whoever has set the model up."""

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import structs

from proviso.app.diagnosis import Check, failed, ok, warn
from proviso.app.hosting import traits_of
from proviso.contract import ReleaseModel
from proviso.models import Call, CallFailed, Endpoint, Kind, Message, Reply, Text

_WAIT_S: Final = 60.0  # also for a model that has to wake up
_FEW: Final = 16  # tokens of an answer, at most
_HELLO: Final = Call(
    (Message("user", (Text("Say OK."),)),), _FEW, metadata={"app": "proviso-doctor"}, size=len("Say OK.")
)
_AGAIN: Final = "try again; docs/bedrock.md says what each kind of failure means"
FIXES: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.THROTTLED: "try again; if it lasts, compare the quota with the traffic",
        Kind.QUOTA: "ask the provider for a larger quota, or wait for the next day",
        Kind.NOT_READY: "try again in a minute",
        Kind.UNAVAILABLE: "try again in a minute; bind a second region, so that one may be out",
        Kind.UNGUARDED: "correct the guardrail's ID and version in models.yaml",
        Kind.EXPIRED: "sign in again, or renew the key",
        Kind.DENIED: "allow `bedrock:InvokeModel` for what is called, and open the model's access; or correct the key",
        Kind.NOT_FOUND: "correct the `id` or the profile; look up in which regions the model is",
        Kind.INVALID: "correct the model's `settings`; some models are called through an inference profile only",
        Kind.NO_CREDENTIALS: "sign in, or set the variable of the key",
        Kind.CONNECT: "look at the network, the proxy and the address",
        Kind.SLOW: "try again; a model that is slow now may need a longer `latency.deadline_ms`",
    }
)
"""What to do about a failed call, by its kind."""


async def call_once(endpoint: Endpoint, model: ReleaseModel, *, guarded: bool = True) -> Reply:
    """Ask for a few tokens, as a release would: with the model's settings and guardrail. Raises `CallFailed`."""
    traits = traits_of(model)
    call = structs.replace(_HELLO, inference=traits.inference, guard=traits.guard if guarded else None)
    return await endpoint.converse(call, time.monotonic() + _WAIT_S)


def call_check(seen: Reply | CallFailed) -> Check:
    """Judge what came of the call."""
    if isinstance(seen, Reply):
        used = seen.usage
        guard = ", with its guardrail's trace" if seen.guarded else ""
        return ok("call", f"answered{guard}: {used.input_tokens} tokens in, {used.output_tokens} out")
    fix = FIXES.get(seen.kind, _AGAIN)
    if seen.kind in (Kind.THROTTLED, Kind.EMPTY):
        return warn("call", seen.message, fix)
    return failed("call", seen.message, fix)
