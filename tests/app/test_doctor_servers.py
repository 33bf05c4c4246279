"""`doctor` at a server that speaks OpenAI's protocol: reached, its key taken, the model listed, one call."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_simulator.http import Server
from bedrock_simulator.messages import Received, Reply
from proviso.app.diagnosis import Result
from tests.app.hosted import amiss, bind, look, results

KEY: Final = {"OWN_MODEL_KEY": "sk-1"}
ENTRY: Final = """
  own:
    id: small-1
    provider: openai
    regions: [eu-central-1]
    context: 64000
    languages: [en]
    deterministic: false
    data_classes: [internal]
    price: {input_per_million_usd: 1, output_per_million_usd: 2}
    lifecycle: {status: active}
    trade_off: Words.
"""
BOUND: Final = """
environments:
  dev:
    openai:
      own: {url: "URL/v1", key: OWN_MODEL_KEY}
"""
ANSWER: Final = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "small-1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "OK."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6},
}


class House:
    """A server with these models; without a list where `lists` is false."""

    def __init__(self, *models: str, lists: bool = True) -> None:
        self._models = models
        self._lists = lists
        self.asked: list[str] = []
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["House"]:
        server = Server(self._answer)
        self.url = f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}"
        try:
            yield self
        finally:
            await server.stop()

    async def _answer(self, received: Received, reply: Reply) -> None:
        self.asked.append(f"{received.method} {received.path}")
        if received.headers.get("authorization") != "Bearer sk-1":
            await _say(reply, 401, {"error": {"message": "no", "code": "invalid_api_key"}})
        elif received.path == "/v1/models" and self._lists:
            await _say(reply, 200, {"data": [{"id": model, "object": "model"} for model in self._models]})
        elif received.path == "/v1/chat/completions" and json.loads(received.body)["model"] in self._models:
            await _say(reply, 200, ANSWER)
        else:
            await _say(reply, 404, {"error": {"message": "no", "code": "model_not_found"}})


async def _say(reply: Reply, status: int, body: Any) -> None:
    content = json.dumps(body).encode()
    reply.start(status, [("content-type", "application/json")], length=len(content))
    await reply.write(content)
    await reply.finish()


async def test_a_server_that_has_the_model_is_all_right(workspace: Path) -> None:
    async with House("large-1", "small-1").running() as house:
        found = await look(bind(workspace, house.url, ENTRY, BOUND), calls=True, environ=KEY)
    assert set(results(found).values()) == {Result.OK}
    assert list(found)[-4:] == ["credentials", "server", "listed", "call"]
    assert house.asked == ["GET /v1/models", "POST /v1/chat/completions"]


async def test_a_server_is_not_called_where_that_is_not_wanted(workspace: Path) -> None:
    async with House("small-1").running() as house:
        found = await look(bind(workspace, house.url, ENTRY, BOUND), environ=KEY)
    assert (found["call"].result, house.asked) == (Result.SKIPPED, ["GET /v1/models"])


async def test_a_model_that_is_not_listed_is_a_warning_and_its_call_says_more(workspace: Path) -> None:
    async with House("large-1").running() as house:
        found = await look(bind(workspace, house.url, ENTRY, BOUND), calls=True, environ=KEY)
    assert amiss(found) == {"listed": Result.WARN, "call": Result.FAILED}
    assert "`small-1` is not among its models (`large-1`)" in found["listed"].what


async def test_a_server_without_a_list_is_called_nevertheless(workspace: Path) -> None:
    async with House("small-1", lists=False).running() as house:
        found = await look(bind(workspace, house.url, ENTRY, BOUND), calls=True, environ=KEY)
    assert amiss(found) == {"listed": Result.WARN}


@pytest.mark.parametrize(
    ("environ", "step", "words"),
    [
        ({}, "credentials", "`OWN_MODEL_KEY` is not set"),
        ({"OWN_MODEL_KEY": "sk-2"}, "server", "does not accept the key (401)"),
    ],
)
async def test_a_key_that_is_missing_or_wrong_fails_and_nothing_more_is_asked(
    workspace: Path, environ: dict[str, str], step: str, words: str
) -> None:
    async with House("small-1").running() as house:
        found = await look(bind(workspace, house.url, ENTRY, BOUND), calls=True, environ=environ)
    assert amiss(found) == {step: Result.FAILED}
    assert words in found[step].what
    assert (found["call"].result, len(house.asked) < 2) == (Result.SKIPPED, True)


async def test_a_server_that_nobody_answers_at_fails(workspace: Path) -> None:
    found = await look(bind(workspace, "http://127.0.0.1:9", ENTRY, BOUND), calls=True, environ=KEY)
    assert amiss(found) == {"server": Result.FAILED}
