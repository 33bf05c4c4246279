"""Events: they say what is declared and nothing else, in the canonical form of RFC 8785."""

import json
from typing import get_args

import msgspec
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.ledger import EventRefused, Outcome, RunFinished
from proviso.ledger.events import Event, decode, encode, kind
from tests.ledger.samples import finished, new_run

EVENTS: tuple[type[msgspec.Struct], ...] = get_args(Event)
CLOCK = st.integers(min_value=0, max_value=2**53 - 1)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@st.composite
def events(draw: st.DrawFn) -> RunFinished:
    return msgspec.structs.replace(
        finished(new_run(), subject=draw(WORDS), app=draw(WORDS), at=draw(CLOCK)),
        groups=tuple(draw(st.lists(WORDS, max_size=3))),
        timings=draw(st.dictionaries(WORDS.filter(str.isascii), CLOCK, max_size=4)),
        outcome=draw(st.sampled_from(list(Outcome))),
        cost_micro_usd=draw(CLOCK),
    )


@settings(deadline=None, max_examples=100)
@given(events())
def test_an_encoded_event_is_its_canonical_json(event: RunFinished) -> None:
    body = encode(event)
    assert body == rfc8785.dumps(json.loads(body))
    assert decode(body) == event


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_no_event_has_a_float_or_a_field_that_is_not_declared(event: type[msgspec.Struct]) -> None:
    schema = json.dumps(msgspec.json.schema(event))
    assert '"type": "number"' not in schema
    assert event.__struct_config__.forbid_unknown_fields


def test_an_undeclared_field_cannot_be_given() -> None:
    fields = msgspec.structs.asdict(finished(new_run()))
    with pytest.raises(TypeError, match="question"):
        RunFinished(**{**fields, "question": "What is the per diem?"})


def test_an_undeclared_field_cannot_be_read() -> None:
    said = json.loads(encode(finished(new_run())))
    with pytest.raises(EventRefused, match="question"):
        decode(json.dumps({**said, "question": "What is the per diem?"}).encode())


def test_an_event_of_a_type_that_adds_a_field_is_refused() -> None:
    class Chatty(RunFinished, frozen=True, kw_only=True, tag="run.finished"):
        question: str = "What is the per diem?"

    with pytest.raises(EventRefused, match="question"):
        encode(Chatty(**msgspec.structs.asdict(finished(new_run()))))


@pytest.mark.parametrize("wrong", [1.5, -1, 2**53, "1", None])
def test_a_number_that_canonical_json_cannot_carry_is_refused(wrong: int) -> None:
    with pytest.raises(EventRefused):
        encode(msgspec.structs.replace(finished(new_run()), cost_micro_usd=wrong))


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(EventRefused):
        encode(finished(new_run(), app="\ud800"))


def test_a_run_is_named_by_a_uuid_and_nothing_else() -> None:
    with pytest.raises(EventRefused, match="run"):
        encode(finished("dana@example.com"))


def test_an_event_is_named_by_its_tag() -> None:
    assert kind(finished(new_run())) == "run.finished"
    assert sorted(str(event.__struct_config__.tag) for event in EVENTS) == [
        "access.changed",
        "app.deployed",
        "key.created",
        "key.revoked",
        "release.built",
        "run.finished",
        "run.gap",
        "run.started",
        "snapshot.built",
    ]
