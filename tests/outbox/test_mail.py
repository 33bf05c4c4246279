"""Mail: what arrives, and which settings are refused."""

import sys
from collections.abc import AsyncIterator

import pytest

from proviso.errors import NotReady
from proviso.outbox import DELIVERED, Email, InvalidDestination, Message, Receipt
from proviso.outbox.mail import MailTransport
from tests.outbox.receivers import MailReceiver, mail_receiver

# What apprise reads pictures with, of which there are none here.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

HOSTILE = "k1 {{ 7*7 }} <b>&amp;</b> :smile: \\n ${HOME}"


@pytest.fixture
async def receiver() -> AsyncIterator[MailReceiver]:
    async with mail_receiver() as opened:
        yield opened


def transport(url: str, *recipients: str) -> MailTransport:
    """Return a transport to a mail server."""
    email = Email("risk", ("*",), "MAIL", recipients or ("dana@example.com",))
    return MailTransport(email, {"MAIL": url}, step_s=30)


def to(address: str, text: str = "The API key k1 was revoked.") -> Message:
    """Return a message to an address."""
    return Message("0197-1", "risk", address, "key.revoked", "An API key was revoked – übel", text, b"{}")


async def test_a_mail_has_the_words_of_the_message_as_plain_text(receiver: MailReceiver) -> None:
    await transport(receiver.url).send(to("dana@example.com"))
    ((recipient, mail),) = receiver.mails
    assert (recipient, mail["To"], mail["Subject"]) == (
        "dana@example.com",
        "dana@example.com",
        "An API key was revoked – übel",
    )
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().strip() == "The API key k1 was revoked."


async def test_a_mail_says_which_message_it_is_and_that_nobody_need_answer(receiver: MailReceiver) -> None:
    await transport(receiver.url).send(to("dana@example.com"))
    ((_, mail),) = receiver.mails
    assert mail["X-Proviso-Message"] == "0197-1"
    assert mail["Auto-Submitted"] == "auto-generated"


async def test_nothing_in_a_text_is_taken_for_a_template_or_for_markup(receiver: MailReceiver) -> None:
    await transport(receiver.url).send(to("dana@example.com", HOSTILE))
    ((_, mail),) = receiver.mails
    assert mail.get_content().strip() == HOSTILE


async def test_a_recipient_who_is_refused_does_not_take_the_mail_of_another(receiver: MailReceiver) -> None:
    receiver.refuses.add("jo@example.com")
    both = transport(receiver.url, "dana@example.com", "jo@example.com")
    assert (await both.send(to("jo@example.com"))).verdict != DELIVERED
    assert await both.send(to("dana@example.com")) == Receipt(DELIVERED)


async def test_only_the_recipients_of_the_workspace_get_mail(receiver: MailReceiver) -> None:
    await transport(receiver.url + "&to=x@example.com&cc=y@example.com&bcc=z@example.com").send(
        to("dana@example.com")
    )
    assert [recipient for recipient, _ in receiver.mails] == ["dana@example.com"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "slack://a/b/c",
        "mailto://smtp.example.com?from=a@example.com",
        "mailtos://smtp.example.com?from=a@example.com&mode=insecure",
        "mailtos://",
        "smtp.example.com",
    ],
)
def test_a_server_that_is_none_or_that_does_not_encrypt_is_refused(url: str) -> None:
    with pytest.raises(InvalidDestination, match="`MAIL`"):
        transport(url)


@pytest.mark.parametrize(
    "address", ["dana", "", "a@b", "a@example.com,b@example.com", "x\r\nBcc: y@z.example"]
)
def test_a_recipient_who_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidDestination, match="is no mail address"):
        transport("mailtos://u:p@smtp.example.com?from=a@example.com", address)


def test_a_password_is_in_no_message() -> None:
    with pytest.raises(InvalidDestination) as refused:
        transport("mailto://u:hunter2@smtp.example.com?from=a@example.com")
    assert "hunter2" not in str(refused.value)


def test_without_apprise_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise.plugins.email", None)
    with pytest.raises(NotReady, match=r"proviso\[email\]"):
        transport("mailtos://u:p@smtp.example.com?from=a@example.com")
