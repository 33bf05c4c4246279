"""Tokens: the estimate, where a text is cut, CountTokens, and the prompt cache."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_simulator.answering import Answerer
from bedrock_simulator.exchange import Exchange, ServiceError, Tokens
from bedrock_simulator.scenario import Scenario, SimulatedModel
from bedrock_simulator.tokens import count, count_block, count_input, cut
from tests.simulator.answers_made import WEATHER, about, asked, check_shape, other

LONG = "A long instruction that every request has. " * 120
POINT = {"cachePoint": {"type": "default"}}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (300).to_bytes(4, "big") + (250).to_bytes(4, "big")


@given(st.text(), st.text())
@settings(deadline=None, max_examples=100)
def test_more_text_is_never_fewer_tokens(one: str, other_: str) -> None:
    assert count(one) <= count(one + other_) <= count(one) + count(other_)


@given(st.text(alphabet=st.characters(exclude_categories=())), st.integers(0, 20))
@settings(deadline=None, max_examples=100)
def test_a_text_is_cut_between_characters_and_as_late_as_can_be(text: str, most: int) -> None:
    part = cut(text, most)
    assert text.startswith(part)
    assert count(part) <= most
    assert part == text or count(text[: len(part) + 1]) > most


def test_an_image_costs_by_its_size_and_nothing_unknown_costs_nothing() -> None:
    image = {"image": {"format": "png", "source": {"bytes": PNG}}}
    assert count_block(image) == 100
    assert count_block({"image": {"format": "png", "source": {"bytes": "eA=="}}}) == 1_600
    assert count_block({"document": {"name": "d", "format": "pdf", "source": {"bytes": b"x" * 2_000}}}) == 100
    assert count_block({"document": {"name": "d", "source": {"text": "four"}}}) == 1


def test_counted_tokens_are_those_that_the_call_then_uses() -> None:
    request = about("What is the limit?", toolConfig={"tools": [WEATHER]})
    converse = {key: request.params[key] for key in ("messages", "system", "toolConfig")}
    counted = Answerer(Scenario()).answer(
        other("CountTokens", modelId="acme.one", input={"converse": converse})
    )
    check_shape("CountTokens", counted)
    assert counted["inputTokens"] == Answerer(Scenario()).converse(request).tokens.input


def test_the_tokens_of_a_body_are_counted() -> None:
    body = msgspec.json.encode({"inputText": "four" * 10})
    given_: dict[str, Any] = {"invokeModel": {"body": body}}
    assert Answerer(Scenario()).answer(other("CountTokens", input=given_)) == {"inputTokens": 10}


def test_a_model_that_cannot_count_says_so() -> None:
    model = SimulatedModel(count_tokens=False)
    with pytest.raises(ServiceError, match="counting tokens"):
        Answerer(Scenario()).answer(
            Exchange("CountTokens", "us-east-1", {"input": {"converse": {}}}, "m", model)
        )


class Clock:
    """Seconds that pass when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _cached(
    text: str = LONG, ttl: str | None = None, question: str = "Hi", model: SimulatedModel | None = None
) -> Exchange:
    point = {"cachePoint": {"type": "default", "ttl": ttl}} if ttl else POINT
    return asked(question, model, system=[{"text": text}, point])


def _used(answerer: Answerer, request: Exchange) -> tuple[int, int, int]:
    tokens = answerer.converse(request).tokens
    assert tokens.input + tokens.cache_read + tokens.cache_write == count_input(request.params)
    return tokens.input, tokens.cache_read, tokens.cache_write


def test_a_prefix_is_written_once_and_then_read() -> None:
    answerer, size = Answerer(Scenario()), count(LONG)
    assert _used(answerer, _cached()) == (5, 0, size)
    assert _used(answerer, _cached(question="What else?")) == (7, size, 0)


def test_a_prefix_that_differs_in_one_byte_is_written_anew() -> None:
    answerer = Answerer(Scenario())
    answerer.converse(_cached())
    assert _used(answerer, _cached(LONG + ".")) == (5, 0, count(LONG + "."))


@pytest.mark.parametrize(("ttl", "seconds"), [(None, 300), ("5m", 300), ("1h", 3_600)])
def test_a_prefix_is_forgotten_when_its_time_is_over_and_kept_by_use(ttl: str | None, seconds: int) -> None:
    clock, size = Clock(), count(LONG)
    answerer = Answerer(Scenario(), clock)
    answerer.converse(_cached(ttl=ttl))
    for _ in range(2):
        clock.now += seconds - 1
        assert _used(answerer, _cached(ttl=ttl))[1] == size
    clock.now += seconds
    assert _used(answerer, _cached(ttl=ttl))[1:] == (0, size)


def test_a_short_prefix_is_not_cached() -> None:
    model = SimulatedModel(cache_min_tokens=count(LONG) + 1)
    assert _used(Answerer(Scenario()), _cached(model=model)) == (5 + count(LONG), 0, 0)


def test_what_comes_behind_a_kept_prefix_is_written() -> None:
    answerer = Answerer(Scenario())
    answerer.converse(_cached())
    request = asked(
        "", system=[{"text": LONG}, POINT], messages=[{"role": "user", "content": [{"text": LONG}, POINT]}]
    )
    _, read, written = _used(answerer, request)
    assert (read, written) == (count(LONG), count(LONG))


def test_another_model_or_region_has_a_cache_of_its_own() -> None:
    answerer = Answerer(Scenario())
    answerer.converse(_cached())
    elsewhere = msgspec.structs.replace(_cached(), region="eu-west-1")
    assert answerer.converse(elsewhere).tokens == Tokens(5, 1, 0, count(LONG))
