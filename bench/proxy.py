"""The yardstick: the smallest possible Python proxy (uvicorn + the aiohttp client) and the upstream behind it."""

import asyncio
import sys
from typing import Any

import aiohttp
import uvicorn

_BODY = b'{"choices":[{"message":{"role":"assistant","content":"' + b"x" * 800 + b'"}}]}'
_REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
    len(_BODY),
    _BODY,
)


class Upstream(asyncio.Protocol):
    """Answers every request with the same 800 characters."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        """Reply once the whole body is there."""
        self._buffer += data
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        if mark and len(body) >= _length(head):
            self._buffer = b""
            self._transport.write(_REPLY)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


class Proxy:
    """Passes a body on and the reply back; nothing else."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one ASGI request."""
        if scope["type"] != "http":
            return
        self._session = self._session or aiohttp.ClientSession()
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        async with self._session.post(self._upstream, data=body) as reply:
            content = await reply.read()
            await send(
                {
                    "type": "http.response.start",
                    "status": reply.status,
                    "headers": [(b"content-length", b"%d" % len(content))],
                }
            )
            await send({"type": "http.response.body", "body": content})


async def _serve_upstream(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


def main() -> None:
    """`proxy.py upstream PORT` or `proxy.py proxy PORT UPSTREAM_PORT`."""
    kind, port = sys.argv[1], int(sys.argv[2])
    if kind == "upstream":
        asyncio.run(_serve_upstream(port))
        return
    proxy = Proxy(f"http://127.0.0.1:{sys.argv[3]}/")
    uvicorn.run(
        proxy,
        host="127.0.0.1",
        port=port,
        log_level="error",
        access_log=False,
        lifespan="off",
        loop="uvloop",
        http="httptools",
    )


if __name__ == "__main__":
    main()
