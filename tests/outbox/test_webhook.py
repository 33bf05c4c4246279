"""Webhooks: what is sent, how it is signed, and what is made of receivers that behave badly."""

import base64
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest

from proviso.outbox import DELIVERED, FAILED, GONE, InvalidDestination, Receipt, Webhook
from proviso.outbox.post import Limits
from proviso.outbox.signature import sign, signing_key
from proviso.outbox.webhook import WebhookTransport, retry_after_s
from tests.outbox.certificates import make_certificate
from tests.outbox.made import NOW, SECRET, Clock, message
from tests.outbox.receivers import HttpReceiver, answered, http_receiver

PAGE = Path(__file__).parents[2] / "docs" / "notifications.md"
OTHER = "whsec_" + base64.b64encode(b"another secret of 32 bytes, here").decode()
SLOW, QUICK = Limits(connect_s=60, total_s=60), Limits(connect_s=60, total_s=0.3)


@pytest.fixture
async def receiver() -> AsyncIterator[HttpReceiver]:
    async with http_receiver() as opened:
        yield opened


async def sent(url: str, *secrets: str, limits: Limits = SLOW) -> Receipt:
    """Send a message to a URL, and return the receipt."""
    environ = {f"KEY{n}": secret for n, secret in enumerate(secrets or (SECRET,))}
    webhook = Webhook("ops", ("*",), url, tuple(environ))
    return await WebhookTransport(webhook, environ, Clock(), limits).send(message())


def test_a_signature_is_the_one_of_standard_webhooks_own_example() -> None:
    # https://github.com/standard-webhooks/standard-webhooks: the vector that its libraries are tested with
    key = signing_key(SECRET, "KEY")
    signed = sign([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def documented_check() -> Callable[..., bool]:
    """Return the function of the docs that checks a signature."""
    (code,) = re.findall(r"```python\n(.+?)```", PAGE.read_text(), re.S)
    names: dict[str, Callable[..., bool]] = {}
    exec(code, names)
    return names["is_genuine"]


@pytest.mark.parametrize("secret", [SECRET, OTHER])
async def test_the_documented_check_takes_what_is_sent_with_either_secret_of_a_rotation(
    receiver: HttpReceiver, secret: str
) -> None:
    await sent(receiver.url, SECRET, OTHER)
    (posted,) = receiver.posted
    assert documented_check()(secret, posted.headers, posted.body, now=NOW / 1e6)


@pytest.mark.parametrize("change", ["secret", "body", "id", "time"])
async def test_the_documented_check_refuses_what_was_changed_or_is_old(
    receiver: HttpReceiver, change: str
) -> None:
    await sent(receiver.url)
    (posted,) = receiver.posted
    headers = posted.headers | ({"webhook-id": "other"} if change == "id" else {})
    body = posted.body + (b" " if change == "body" else b"")
    late = 400 if change == "time" else 0
    key = OTHER if change == "secret" else SECRET
    assert not documented_check()(key, headers, body, now=NOW / 1e6 + late)


async def test_a_post_has_the_body_as_it_was_written_and_says_what_it_is(receiver: HttpReceiver) -> None:
    await sent(receiver.url)
    (posted,) = receiver.posted
    assert (posted.target, posted.body) == ("/in?from=proviso", message().body)
    assert posted.headers["content-type"] == "application/json"
    assert posted.headers["webhook-timestamp"] == str(NOW // 1_000_000)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (answered(500), "it answered 500"),
        (answered(404), "it answered 404"),
        (answered(302, "location: http://127.0.0.1:1/"), "it answered 302: redirects are not followed"),
        (b"\x00\xff garbage \r\n\r\n", "what it answered is not HTTP"),
        (b"HTTP/1.1 101 So\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n", "it changed the protocol"),
        (b"HTTP/1.1 200 So\r\n", "it closed the connection without an answer"),
        (b"", "it closed the connection without an answer"),
        (b"HTTP/1.1 200 So\r\n" + b"a: b\r\n" * 20_000, "the head of its answer is longer than 64 KB"),
    ],
)
async def test_a_receiver_that_behaves_badly_has_failed(
    receiver: HttpReceiver, answer: bytes, reason: str
) -> None:
    receiver.answer = answer
    assert await sent(receiver.url) == Receipt(FAILED, reason)
    assert len(receiver.posted) == 1


async def test_an_interim_answer_is_not_the_answer(receiver: HttpReceiver) -> None:
    receiver.answer = b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\n" + answered(500)
    assert (await sent(receiver.url)).reason == "it answered 500"


async def test_a_receiver_that_hangs_or_drips_has_failed_in_time(receiver: HttpReceiver) -> None:
    receiver.drips = True
    assert (await sent(receiver.url, limits=QUICK)).reason == "it did not answer within 0.3 s"
    receiver.hangs = True
    assert (await sent(receiver.url, limits=QUICK)).reason == "it did not answer within 0.3 s"


async def test_a_receiver_that_is_not_there_has_failed() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        receipt = await sent(f"http://127.0.0.1:{taken.getsockname()[1]}/")
    assert (receipt.verdict, "cannot be reached" in receipt.reason) == (FAILED, True)


async def test_a_receiver_that_speaks_no_tls_has_failed(receiver: HttpReceiver) -> None:
    receipt = await sent(receiver.url.replace("http:", "https:"), limits=QUICK)
    assert (receipt.verdict, receiver.posted) == (FAILED, [])


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_receiver_is_told_only_if_its_certificate_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    certificate, key = make_certificate(tmp_path)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    async with http_receiver(tls) as receiver:
        receipt = await sent(receiver.url)
    assert (receipt.verdict == DELIVERED, len(receiver.posted)) == (trusted, int(trusted))
    assert trusted or "certificate" in receipt.reason


async def test_410_means_never_again(receiver: HttpReceiver) -> None:
    receiver.answer = answered(410)
    assert (await sent(receiver.url)).verdict == GONE


@pytest.mark.parametrize(("status", "wait_s"), [(429, 120), (503, 120), (500, 0)])
async def test_a_receiver_that_asks_for_time_gets_it(
    receiver: HttpReceiver, status: int, wait_s: int
) -> None:
    receiver.answer = answered(status, "retry-after: 120")
    assert (await sent(receiver.url)).wait_s == wait_s


@pytest.mark.parametrize(
    ("value", "wait_s"),
    [
        ("120", 120),
        ("9" * 5000, 86_400),
        (format_datetime(datetime.fromtimestamp(NOW / 1e6 + 90, UTC), usegmt=True), 90),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("soon", 0),
        ("-5", 0),
        ("²", 0),
        ("", 0),
    ],
)
def test_a_retry_after_is_seconds_or_a_date_and_at_most_a_day(value: str, wait_s: int) -> None:
    assert retry_after_s(value, NOW) == wait_s


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/in",
        "http://10.0.0.5/in",
        "ftp://example.com/",
        "https://user:secret@example.com/",
        "https://example.com/a b",
        "https://example.com/\r\nx: y",
        "https://example.com:99999/",
        "https:///in",
        "https://[::1/",
        "https://exämple.com/",
        "",
    ],
)
def test_a_url_that_is_not_to_be_used_is_refused_at_once(url: str) -> None:
    with pytest.raises(InvalidDestination):
        WebhookTransport(Webhook("ops", ("*",), url, ("KEY",)), {"KEY": SECRET}, Clock())


@pytest.mark.parametrize("url", ["https://10.0.0.5/in", "http://[::1]:80/", "http://localhost/in"])
def test_private_addresses_may_be_used_and_this_machine_without_tls(url: str) -> None:
    WebhookTransport(Webhook("ops", ("*",), url, ("KEY",)), {"KEY": SECRET}, Clock())


@pytest.mark.parametrize("secret", ["", "hunter2", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%", SECRET[6:]])
def test_a_secret_that_is_none_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(InvalidDestination, match="`KEY`") as refused:
        WebhookTransport(Webhook("ops", ("*",), "https://a.example/", ("KEY",)), {"KEY": secret}, Clock())
    assert not secret or secret == "whsec_" or secret not in str(refused.value)
