"""The line between a supervisor and a worker: a pair of sockets. Its end is the end of the other side."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Sequence

from proviso.gateway.server import Server

READY = b"ready"  # from a worker, followed by the names of its apps
DRAINING = b"draining"  # from a worker that was told to end, by whomever
DRAIN = b"drain\n"  # to a worker: others go on serving the socket
STOP = b"stop\n"  # to a worker: all end; so is the end of the line, when the supervisor has died
NOW = b"now\n"  # to a worker: what is under way is not waited for


class Line:
    """A worker's end of the line."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.set_inheritable(False)
        self._socket.settimeout(0)
        self._linger_s = 0
        # A hang-up is for the supervisor, which renews the workers one by one; a terminal sends it to all.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def follow(self, server: Server, apps: Sequence[str]) -> None:
        """Say that the server is ready, and let the supervisor end it. Called in the server's loop."""
        # A worker that leaves alone does not linger: `/readyz` would speak for the others, who go on.
        self._linger_s, server.linger_s = server.linger_s, 0
        server.on_drain = lambda: self._say(DRAINING)
        asyncio.get_running_loop().add_reader(self._socket, self._hear, server)
        self._say(READY + b" " + ", ".join(apps).encode())

    def _hear(self, server: Server) -> None:
        try:
            said = self._socket.recv(64)
        except ConnectionError:
            said = b""
        if not said:  # the supervisor has died, or the end would be heard again and again
            asyncio.get_running_loop().remove_reader(self._socket)
        if not said or STOP in said:
            server.linger_s = self._linger_s
        server.force_exit = server.force_exit or NOW in said
        server.should_exit = True

    def _say(self, word: bytes) -> None:
        with contextlib.suppress(OSError):  # nobody is there to hear: the end of the line ends this worker
            self._socket.send(word + b"\n")
