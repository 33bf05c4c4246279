"""Putting: in the transaction of the cause, for those who subscribe, in the words of a template and no others."""

import contextlib
import json

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.outbox import NEWS, TEMPLATES, Email, InvalidNotice, Notice
from proviso.outbox.templates import render
from proviso.store import Control
from tests.outbox.made import NOW, Clock, House, open_house, revoked

TEXT = st.text(st.characters(categories=None), max_size=300)


def test_a_message_is_written_for_each_destination_that_wants_the_topic(two: House) -> None:
    two.put(revoked(), Notice("worker.gap", NOW, {"writer": "w1", "runs": 2}))
    assert sorted((m.destination, m.topic) for m in two.queue.list()) == [
        ("audit", "key.revoked"),
        ("audit", "worker.gap"),
        ("ops", "key.revoked"),
    ]


def test_each_recipient_of_a_mail_has_a_message_of_its_own(control: Control, clock: Clock) -> None:
    mail = Email("risk", ("*",), "MAIL_URL", ("a@example.com", "b@example.com"))
    house = open_house(control, clock, (mail,))
    house.put(revoked())
    assert {m.address for m in house.queue.list()} == {"a@example.com", "b@example.com"}


def test_a_transaction_that_is_undone_leaves_no_message_and_no_news(house: House) -> None:
    with contextlib.suppress(ZeroDivisionError), house.control.transaction() as tables:
        assert house.outbox.put(tables.statements, revoked()) == 1
        _ = 1 / 0
    assert (house.queue.list(), house.control.news()) == ([], {})


def test_a_message_is_news_and_no_message_is_none(house: House) -> None:
    house.put(Notice("worker.gap", NOW, {"writer": "w1", "runs": 2}))
    assert NEWS not in house.control.news()
    house.put(revoked())
    assert house.control.news()[NEWS] == 1


def test_the_body_is_canonical_json_with_the_facts_and_nothing_else(house: House) -> None:
    house.put(revoked("k7f3"))
    (message,) = house.queue.claim("ops", "me", 1)
    body = json.loads(message.body)
    assert message.body == rfc8785.dumps(body)
    assert body == {
        "id": message.id,
        "topic": "key.revoked",
        "at": "2025-06-15T15:06:40.000Z",
        "workspace": "vantholm",
        "title": "An API key was revoked",
        "facts": {"key": "k7f3"},
    }


@pytest.mark.parametrize("facts", [{}, {"key": "k1", "user": "dana"}, {"user": "dana"}])
def test_a_fact_that_the_template_does_not_name_is_told_to_nobody(
    house: House, facts: dict[str, str | int]
) -> None:
    with pytest.raises(InvalidNotice, match=r"`user`|`key`"):
        house.put(Notice("key.revoked", NOW, facts))
    assert house.queue.list() == []


def test_a_topic_without_words_cannot_be_put(house: House) -> None:
    with pytest.raises(InvalidNotice, match=r"`key\.lost`"):
        house.put(Notice("key.lost", NOW, {}))


def test_a_number_that_not_every_receiver_reads_alike_cannot_be_put(house: House) -> None:
    with pytest.raises(InvalidNotice, match="`runs`"):
        house.put(Notice("worker.gap", NOW, {"writer": "w1", "runs": 2**53}))


@given(TEXT)
@settings(deadline=None, max_examples=100)
def test_a_fact_stays_on_one_printable_line_whatever_it_holds(value: str) -> None:
    said = render(Notice("key.revoked", NOW, {"key": value}))
    assert len(said.text.splitlines()) == 1
    assert said.text.isprintable()
    assert len(str(said.facts["key"])) <= 200
    said.text.encode()


def test_a_value_that_looks_like_a_fact_is_not_filled_in() -> None:
    facts = {"actor": "{before}", "before": "1", "after": "2"}
    said = render(Notice("access.changed", NOW, facts))
    assert said.text.startswith("{before} changed")


def test_every_template_has_a_title_of_one_line_and_a_dotted_topic() -> None:
    for topic, template in TEMPLATES.items():
        assert "." in topic
        assert "\n" not in template.title
        assert template.text
