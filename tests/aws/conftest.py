"""Every transport, and servers of raw bytes for them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
import uvloop

from proviso.aws.botocore_transport import BotocoreTransport
from proviso.aws.http import AiohttpTransport
from proviso.aws.lean import LeanTransport
from proviso.aws.protocol import Transport
from tests.aws.raw_server import Behaviour, RawServer

Serve = Callable[[Behaviour], Awaitable[RawServer]]
Make = Callable[..., Transport]
Loop = Callable[[], asyncio.AbstractEventLoop]
MAKERS: dict[str, Make] = {
    "aiohttp": AiohttpTransport,
    "botocore": BotocoreTransport,
    "lean": LeanTransport,
}


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Loop]:
    """Run the transports on the loop of the server, and on Python's own."""
    own: dict[str, Loop] = {"asyncio": asyncio.new_event_loop}
    of_both = {"test_transport.py", "test_wire.py", "test_lean.py", "test_opening.py"}
    return {"uvloop": uvloop.new_event_loop, **own} if item.path.name in of_both else own


@pytest_asyncio.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start servers, and stop them at the end."""
    started: list[RawServer] = []

    async def start(behaviour: Behaviour) -> RawServer:
        server = RawServer(behaviour)
        await server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        await server.stop()


@pytest.fixture(params=sorted(MAKERS))
def make(request: pytest.FixtureRequest) -> Make:
    """What makes a transport: every test of this fixture holds for all."""
    return MAKERS[request.param]


@pytest_asyncio.fixture
async def transport(make: Make) -> AsyncIterator[Transport]:
    made = make(connections=32)
    yield made
    await made.close()
