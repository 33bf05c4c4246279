"""What the way to AWS costs: a signature, a stream of 104 events decoded, a request carried; ours beside botocore's.

All figures are CPU of this process in µs, the least of several rounds in which all take turns. The server is another
process that answers a request of 2 KB with 1.5 KB, or with 104 events in as many chunks. `session` is aiohttp's
client session by itself, the least that a transport over it can cost.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import time
from binascii import crc32
from collections.abc import Awaitable, Callable
from functools import partial
from multiprocessing.connection import Connection
from struct import pack
from typing import cast

import aiohttp
import uvloop
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.eventstream import EventStreamBuffer
from yarl import URL

from proviso.aws import EventStream, HttpRequest, Keys, Patience, Signer, Transport, open_transport

REGION = "eu-central-1"
ORIGIN = f"https://bedrock-runtime.{REGION}.amazonaws.com"
PATH = "/model/eu.anthropic.claude-3-haiku-20240307-v1%3A0/converse"
HEADERS = {"Content-Type": "application/json", "Accept": "application/json", "X-Request": "0123456789abcdef"}
BODY = os.urandom(2048)
TOKEN = "FwoGZXIvYXdzE" * 40
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1500\r\n\r\n" + b"x" * 1500
PATIENCE = Patience()


def frame(name: str, payload: bytes) -> bytes:
    """Return an event of Converse as it is on the wire."""
    block = b"".join(
        bytes([len(key)]) + key + b"\7" + pack("!H", len(value)) + value
        for key, value in (
            (b":event-type", name.encode()),
            (b":content-type", b"application/json"),
            (b":message-type", b"event"),
        )
    )
    prelude = pack("!II", 16 + len(block) + len(payload), len(block))
    covered = prelude + pack("!I", crc32(prelude)) + block + payload
    return covered + pack("!I", crc32(covered))


DELTA = b'{"contentBlockIndex":0,"delta":{"text":" some words"},"p":"abcdefghijklmnop"}'
FRAMES = [
    frame("messageStart", b'{"role":"assistant"}'),
    *(frame("contentBlockDelta", DELTA) for _ in range(100)),
    frame("contentBlockStop", b'{"contentBlockIndex":0}'),
    frame("messageStop", b'{"stopReason":"end_turn"}'),
    frame("metadata", b'{"usage":{"inputTokens":500,"outputTokens":200,"totalTokens":700}}'),
]
STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(
    b"%x\r\n%s\r\n" % (len(data), data) for data in [*FRAMES, b""]
)


class Answering(asyncio.Protocol):
    """Answers every request whose bytes have all come."""

    transport: asyncio.Transport
    data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where answers go."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer, once the body is there."""
        self.data += data
        head, found, body = self.data.partition(b"\r\n\r\n")
        if found and len(body) >= len(BODY):
            self.data = b""
            self.transport.write(STREAM if b"/stream " in head else ANSWER)


def serve(said: Connection) -> None:
    """Serve until killed; tell the port."""

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
        said.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(run())


def least(rounds: int, times: int, **works: Callable[[], object]) -> dict[str, float]:
    """Return the least µs of each piece of work."""
    figures = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            begun = time.process_time()
            for _ in range(times):
                work()
            figures[name] = min(figures[name], (time.process_time() - begun) / times * 1e6)
    return {name: round(figure, 1) for name, figure in figures.items()}


def signing(rounds: int) -> dict[str, float]:
    """Sign a request with a session token."""
    signer, keys, theirs = Signer(), Keys("AKIA", "secret", TOKEN), Credentials("AKIA", "secret", TOKEN)
    request = HttpRequest("POST", ORIGIN, PATH, HEADERS, BODY)

    def ours() -> object:
        return signer.sign(request, keys, region=REGION, service="bedrock", now=time.time())

    def botocore() -> None:
        SigV4Auth(theirs, "bedrock", REGION).add_auth(AWSRequest("POST", ORIGIN + PATH, dict(HEADERS), BODY))

    return least(rounds, 1000, ours=ours, botocore=botocore)


def decoding(rounds: int) -> dict[str, float]:
    """Decode a stream: in one piece, and frame by frame as it comes."""

    def ours(pieces: list[bytes]) -> None:
        stream = EventStream()
        assert sum(len(stream.feed(piece)) for piece in pieces) == len(FRAMES)
        stream.close()

    def botocore(pieces: list[bytes]) -> None:
        buffer, count = EventStreamBuffer(), 0
        for piece in pieces:
            buffer.add_data(piece)
            count += sum(1 for _ in buffer)
        assert count == len(FRAMES)

    whole = [b"".join(FRAMES)]
    return least(
        rounds,
        100,
        ours=lambda: ours(FRAMES),
        ours_in_one_piece=lambda: ours(whole),
        botocore=lambda: botocore(FRAMES),
        botocore_in_one_piece=lambda: botocore(whole),
    )


async def carried(transport: Transport, request: HttpRequest) -> None:
    """Carry one request, and read its answer as it comes."""
    async with transport.send(request, PATIENCE) as response:
        async for _ in response.chunks():
            pass


async def by_session(session: aiohttp.ClientSession, url: URL) -> None:
    """Do the same with aiohttp alone."""
    async with session.post(url, data=BODY, headers=HEADERS, allow_redirects=False) as response:
        while await response.content.readany():
            pass


async def in_turns(
    works: dict[str, Callable[[], Awaitable[None]]], rounds: int, at_once: int
) -> dict[str, float]:
    """Return the least µs of CPU per request of each, with so many under way."""
    each = 320 // at_once
    figures = dict.fromkeys(works, float("inf"))

    async def client(work: Callable[[], Awaitable[None]]) -> None:
        for _ in range(each):
            await work()

    for _ in range(rounds):
        for name, work in works.items():
            begun = time.process_time()
            await asyncio.gather(*(client(work) for _ in range(at_once)))
            figures[name] = min(figures[name], (time.process_time() - begun) / (each * at_once) * 1e6)
    return {name: round(figure) for name, figure in figures.items()}


async def carrying(port: int, rounds: int) -> dict[str, dict[str, float]]:
    """Measure requests and streams."""
    origin = f"http://127.0.0.1:{port}"
    ours, through = open_transport("lean"), open_transport("aiohttp")
    theirs = open_transport("botocore", connections=16)
    figures = {}
    async with aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as session:
        for path, kind in ((PATH, "post"), ("/stream", "stream_of_104")):
            request = HttpRequest("POST", origin, path, HEADERS, BODY)
            url = URL(origin + path, encoded=True)
            works: dict[str, Callable[[], Awaitable[None]]] = {
                "session": partial(by_session, session, url),
                "lean": partial(carried, ours, request),
                "aiohttp": partial(carried, through, request),
                "botocore": partial(carried, theirs, request),
            }
            for at_once in (1, 16):
                figures[f"{kind}_x{at_once}"] = await in_turns(works, rounds, at_once)
    await ours.close()
    await through.close()
    await theirs.close()
    return figures


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    spawning = multiprocessing.get_context("spawn")
    listening, said = spawning.Pipe(duplex=False)
    server = spawning.Process(target=serve, args=(said,), daemon=True)
    server.start()
    figures: dict[str, object] = {"sign": signing(rounds), "decode": decoding(rounds)}
    try:
        figures |= uvloop.run(carrying(listening.recv(), rounds))
    finally:
        server.terminate()
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
