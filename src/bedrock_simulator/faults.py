"""What can go wrong, by name, and which request it happens to."""

from collections.abc import Mapping
from enum import Enum, auto
from random import Random
from types import MappingProxyType

from msgspec import structs

from bedrock_simulator.exchange import Exchange, ServiceError
from bedrock_simulator.scenario import Fault

HEADER = "x-simulate-fault"


class Where(Enum):
    """Which requests a fault can happen to."""

    ANY = auto()  # every operation
    WHOLE = auto()  # an answer with one body: everything but ConverseStream
    STREAM = auto()  # ConverseStream
    TURN = auto()  # Converse and ConverseStream
    GUARDED = auto()  # the same, where the request has a guardrailConfig


# Where it makes sense, and what it is. `after` counts the events of a stream that come first; a whole body counts as
# half of it. A fault comes before messageStop, however large `after` is.
_KINDS: Mapping[str, tuple[Where, str]] = {
    # instead of an answer: the service's exceptions
    "throttling": (Where.ANY, "429 ThrottlingException: too many requests"),
    "retry-after": (Where.ANY, "429 ThrottlingException with x-amz-retry-after (`seconds`, in milliseconds)"),
    "quota-exceeded": (Where.ANY, "400 ServiceQuotaExceededException"),
    "model-not-ready": (Where.ANY, "429 ModelNotReadyException"),
    "unavailable": (Where.ANY, "503 ServiceUnavailableException"),
    "internal": (Where.ANY, "500 InternalServerException"),
    "model-timeout": (Where.ANY, "408 ModelTimeoutException"),
    "model-error": (Where.ANY, "424 ModelErrorException with originalStatusCode"),
    "access-denied": (Where.ANY, "403 AccessDeniedException"),
    "not-found": (Where.ANY, "404 ResourceNotFoundException"),
    "validation": (Where.ANY, "400 ValidationException"),
    "expired-token": (Where.ANY, "403 ExpiredTokenException: the credentials have expired"),
    # instead of an answer: what networks do
    "html-error": (Where.ANY, "502 with a page of HTML, as a proxy in between sends it"),
    "reset-before": (Where.ANY, "the connection is reset once the request is read, without a byte"),
    "regional-outage": (Where.ANY, "503 or a reset, drawn for each request; give it a `region`"),
    "slow-first-byte": (Where.ANY, "the first byte comes `seconds` later"),
    # exceptions in the middle of a stream, after HTTP 200
    "stream-throttling": (Where.STREAM, "a throttlingException frame after `after` events"),
    "stream-internal": (Where.STREAM, "an internalServerException frame after `after` events"),
    "stream-unavailable": (Where.STREAM, "a serviceUnavailableException frame after `after` events"),
    "stream-validation": (Where.STREAM, "a validationException frame after `after` events"),
    "stream-model-error": (
        Where.STREAM,
        "a modelStreamErrorException frame with originalStatusCode, originalMessage",
    ),
    "stream-error": (Where.STREAM, "a frame of message type `error`, which the service model does not list"),
    # a stream that ends early
    "stream-cut-in-frame": (Where.STREAM, "half a frame after `after` events, then the body ends cleanly"),
    "stream-cut-before-stop": (Where.STREAM, "all but messageStop and metadata, then the body ends cleanly"),
    "stream-closed": (Where.STREAM, "the connection is closed after `after` events, without the last chunk"),
    "reset-during": (Where.ANY, "the connection is reset after `after` events or half of the body"),
    "never-ends": (Where.ANY, "after `after` events or half of the body nothing more comes, for ever"),
    "idle-gap": (Where.ANY, "`seconds` of silence after `after` events or half of the body"),
    # bytes that are not what they should be
    "bad-crc": (Where.STREAM, "a frame whose message CRC is wrong, after `after` events"),
    "bad-prelude-crc": (Where.STREAM, "a frame whose prelude CRC is wrong, after `after` events"),
    "bad-length": (
        Where.STREAM,
        "a frame that says it has 2 GiB, under a right prelude CRC, after `after` events",
    ),
    "garbage": (Where.ANY, "random bytes instead of a frame after `after` events, or instead of the body"),
    "half-json": (
        Where.ANY,
        "a body that is half of the JSON; in a stream a sound frame that holds half of it",
    ),
    "wrong-length": (Where.WHOLE, "a Content-Length larger than the body, then the connection is closed"),
    "split-utf8": (Where.ANY, "writes that part the bytes of a character; a text without such a one gets 🙂"),
    "tiny-writes": (Where.ANY, "one byte a write"),
    # answers that are whole on the wire and yet are none
    "empty-end-turn": (Where.TURN, "end_turn without any content"),
    "malformed-tool-use": (Where.TURN, "stopReason malformed_tool_use; the input of tool calls is cut"),
    "malformed-output": (Where.TURN, "stopReason malformed_model_output"),
    "unknown-stop": (Where.TURN, "a stopReason that no client knows"),
    "no-usage": (Where.TURN, "no usage; of a stream no metadata"),
    "missing-trace": (Where.GUARDED, "the guardrail's trace is left out"),
    "duplicate-stop": (Where.STREAM, "messageStop comes twice"),
    "unknown-event": (Where.STREAM, "an event of a type that no client knows, after `after` events"),
}

KINDS: Mapping[str, str] = MappingProxyType({name: words for name, (_, words) in _KINDS.items()})
"""Every kind of fault and what it is, in words."""


STREAMED = frozenset(name for name, (where, _) in _KINDS.items() if where is Where.STREAM)
"""The kinds that are nothing without a stream."""


def could(kind: str, exchange: Exchange) -> bool:
    """Say whether a fault makes sense for a request."""
    where = _KINDS[kind][0]
    stream = exchange.operation == "ConverseStream"
    turn = stream or exchange.operation == "Converse"
    return {
        Where.ANY: True,
        Where.WHOLE: not stream,
        Where.STREAM: stream,
        Where.TURN: turn,
        Where.GUARDED: turn and "guardrailConfig" in exchange.params,
    }[where]


class Plan:
    """Chooses the fault of each request: what its header asks for, or the first of the scenario's that hits.

    A fault counts the requests that it could happen to and that no fault before it has taken. Each draws from a
    generator of its own, so that one fault more does not change when the others come.
    """

    def __init__(self, faults: tuple[Fault, ...], random: Random) -> None:
        for fault in faults:
            if fault.kind not in KINDS:
                raise ValueError(f"no fault is named `{fault.kind}`: write one of {', '.join(KINDS)}")
        seeds = [random.getrandbits(64) for _ in faults]
        self._counted = [_Counted(fault, Random(seed)) for fault, seed in zip(faults, seeds, strict=True)]  # noqa: S311  # drawn to be repeatable

    def choose(self, exchange: Exchange) -> Fault | None:
        """Return the fault of a request. Raises `ServiceError` where its header asks for none that there is."""
        asked = exchange.headers.get(HEADER)
        if asked is not None:
            return _asked(asked, exchange)
        return next((counted.fault for counted in self._counted if counted.hits(exchange)), None)


class _Counted:
    """A fault of the scenario, and how often it could have happened and has."""

    def __init__(self, fault: Fault, random: Random) -> None:
        self.fault = fault
        self._random = random
        self._seen = 0
        self._hit = 0

    def hits(self, exchange: Exchange) -> bool:
        if not self._fits(exchange):
            return False
        self._seen += 1
        drawn = self.fault.share is None or self._random.random() < self.fault.share
        planned = not self.fault.nth or self._seen in self.fault.nth
        left = self.fault.times is None or self._hit < self.fault.times
        hit = drawn and planned and left
        self._hit += hit
        return hit

    def _fits(self, exchange: Exchange) -> bool:
        fault = self.fault
        return (
            fault.operation in ("", exchange.operation)
            and fault.model in ("", exchange.model_id, exchange.params.get("modelId"))
            and fault.region in ("", exchange.region)
            and could(fault.kind, exchange)
        )


def _asked(header: str, exchange: Exchange) -> Fault:
    """Read `KIND[:AFTER]`."""
    kind, colon, after = (part.strip() for part in header.partition(":"))
    if kind not in KINDS:
        raise _refused(f"no fault is named `{kind}`: write one of {', '.join(KINDS)}")
    if not could(kind, exchange):
        raise _refused(f"`{kind}` cannot happen to this {exchange.operation}: choose another fault")
    fault = Fault(kind=kind)
    if not colon:
        return fault
    if not (after.isascii() and after.isdigit() and len(after) <= 9):
        raise _refused(f"`{after}` is no number of events: write `{kind}:3`")
    return structs.replace(fault, after=int(after))


def _refused(message: str) -> ServiceError:
    return ServiceError("ValidationException", f"{HEADER}: {message}", 400)
