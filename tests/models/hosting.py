"""Places, replies and requests of hosted models, made by hand; all of them in virtual time."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from proviso.budgets import Prices
from proviso.models import (
    Bucket,
    Circuit,
    Hosted,
    Model,
    ModelRequest,
    Place,
    Retry,
    ScriptedEndpoint,
    Step,
    Target,
    Traits,
)
from proviso.models.failure import Kind
from proviso.models.scripted_endpoint import Answers
from proviso.models.shapes import Block, Call, Reply, Text
from proviso.types import Draft, Passage, StopReason, Usage
from tests.models.made import ask, passage
from tests.models.virtual_time import now

USED = Usage(100, 20)
TRAITS = Traits()
RETRY = Retry()
PRICES = Prices(1_000_000, 5_000_000)  # a micro-dollar for a token in, five for one out
CLAIMS = passage(1, "Claims", "Send each claim within 30 days.")


def target(name: str = "first") -> Target:
    return Target(name, "simulator", f"simulator.{name}-v1:0", f"{name}-region", f"http://{name}")


def reply(text: str, *blocks: Block, stop: StopReason = StopReason.END, usage: Usage = USED) -> Reply:
    return Reply(blocks or (Text(text),), stop, usage)


def scripted(*script: Step | Kind | Reply | Answers, name: str = "first") -> ScriptedEndpoint:
    return ScriptedEndpoint(target(name), script, now=now)


def place(
    endpoint: ScriptedEndpoint,
    *,
    bucket: Bucket | None = None,
    circuit: Circuit | None = None,
    traits: Traits = TRAITS,
) -> Place:
    return Place(endpoint, bucket or Bucket(now=now), circuit or Circuit(now), traits)


def hosted(*places: Place | ScriptedEndpoint, retry: Retry = RETRY, chance: float = 1.0) -> Hosted:
    made = [one if isinstance(one, Place) else place(one) for one in places]
    return Hosted(made, retry, now=now, chance=lambda: chance)


def wanted(
    seconds: float = 8.0,
    *,
    max_tokens: int = 100,
    most: int | None = None,
    names: Sequence[str] = ("first", "second", "third"),
    passages: tuple[Passage, ...] = (CLAIMS,),
) -> ModelRequest:
    """A request that is to be answered within so many seconds from now."""
    made = ask("When must a claim be sent?", *passages, max_tokens=max_tokens)
    prices = dict.fromkeys(names, PRICES)
    return replace(made, deadline=now() + seconds, most_micro_usd=most, prices=prices, attempts=[])


def outcomes(request: ModelRequest) -> list[tuple[str, str]]:
    return [(one.model, one.outcome) for one in request.attempts]


class Streamed(Struct):
    """What came out of a stream: its pieces, and its draft or why there is none."""

    pieces: list[str]
    draft: Draft | None = None
    error: Exception | None = None


async def streamed(model: Model, request: ModelRequest) -> Streamed:
    out = Streamed([])
    try:
        async for item in model.stream(request):
            if isinstance(item, Draft):
                out.draft = item
            else:
                out.pieces.append(item)
    except Exception as error:  # noqa: BLE001  # it is what the test looks at
        out.error = error
    return out


def asked(endpoint: ScriptedEndpoint) -> Call:
    """The last call."""
    return endpoint.calls[-1]
