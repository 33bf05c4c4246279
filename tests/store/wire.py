"""A wire to a server that can be cut: before a request arrives, before its answer does, or with both held up."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

Fault = Literal["", "request", "answer", "hold"]


class Wire:
    """Passes bytes on, until it is told not to. Each fault meets the next bytes of its kind, once."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = parts.hostname, parts.port
        self._listening = socket.create_server(("127.0.0.1", 0))
        port = self._listening.getsockname()[1]
        self.url = url.replace(f":{parts.port}/", f":{port}/")
        self.fault: Fault = ""
        self.spared = 0  # so many of that kind pass before the fault
        self._held = threading.Event()
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def let_go(self) -> None:
        """Pass on what was held up."""
        self._held.set()

    def close(self) -> None:
        """End it."""
        self._held.set()
        for end in (self._listening, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                try:
                    server = socket.create_connection(self._server)
                except OSError:  # nobody is there: nor are we
                    client.close()
                    continue
                self._ends += [client, server]
                threading.Thread(target=self._pass, args=(client, server, "request"), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, "answer"), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, kind: Fault) -> None:
        with contextlib.suppress(OSError):
            while content := source.recv(65_536):
                if self.fault == kind and self.spared:
                    self.spared -= 1
                elif self.fault == kind:
                    self.fault = ""
                    break
                if self.fault == "hold" and kind == "request":
                    self.fault = ""
                    self._held.wait(60)
                target.sendall(content)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def wired(url: str) -> Iterator[Wire]:
    """Lay a wire to a database."""
    wire = Wire(url)
    try:
        yield wire
    finally:
        wire.close()
