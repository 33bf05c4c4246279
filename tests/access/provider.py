"""An OpenID provider on loopback: real HTTP, real keys, and every way in which a provider can misbehave."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

START = 1_767_225_600 * 1_000_000
SECOND = 1_000_000

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | Ed25519PrivateKey


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)


class SigningKey:
    """A key of a provider, with what it publishes of it."""

    def __init__(self, kid: str, algorithm: str, private: PrivateKey) -> None:
        self.kid = kid
        self.algorithm = algorithm
        self.private = private
        kinds: Mapping[str, type[jwt.algorithms.Algorithm]] = {
            "R": jwt.algorithms.RSAAlgorithm,
            "P": jwt.algorithms.RSAAlgorithm,
            "E": jwt.algorithms.ECAlgorithm,
        }
        kind = jwt.algorithms.OKPAlgorithm if algorithm == "EdDSA" else kinds[algorithm[0]]
        public = kind.to_jwk(private.public_key(), as_dict=True)
        public.pop("key_ops", None)
        self.public: dict[str, object] = {**public, "kid": kid, "use": "sig", "alg": algorithm}

    def sign(self, claims: Mapping[str, object], headers: Mapping[str, object] | None = None) -> str:
        named = {"kid": self.kid, **(headers or {})}
        return jwt.encode(dict(claims), self.private, algorithm=self.algorithm, headers=named)


def elliptic(kid: str) -> SigningKey:
    return SigningKey(kid, "ES256", ec.generate_private_key(ec.SECP256R1()))


class QuietServer(ThreadingHTTPServer):
    """A server that does not print what clients do to it."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Let a client go that hung up."""


class LoopbackProvider:
    """Serves discovery and keys. Change `keys`, `issuer` or `answer` while it runs; `asked` are the paths it saw."""

    def __init__(self, *keys: SigningKey, certificate: Path | None = None) -> None:
        self.keys = [key.public for key in keys]
        self.asked: list[str] = []
        self.answer: Callable[[BaseHTTPRequestHandler], bool] = lambda _: False
        self._server = QuietServer(("127.0.0.1", 0), self._handler())
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}"
        self.issuer = self.url
        self.keys_url = f"{self.url}/jwks"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def document(self, path: str) -> object:
        if path == "/jwks":
            return {"keys": self.keys}
        return {"issuer": self.issuer, "jwks_uri": self.keys_url}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                if not provider.answer(self):
                    reply(self, json.dumps(provider.document(self.path)).encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
                """Say nothing: the tests look at `asked`."""

        return Handler


def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> bool:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)
    return True


def down(handler: BaseHTTPRequestHandler) -> bool:
    return reply(handler, b"out of order", 502)


def garbage(handler: BaseHTTPRequestHandler) -> bool:
    return reply(handler, b"<html>Sign in</html>")


def huge(handler: BaseHTTPRequestHandler) -> bool:
    return reply(handler, b'{"keys": [' + b" " * 300_000 + b"]}")


def empty(handler: BaseHTTPRequestHandler) -> bool:
    return reply(handler, b'{"keys": []}')


def hangs_up(handler: BaseHTTPRequestHandler) -> bool:
    handler.close_connection = True
    return True


def drips(handler: BaseHTTPRequestHandler) -> bool:
    """Send a byte now and then for ever: no single read ever waits long."""
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" ")
            time.sleep(0.05)
    except OSError:  # the client has had enough
        return True


def elsewhere(url: str) -> Callable[[BaseHTTPRequestHandler], bool]:
    return lambda handler: reply(handler, b"", 302, Location=url)
