"""A provider's keys: rotated, out of reach, hostile; and fetched no more often than need be."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec.structs import replace

from proviso.access import IdentityUnavailable, TokenRefused
from proviso.access.discovery import fetch_keys
from proviso.errors import Unavailable
from proviso.text import address
from tests.access.identity import Door, settings_of
from tests.access.provider import (
    LoopbackProvider,
    down,
    drips,
    elliptic,
    elsewhere,
    empty,
    garbage,
    hangs_up,
    huge,
)
from tests.waiting import PATIENCE_S

DISCOVERED = ["/.well-known/openid-configuration", "/jwks"]
DAY = 86_400
LONG_S = 20.0  # what is cut off after 0.3 s of it goes on for ever otherwise


@pytest.fixture
def provider() -> Iterator[LoopbackProvider]:
    with LoopbackProvider() as running:
        yield running


@pytest.fixture
def door(provider: LoopbackProvider) -> Door:
    key = elliptic("first")
    provider.keys = [key.public]
    return Door(provider, key)


def rotate(door: Door, *, keep: bool = True) -> None:
    """Have the provider sign by a new key, published beside the old one or in its place."""
    door.key = elliptic(f"{door.key.kid}+")
    door.provider.keys = [*(door.provider.keys if keep else []), door.key.public]


async def settled(door: Door) -> None:
    """Let a fetch in the background come to its end."""
    while door.keys._task is not None:
        await asyncio.wait({door.keys._task})


async def test_keys_are_fetched_once_for_many_tokens(door: Door) -> None:
    for user in "abc":
        await door.tokens.verify(door.token(sub=user))
    assert door.provider.asked == DISCOVERED


async def test_an_address_of_keys_that_is_given_needs_no_discovery(door: Door) -> None:
    given = door.with_settings(jwks_url=door.provider.keys_url)
    await given.tokens.verify(given.token())
    assert door.provider.asked == ["/jwks"]


async def test_concurrent_tokens_share_one_fetch(door: Door) -> None:
    principals = await asyncio.gather(*(door.tokens.verify(door.token(sub=f"u{n}")) for n in range(40)))
    assert len({principal.user for principal in principals}) == 40
    assert door.provider.asked == DISCOVERED


async def test_a_caller_that_gives_up_does_not_end_the_fetch_for_others(door: Door) -> None:
    gone, waits = (asyncio.create_task(door.tokens.verify(door.token(sub=user))) for user in "ab")
    await asyncio.sleep(0)
    gone.cancel()
    assert (await waits).user == "b"
    assert door.provider.asked == DISCOVERED


async def test_a_key_that_is_new_is_found_when_its_first_token_comes(door: Door) -> None:
    await door.tokens.verify(door.token())
    rotate(door)
    door.clock.wait(30)
    assert (await door.tokens.verify(door.token())).user == "dana"


async def test_unknown_keys_are_asked_for_twice_a_minute_at_most(door: Door) -> None:
    stranger = elliptic("stranger")
    for _ in range(60):
        with pytest.raises(TokenRefused):
            await door.tokens.verify(stranger.sign(door.claims()))
        door.clock.wait(1)
    assert door.provider.asked.count("/jwks") == 2


async def test_keys_that_age_are_fetched_behind_the_callers_back(door: Door) -> None:
    await door.tokens.verify(door.token())
    rotate(door, keep=False)
    door.clock.wait(601)
    old = elliptic("first")
    with pytest.raises(TokenRefused, match="not valid"):
        await door.tokens.verify(old.sign(door.claims()))
    await settled(door)
    assert door.provider.asked.count("/jwks") == 2
    assert (await door.tokens.verify(door.token())).user == "dana"


async def test_a_key_that_was_withdrawn_long_ago_verifies_nothing(door: Door) -> None:
    withdrawn = door.key
    await door.tokens.verify(door.token())
    rotate(door, keep=False)
    door.clock.wait(1_201)
    with pytest.raises(TokenRefused) as caught:
        await door.tokens.verify(withdrawn.sign(door.claims()))
    assert caught.value.cause == "key"


@pytest.mark.parametrize("trouble", [down, garbage, huge, empty, hangs_up])
async def test_known_keys_go_on_for_a_day_while_the_provider_is_out_of_order(
    door: Door, trouble: Callable[[BaseHTTPRequestHandler], bool]
) -> None:
    await door.tokens.verify(door.token())
    door.provider.answer = trouble
    for hours in (1, 22):
        door.clock.wait(hours * 3_600)
        assert (await door.tokens.verify(door.token())).user == "dana"
        await settled(door)
    door.clock.wait(3_601)
    with pytest.raises(IdentityUnavailable):
        await door.tokens.verify(door.token())


async def test_an_unknown_key_fails_closed_while_the_provider_is_down(door: Door) -> None:
    await door.tokens.verify(door.token())
    door.provider.answer = down
    door.clock.wait(31)
    with pytest.raises(IdentityUnavailable, match="does not answer; try again") as caught:
        await door.tokens.verify(elliptic("new").sign(door.claims()))
    assert isinstance(caught.value, Unavailable)
    assert (await door.tokens.verify(door.token())).user == "dana"


async def test_a_provider_that_is_back_is_heard_within_half_a_minute(door: Door) -> None:
    door.provider.answer = down
    with pytest.raises(IdentityUnavailable):
        await door.tokens.verify(door.token())
    door.provider.answer = lambda _: False
    with pytest.raises(IdentityUnavailable):
        await door.tokens.verify(door.token())
    door.clock.wait(30)
    assert (await door.tokens.verify(door.token())).user == "dana"


async def test_closing_ends_a_fetch_that_is_under_way(door: Door) -> None:
    waits = asyncio.create_task(door.tokens.verify(door.token()))
    await asyncio.sleep(0)
    await door.keys.close()
    with pytest.raises(IdentityUnavailable):
        await waits


# --- what a provider may say ----------------------------------------------------------------------


def why(provider: LoopbackProvider, timeout_s: float = PATIENCE_S) -> str:
    with pytest.raises(IdentityUnavailable) as caught:
        fetch_keys(settings_of(provider), timeout_s)
    return caught.value.message


@pytest.mark.parametrize(
    ("trouble", "named"),
    [
        (down, "status 502"),
        (garbage, "no JSON"),
        (huge, "larger than"),
        (empty, "jwks_uri"),
        (hangs_up, "Remote"),
    ],
)
def test_what_is_wrong_with_a_provider_is_said(
    provider: LoopbackProvider, trouble: Callable[[BaseHTTPRequestHandler], bool], named: str
) -> None:
    provider.answer = trouble
    if trouble is empty:
        provider.keys_url = "http://169.254.169.254/keys"
        provider.answer = lambda _: False
    assert named in why(provider)


def test_a_redirect_is_not_followed(provider: LoopbackProvider) -> None:
    provider.answer = elsewhere(f"{provider.url}/jwks")
    assert "status 302" in why(provider)
    assert provider.asked == DISCOVERED[:1]


def test_discovery_of_another_issuer_is_refused(provider: LoopbackProvider) -> None:
    settings = settings_of(provider)
    provider.issuer = "https://id.example.com"
    with pytest.raises(IdentityUnavailable, match="another issuer"):
        fetch_keys(settings)


def test_a_provider_that_sends_a_byte_at_a_time_is_cut_off(provider: LoopbackProvider) -> None:
    provider.answer = drips
    begun = time.monotonic()
    assert "cannot be fetched" in why(provider, timeout_s=0.3)
    assert time.monotonic() - begun < LONG_S


def test_a_provider_that_says_nothing_is_cut_off(provider: LoopbackProvider) -> None:
    done = threading.Event()
    provider.answer = lambda _: done.wait(PATIENCE_S)
    begun = time.monotonic()
    assert "cannot be fetched" in why(provider, timeout_s=0.2)
    assert time.monotonic() - begun < LONG_S
    done.set()


def test_nobody_there_is_out_of_reach(provider: LoopbackProvider) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/jwks"
        with pytest.raises(IdentityUnavailable, match=r"ConnectionRefused|URLError"):
            fetch_keys(replace(settings_of(provider), jwks_url=url))


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example.com/keys", "file:///etc/passwd", "ftp://id.example.com/keys", "https://", "//host/keys",
        "https://user:secret@host/keys", "https://host/a b", "https://host/\n", "https://host:99999/", "https://[::",
        "http://127.0.0.1.example.com/", "http://localhost.example.com/", "https://hőst/", "",
    ],
)  # fmt: skip
def test_other_addresses_are_not_fetched(url: str) -> None:
    assert address(url) is None


def test_only_a_provider_on_this_machine_may_send_us_to_this_machine() -> None:
    assert address("http://[::1]:8080/keys") is not None
    assert address("https://id.example.com/keys", loopback=False) is not None
    assert address("http://127.0.0.1:8080/keys", loopback=False) is None


# --- under TLS ------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of 127.0.0.1 that it has signed itself, with its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "tls.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(made.public_bytes(Encoding.PEM) + secret)
    return path


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Path) -> None:
    with LoopbackProvider(elliptic("k"), certificate=certificate) as provider:
        assert "cannot be fetched" in why(provider)
        assert provider.asked == []


def test_a_private_authority_is_trusted_where_the_machine_says_so(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with LoopbackProvider(elliptic("k"), certificate=certificate) as provider:
        assert [key["kid"] for key in fetch_keys(settings_of(provider))] == ["k"]
        provider.answer = drips
        begun = time.monotonic()
        assert "cannot be fetched" in why(provider, timeout_s=0.3)
        assert time.monotonic() - begun < LONG_S


def test_a_handshake_that_never_ends_is_cut_off(provider: LoopbackProvider) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=drip_a_handshake, args=(listener,), daemon=True).start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/jwks"
        begun = time.monotonic()
        with pytest.raises(IdentityUnavailable, match="cannot be fetched"):
            fetch_keys(replace(settings_of(provider), jwks_url=url), 0.3)
        assert 0.25 < time.monotonic() - begun < LONG_S


def drip_a_handshake(listener: socket.socket) -> None:
    """Announce a TLS record of 16 kB and send it a byte at a time."""
    client, _ = listener.accept()
    with client, suppress(OSError):
        client.sendall(bytes.fromhex("1603034000"))
        while True:
            client.sendall(b"\2")
            time.sleep(0.05)
