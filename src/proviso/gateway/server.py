"""Runs the gateway: a bound socket, uvicorn on uvloop and httptools, and an end that loses no answer."""

import asyncio
import ipaddress
import logging
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn

from proviso.errors import GateClosed, NotReady
from proviso.gateway.gateway import Gateway
from proviso.gateway.share import Share
from proviso.settings import Settings
from proviso.types import Environment

_FINISH_S = 30  # how long answers under way have after SIGTERM, then they are cancelled and recorded as such
_SETTLE_S = 0.5  # how long a connection that was accepted before the listener closed has to send its request
_LAST_WRITES_S = 15  # for the parts to close, after the answers
_IDLE_S = 75  # longer than the idle time of common load balancers, so that they hang up first
_BACKLOG = 2048


class CannotListen(NotReady):
    """The address cannot be bound."""

    code = "cannot_listen"


def run_server(
    gateway: Gateway,
    settings: Settings,
    *,
    on_ready: Callable[[str], None] | None = None,
    log: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT; return when every answer has left and the parts are closed.

    `on_ready` gets the base URL once connections are accepted. `log` writes a line of JSON per request to
    stderr. Raises `GateClosed` for a public address in `dev`, and `CannotListen` for a taken one.
    """
    server = Server(gateway, settings, on_ready=on_ready)
    log_to_stderr(on=log)
    server.run()


class Server(uvicorn.Server):
    """One process that serves a gateway. Set `should_exit` to stop it from another thread.

    `settings.linger_s` is how long, after that or a signal, requests are still accepted while `/readyz` says
    no: the time that a load balancer needs to notice. `on_drain` is called when the end begins; `share` takes
    the connections where other processes serve the same socket.
    """

    def __init__(
        self, gateway: Gateway, settings: Settings, *, on_ready: Callable[[str], None] | None = None
    ) -> None:
        self._socket = bind(settings)
        self._gateway = gateway
        self._on_ready = on_ready
        self.linger_s = settings.linger_s
        self.on_drain: Callable[[], None] | None = None
        self.share: Share | None = None
        super().__init__(
            uvicorn.Config(
                gateway,
                loop="uvloop",
                http="httptools",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=_BACKLOG,
                timeout_keep_alive=_IDLE_S,
                timeout_graceful_shutdown=_FINISH_S,
            )
        )

    @property
    def url(self) -> str:
        """The base URL of the bound address."""
        return base_url(self._socket)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve on the bound socket until told to stop."""
        super().run(sockets=[self._socket])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept, then say so."""
        if self.share is None:
            await super().startup(sockets=sockets)
        else:
            await super().startup(sockets=[])
            self._socket.settimeout(0)
            self._socket.listen(_BACKLOG)
            self.share.open(self._socket, self._protocol, lambda: len(self.server_state.connections))
        if self._on_ready is not None:
            self._on_ready(self.url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Readiness goes first, then the listener, then the answers under way, then the parts."""
        self._gateway.drain()
        if self.on_drain is not None:
            self.on_drain()
        # From here on each connection ends with its next answer, and its caller is told so.
        state = self.server_state
        state.default_headers = [*state.default_headers, (b"connection", b"close")]
        await self._pause(self.linger_s, lambda: False)
        for server in self.servers:
            server.close()
        if self.share is not None:
            self.share.close()
        # What has just been accepted has its request under way: closed now, it would be lost, not refused.
        await self._pause(_SETTLE_S, lambda: not state.connections)
        await super().shutdown(sockets=sockets)

    async def _pause(self, seconds: float, done: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        await asyncio.sleep(0.02)  # what has been accepted becomes a connection in the loop's next turns
        while loop.time() < end and not self.force_exit and not done():  # noqa: ASYNC110  a signal can only set a flag
            await asyncio.sleep(0.02)

    def _protocol(self) -> asyncio.Protocol:
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop on the first signal, at once on the second; the process then ends with exit code 0."""
        self.force_exit = self.should_exit
        self.should_exit = True


def bind(settings: Settings) -> socket.socket:
    """Return a bound socket. INVARIANT: in `dev`, where nothing is approved, only this machine reaches it.

    It is the inherited one where there is one; then host and port do not count.
    """
    if settings.listen_fd:
        return _inherited(settings)
    host, port = settings.host, settings.port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise CannotListen(f"`{host}` is not an address of this machine", fix="set `PROVISO_HOST`") from None
    _allow(str(address[0]), host, settings)
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        reason = (error.strerror or "no reason given").lower()
        raise CannotListen(
            f"cannot listen on `{host}:{port}`: {reason}",
            fix="choose another `PROVISO_PORT`, or stop what is there",
        ) from None
    listener.set_inheritable(False)
    return listener


def base_url(listener: socket.socket) -> str:
    """Return the URL of a bound address."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def drain_limit_s(settings: Settings) -> float:
    """Return how long a server may need from its signal to its end, in seconds."""
    return settings.linger_s + _SETTLE_S + _FINISH_S + _LAST_WRITES_S


def _inherited(settings: Settings) -> socket.socket:
    fix = "let `PROVISO_LISTEN_FD` name an inherited TCP socket, or unset it"
    try:
        listener = socket.socket(fileno=settings.listen_fd)
    except OSError:
        raise CannotListen(f"file descriptor {settings.listen_fd} is no socket", fix=fix) from None
    if listener.family not in (socket.AF_INET, socket.AF_INET6) or listener.type != socket.SOCK_STREAM:
        listener.detach()  # it is not ours to close
        raise CannotListen(f"file descriptor {settings.listen_fd} is no TCP socket", fix=fix)
    host = str(listener.getsockname()[0])
    try:
        _allow(host, host, settings)
    except GateClosed:
        listener.detach()
        raise
    listener.set_inheritable(False)
    return listener


def _allow(address: str, host: str, settings: Settings) -> None:
    if settings.environment is Environment.DEV and not _loopback(address):
        raise GateClosed(
            f"`dev` serves unapproved answers, so it may not listen on `{host}`",
            fix="set `PROVISO_HOST=127.0.0.1`, or `PROVISO_ENV=pilot` with approved releases",
        )


def _loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def log_to_stderr(*, on: bool) -> None:
    """Send the gateway's lines of JSON to stderr; without `on` only faults are written."""
    logger = logging.getLogger("proviso")
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
        logger.propagate = False
    logger.setLevel(logging.INFO if on else logging.ERROR)
    # What uvicorn says of broken requests is about clients; what breaks here the gateway has said already.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING if on else logging.CRITICAL)
