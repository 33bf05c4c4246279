"""The official openai client works unchanged against a real server."""

from collections.abc import Iterator

import openai
import pytest

from tests.gateway.house import ANSWER, REFUSAL, House, served


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(House()) as base:
        yield f"{base}/v1"


def client(url: str, key: str = "pv_dana") -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key=key, max_retries=0)


def test_the_client_gets_an_answer_with_its_citations(url: str) -> None:
    with client(url) as api:
        reply = api.chat.completions.create(
            model="policy-qa", messages=[{"role": "user", "content": "Oslo?"}]
        )
    assert reply.choices[0].message.content == ANSWER.text
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage is not None
    assert reply.usage.total_tokens == 21
    assert reply.model_extra is not None
    assert reply.model_extra["proviso"]["citations"][0]["quote"] == "It is 64 EUR in Oslo."


def test_the_client_gets_a_refusal_as_a_refusal(url: str) -> None:
    with client(url) as api:
        reply = api.chat.completions.create(
            model="policy-qa", messages=[{"role": "user", "content": "Can I sue?"}]
        )
    message = reply.choices[0].message
    assert message.refusal == message.content == REFUSAL.text
    assert reply.choices[0].finish_reason == "content_filter"


def test_a_stream_adds_up_to_the_answer_and_ends_with_its_usage(url: str) -> None:
    with client(url) as api:
        chunks = list(
            api.chat.completions.create(
                model="policy-qa",
                messages=[{"role": "user", "content": "Oslo?"}],
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == ANSWER.text
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 9


async def test_the_asynchronous_client_streams(url: str) -> None:
    async with openai.AsyncOpenAI(base_url=url, api_key="pv_dana", max_retries=0) as api:
        stream = await api.chat.completions.create(
            model="policy-qa", messages=[{"role": "user", "content": "Can I sue?"}], stream=True
        )
        chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == REFUSAL.text
    assert chunks[-1].choices[0].delta.refusal == REFUSAL.text


def test_the_client_lists_the_apps(url: str) -> None:
    with client(url) as api:
        assert [model.id for model in api.models.list()] == ["policy-qa"]
        assert api.models.retrieve("policy-qa").owned_by == "proviso"


def test_the_client_raises_its_own_errors_with_our_codes(url: str) -> None:
    with client(url, "pv_nobody") as api, pytest.raises(openai.AuthenticationError) as caught:
        api.models.list()
    assert caught.value.code == "unauthenticated"
    with client(url) as api, pytest.raises(openai.NotFoundError) as missing:
        api.chat.completions.create(model="nope", messages=[{"role": "user", "content": "Oslo?"}])
    assert missing.value.code == "unknown_app"


def test_a_body_over_the_limit_is_answered_even_while_it_is_being_sent(url: str) -> None:
    with client(url) as api, pytest.raises(openai.APIStatusError) as caught:
        api.chat.completions.create(
            model="policy-qa", messages=[{"role": "user", "content": "x" * 3_000_000}]
        )
    assert caught.value.status_code == 413
    assert caught.value.code == "too_large"
