"""Each transport is opened by its name, over TLS too, and no library is loaded before."""

import datetime as dt
import ipaddress
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from proviso.aws import HttpRequest, Patience, Transport, TransportFailed, open_transport
from proviso.aws.opening import Kind
from proviso.errors import NotReady
from tests.aws.raw_server import PLAIN, RawServer, Visit

LONG = Patience(connect=20.0, head=30.0, idle=30.0)
KINDS: tuple[Kind, ...] = ("lean", "aiohttp", "botocore")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of its own for this machine."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest_asyncio.fixture
async def server(certificate: Path) -> AsyncIterator[RawServer]:
    """A polite server behind TLS."""

    async def behave(visit: Visit) -> None:
        while True:
            await visit.request()
            await visit.say(PLAIN)

    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    server = RawServer(behave)
    await server.start(tls)
    yield server
    await server.stop()


async def ask(transport: Transport, server: RawServer) -> bytes:
    async with transport.send(HttpRequest("POST", server.origin, "/", {}, b"{}"), LONG) as response:
        return await response.read()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_transport_over_tls_keeps_its_connection_and_sees_when_it_was_closed(
    kind: Kind, server: RawServer, certificate: Path
) -> None:
    transport = open_transport(kind, authorities=certificate)
    assert [await ask(transport, server) for _ in range(3)] == [b"hello"] * 3
    assert len(server.visits) == 1
    server.visits[0].hang_up()
    assert await ask(transport, server) == b"hello"
    await transport.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_much_is_carried_over_tls_in_either_direction(
    kind: Kind, server: RawServer, certificate: Path
) -> None:
    async def behave(visit: Visit) -> None:
        _, body = await visit.request()
        await visit.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    server.behaviour = behave
    transport = open_transport(kind, authorities=certificate)
    body = bytes(range(256)) * 20_000
    async with transport.send(HttpRequest("POST", server.origin, "/", {}, body), LONG) as response:
        assert b"".join([piece async for piece in response.chunks()]) == body
    await transport.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_certificate_that_nobody_vouches_for_is_refused(kind: Kind, server: RawServer) -> None:
    transport = open_transport(kind)
    with pytest.raises(TransportFailed, match=r"(?i)certificate") as refused:
        await ask(transport, server)
    assert not refused.value.sent
    await transport.close()


@pytest.mark.parametrize(("kind", "module"), [("aiohttp", "http"), ("botocore", "botocore_transport")])
def test_without_the_library_its_extra_is_named(
    kind: Kind, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, f"proviso.aws.{module}", raising=False)
    for name in [name for name in sys.modules if name.split(".")[0] == kind]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, kind, None)
    with pytest.raises(NotReady, match=rf"needs {kind}.*proviso\[bedrock\]"):
        open_transport(kind)


def test_importing_the_room_loads_neither_library() -> None:
    code = (
        "import sys, proviso.aws; print([n for n in ('aiohttp', 'botocore', 'urllib3') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
