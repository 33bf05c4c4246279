"""The simulator as tests and the command run it: in an event loop, or in a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ssl import SSLContext
from types import TracebackType
from typing import Self

from bedrock_simulator.answering import Answerer
from bedrock_simulator.conditions import Network
from bedrock_simulator.exchange import Conditions, Speaker
from bedrock_simulator.http import Server
from bedrock_simulator.messages import Received, Reply
from bedrock_simulator.record import Request
from bedrock_simulator.scenario import Scenario
from bedrock_simulator.service import Service

_LOOPBACK = "127.0.0.1"
_EVERYWHERE = {"0.0.0.0": _LOOPBACK, "": _LOOPBACK, "::": "::1"}  # noqa: S104  # where to call it, not to listen


class Simulator:
    """A Bedrock endpoint on this machine: `async with Simulator(Scenario()) as simulator: … simulator.url`.

    Raises `OSError` where it cannot listen, `ValueError` where the scenario asks for what there is not.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        host: str = _LOOPBACK,
        port: int = 0,
        tls: SSLContext | None = None,
    ) -> None:
        self._scenario = scenario
        self._host = host
        self._port = port
        self._tls = tls
        self._service = self._new_service()
        self._server = Server(self._answer)

    @property
    def url(self) -> str:
        """Return where it listens, for `endpoint_url` or `AWS_ENDPOINT_URL`."""
        host = _EVERYWHERE.get(self._host, self._host)
        name = f"[{host}]" if ":" in host else host
        return f"{'http' if self._tls is None else 'https'}://{name}:{self._port}"

    @property
    def requests(self) -> list[Request]:
        """Return what was received since the start or the last reset, oldest first; at most `record.KEPT`."""
        return self._service.record.all()

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables with which AWS's own clients come here."""
        region = self._scenario.region
        variables = {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": region}
        variables["AWS_DEFAULT_REGION"] = region  # what boto3 reads
        for access_key, secret in list(self._scenario.credentials.items())[:1]:
            variables |= {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret}
        return variables

    def reset(self, scenario: Scenario | None = None) -> None:
        """Begin anew, with another scenario if one is given: nothing received, counted, cached or used up."""
        self._scenario = self._scenario if scenario is None else scenario
        self._service = self._new_service()

    async def __aenter__(self) -> Self:
        self._port = await self._server.start(self._host, self._port, self._tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.stop()

    async def _answer(self, received: Received, reply: Reply) -> None:
        await self._service.answer(received, reply)

    def _new_service(self) -> Service:
        speaker: Speaker = Answerer(self._scenario)
        conditions: Conditions = Network(self._scenario)
        return Service(self._scenario, speaker, conditions)


@contextmanager
def running(
    scenario: Scenario | None = None, *, port: int = 0, tls: SSLContext | None = None
) -> Iterator[Simulator]:
    """Run a simulator in a thread, for tests that have no event loop. Raises what starting it does."""
    simulator = Simulator(Scenario() if scenario is None else scenario, port=port, tls=tls)
    thread = _Thread(simulator)
    thread.start()
    try:
        thread.wait_until_it_listens()
        yield simulator
    finally:
        thread.stop()


class _Thread(threading.Thread):
    """The thread whose event loop a simulator runs in."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__(name="bedrock-simulator", daemon=True)
        self._simulator = simulator
        self._listening = threading.Event()
        self._failure: OSError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    def run(self) -> None:
        asyncio.run(self._run())

    def wait_until_it_listens(self) -> None:
        self._listening.wait()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        if self._loop is not None and self._stopping is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self.join()

    async def _run(self) -> None:
        self._stopping = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        try:
            async with self._simulator:
                self._listening.set()
                await self._stopping.wait()
        except OSError as error:
            self._failure = error
        finally:
            self._listening.set()
