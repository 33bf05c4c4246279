"""A walk through one server that speaks OpenAI's protocol: its key, its list of models, one call of a few tokens."""

from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from proviso.app.calling import call_check, call_once
from proviso.app.diagnosis import Check, failed, ok, skipped, warn
from proviso.app.steps import Steps
from proviso.aws import HttpRequest, Patience, Transport
from proviso.contract import OpenAIServer, RegisteredModel
from proviso.models import CallFailed, Endpoint

_PATIENCE: Final = Patience(connect=5.0, head=15.0, idle=15.0, whole=30.0)
_MOST_NAMED: Final = 5


class _Listed(Struct):
    id: str = ""


class _Models(Struct):
    data: tuple[_Listed, ...] = ()


class Served(Struct, frozen=True):
    """A model on a server. `key`: empty for a server that wants none."""

    name: str
    model: RegisteredModel
    server: OpenAIServer
    key: str
    endpoint: Endpoint | None


async def walk(
    environment: str, served: Served, transport: Transport, *, calls: bool
) -> AsyncIterator[Check]:
    """Yield the checks of one server, for one model on it."""
    steps = Steps(f"{environment} {served.name}")
    yield steps.note(_key(served))
    seen = _Server(served, transport)
    yield await steps.take("server", seen.reached)
    yield await steps.take("listed", seen.listed)
    if calls:
        yield await steps.take("call", seen.call)
    else:
        yield steps.note(skipped("call", "not asked for (`--no-calls`)"))


def _key(served: Served) -> Check:
    variable = served.server.key
    if not variable:
        return ok("credentials", "the server wants no key")
    if not served.key:
        return failed("credentials", f"`{variable}` is not set", "set it to the server's key")
    return ok("credentials", f"a key, from `{variable}`")


class _Server:
    """What one server is asked."""

    def __init__(self, served: Served, transport: Transport) -> None:
        self._served = served
        self._transport = transport
        self._status = 0
        self._body = b""

    async def reached(self) -> Check:
        """Ask for the models: whether somebody answers, and takes the key."""
        parts = urlsplit(self._served.server.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        headers = {"Accept": "application/json"}
        if self._served.key:
            headers["Authorization"] = f"Bearer {self._served.key}"
        request = HttpRequest("GET", origin, f"{parts.path.rstrip('/')}/models", headers)
        async with self._transport.send(request, _PATIENCE) as response:
            self._status, self._body = response.status, await response.read()
        if self._status in (401, 403):
            fix = (
                "correct the key"
                if self._served.server.key
                else "name the variable with its key in proviso.yaml"
            )
            return failed("server", f"{origin} answers, and does not accept the key ({self._status})", fix)
        return ok("server", f"{origin} answers" + (", and accepts the key" if self._served.key else ""))

    async def listed(self) -> Check:
        """Look for the model among those that the server lists."""
        if self._status != 200:
            return warn(
                "listed",
                f"the server does not list its models ({self._status})",
                "see whether the call works",
            )
        try:
            names = [one.id for one in msgspec.json.decode(self._body, type=_Models).data]
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return warn(
                "listed", "its list of models cannot be read", "see whether the address ends before `/chat`"
            )
        wanted = self._served.model.id
        if wanted not in names:
            shown = ", ".join(f"`{name[:60]}`" for name in names[:_MOST_NAMED]) or "none"
            return warn("listed", f"`{wanted}` is not among its models ({shown})", "correct the model's `id`")
        return ok("listed", f"`{wanted}` is among its models")

    async def call(self) -> Check:
        """Call the model."""
        assert self._served.endpoint is not None  # without a key that is set no call is made
        try:
            return call_check(await call_once(self._served.endpoint, self._served.model))
        except CallFailed as error:
            return call_check(error)
