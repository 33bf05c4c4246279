"""One suite for everything that sends: memory, a real HTTP server, a real mail server."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import pytest

from proviso.outbox import DELIVERED, FAILED, Email, MemoryTransport, Message, Receipt, Transport, Webhook
from proviso.outbox.mail import MailTransport
from proviso.outbox.webhook import WebhookTransport
from tests.outbox.made import SECRET, Clock, message
from tests.outbox.receivers import answered, http_receiver, mail_receiver

# What apprise reads pictures with, of which there are none here.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

TO = "dana@example.com"


class Bench(Protocol):
    """A transport, and the other end of it."""

    @property
    def transport(self) -> Transport: ...

    def refuse(self) -> None: ...

    def hang(self) -> None: ...

    def received(self) -> list[str]: ...


class Memory:
    def __init__(self) -> None:
        self.transport = MemoryTransport()

    def refuse(self) -> None:
        self.transport.answers.append(Receipt(FAILED, "it answered 500"))

    def hang(self) -> None:
        self.transport.open.clear()

    def received(self) -> list[str]:
        return [got.id for got in self.transport.received]


@contextlib.asynccontextmanager
async def memory() -> AsyncIterator[Bench]:
    yield Memory()


@contextlib.asynccontextmanager
async def http() -> AsyncIterator[Bench]:
    async with http_receiver() as receiver:

        class Http:
            transport = WebhookTransport(
                Webhook("ops", ("*",), receiver.url, ("KEY",)), {"KEY": SECRET}, Clock()
            )

            def refuse(self) -> None:
                receiver.answer = answered(500)

            def hang(self) -> None:
                receiver.hangs = True

            def received(self) -> list[str]:
                return [got.headers["webhook-id"] for got in receiver.posted]

        yield Http()


@contextlib.asynccontextmanager
async def smtp() -> AsyncIterator[Bench]:
    async with mail_receiver() as receiver:

        class Smtp:
            transport = MailTransport(Email("ops", ("*",), "MAIL", (TO,)), {"MAIL": receiver.url}, step_s=30)

            def refuse(self) -> None:
                receiver.refuses.add(TO)

            def hang(self) -> None:
                receiver.hangs = True

            def received(self) -> list[str]:
                return [mail["X-Proviso-Message"] for _, mail in receiver.mails]

        yield Smtp()


@pytest.fixture(params=[memory, http, smtp], ids=lambda make: make.__name__)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    make: Callable[[], contextlib.AbstractAsyncContextManager[Bench]] = request.param
    async with make() as made:
        yield made


def to_dana(number: int = 1) -> Message:
    """A message that each of the transports can send."""
    sample = message(number)
    return Message(sample.id, "ops", TO, sample.topic, sample.title, sample.text, sample.body)


async def test_a_message_arrives_with_its_id(bench: Bench) -> None:
    assert await bench.transport.send(to_dana()) == Receipt(DELIVERED)
    assert bench.received() == [to_dana().id]


async def test_a_message_that_is_sent_again_has_the_same_id(bench: Bench) -> None:
    await bench.transport.send(to_dana())
    await bench.transport.send(to_dana())
    assert bench.received() == [to_dana().id] * 2


async def test_a_refusal_is_a_failure_with_a_reason_in_words(bench: Bench) -> None:
    bench.refuse()
    receipt = await bench.transport.send(to_dana())
    assert (receipt.verdict, bool(receipt.reason)) == (FAILED, True)


async def test_several_messages_may_be_under_way(bench: Bench) -> None:
    receipts = await asyncio.gather(*(bench.transport.send(to_dana(n)) for n in range(4)))
    assert receipts == [Receipt(DELIVERED)] * 4
    assert sorted(bench.received()) == [to_dana(n).id for n in range(4)]


async def test_giving_up_on_a_receiver_that_hangs_takes_effect_at_once(bench: Bench) -> None:
    bench.hang()
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await bench.transport.send(to_dana())
    assert time.monotonic() - begun < 5  # each waits for its receiver for 10 s or more
