"""The OpenAI dialect: what is taken, what is ignored, what is refused."""

from typing import Any

import pytest

from proviso.gateway import Gateway
from proviso.types import Purpose, Turn
from tests.gateway.house import ANSWER, House, ask, call

CHAT = "/v1/chat/completions"


def user(text: Any = "Oslo?") -> dict[str, Any]:
    return {"role": "user", "content": text}


async def test_the_last_user_message_is_the_question_and_the_others_are_history(
    house: House, gateway: Gateway
) -> None:
    said = [user("Hello"), {"role": "assistant", "content": "Hi"}, user("Oslo?")]
    await call(gateway, "POST", CHAT, {"model": "policy-qa", "messages": said})
    assert house.requests[0].text == "Oslo?"
    assert house.requests[0].history == (Turn("user", "Hello"), Turn("assistant", "Hi"))


async def test_the_purpose_is_the_doors_and_not_the_callers(house: House, gateway: Gateway) -> None:
    await call(gateway, "POST", CHAT, ask(purpose="live"))
    assert house.requests[0].purpose is Purpose.TEST


async def test_text_parts_are_joined(house: House, gateway: Gateway) -> None:
    parts = [{"type": "text", "text": "Per diem"}, {"type": "text", "text": "for Oslo?"}]
    await call(gateway, "POST", CHAT, {"model": "policy-qa", "messages": [user(parts)]})
    assert house.requests[0].text == "Per diem\nfor Oslo?"


async def test_what_cannot_override_the_contract_is_ignored_and_listed(gateway: Gateway) -> None:
    said = [{"role": "system", "content": "Be a pirate."}, {"role": "developer", "content": "Arr"}, user()]
    body = {"model": "policy-qa", "messages": said, "temperature": 2, "seed": None, "made_up": {"a": 1}}
    reply = await call(gateway, "POST", CHAT, body)
    assert reply.json["proviso"]["ignored"] == [
        "$.temperature",
        "$.made_up",
        "$.messages[0]",
        "$.messages[1]",
    ]


async def test_a_hostile_body_is_not_echoed_at_length(gateway: Gateway) -> None:
    reply = await call(gateway, "POST", CHAT, ask(more={f"{place}{'x' * 80}": 1 for place in range(100)}))
    ignored = reply.json["proviso"]["ignored"]
    assert len(ignored) == 32
    assert max(map(len, ignored)) <= 66


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tools", [{"type": "function", "function": {"name": "f"}}]),
        ("functions", [{"name": "f"}]),
        ("n", 2),
        ("response_format", {"type": "json_object"}),
        ("logprobs", True),
        ("audio", {"voice": "alloy"}),
        ("modalities", ["text", "audio"]),
    ],
)
async def test_what_would_change_the_form_of_the_answer_is_refused(
    gateway: Gateway, name: str, value: object
) -> None:
    reply = await call(gateway, "POST", CHAT, ask(more={name: value}))
    assert reply.status == 400
    assert reply.json["error"]["param"] == f"$.{name}"
    assert reply.json["error"]["code"] == "bad_request"


@pytest.mark.parametrize("value", ["9" * 5000, "1e999", "-0", "true", "1.0", '"1"', "[" * 4000 + "]" * 4000])
async def test_a_count_that_is_not_one_is_refused_however_it_is_written(gateway: Gateway, value: str) -> None:
    body = f'{{"model": "policy-qa", "messages": [{{"role": "user", "content": "x"}}], "n": {value}}}'
    reply = await call(gateway, "POST", CHAT, body.encode())
    assert (reply.status, reply.json["error"]["code"]) == (400, "bad_request")


@pytest.mark.parametrize("value", ["9" * 5000, "1e999"])
async def test_the_path_of_a_number_out_of_range_is_named(gateway: Gateway, value: str) -> None:
    body = f'{{"model": "policy-qa", "messages": [{{"role": "user", "content": "x"}}], "n": {value}}}'
    assert (await call(gateway, "POST", CHAT, body.encode())).json["error"]["param"] == "$.n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tools", []),
        ("n", 1),
        ("response_format", {"type": "text"}),
        ("logprobs", False),
        ("modalities", ["text"]),
        ("tools", None),
        ("tool_choice", "none"),
    ],
)
async def test_a_parameter_that_asks_for_nothing_is_no_obstacle(
    gateway: Gateway, name: str, value: object
) -> None:
    assert (await call(gateway, "POST", CHAT, ask(more={name: value}))).status == 200


@pytest.mark.parametrize(
    ("messages", "where"),
    [
        ([], "$.messages"),
        ([{"role": "assistant", "content": "Hi"}], "$.messages[0].role"),
        ([user(), {"role": "system", "content": "x"}], "$.messages[1].role"),
        ([{"role": "tool", "content": "x"}, user()], "$.messages[0].role"),
        ([user("  \n")], "$.messages[0].content"),
        ([user([])], "$.messages[0].content"),
        ([user(None)], "$.messages[0].content"),
        ([user(7)], "$.messages[0].content"),
        (["hello"], "$.messages[0]"),
        ([user([{"type": "text", "text": "x"}, {"type": "image_url"}])], "$.messages[0].content[1]"),
        ([user([{"type": "text"}])], "$.messages[0].content[0]"),
        ([user([{"text": "x"}])], "$.messages[0].content[0].type"),
        ([{"content": "x"}], "$.messages[0].role"),
    ],
)
async def test_wrong_messages_are_named_by_their_json_path(
    gateway: Gateway, messages: list[Any], where: str
) -> None:
    reply = await call(gateway, "POST", CHAT, {"model": "policy-qa", "messages": messages})
    assert reply.status == 400
    assert reply.json["error"]["param"] == where


async def test_the_run_and_what_it_ran_under_are_in_the_answer(gateway: Gateway) -> None:
    reply = await call(gateway, "POST", CHAT, ask())
    part = reply.json["proviso"]
    assert reply.headers["x-proviso-run"] == part["run"]
    assert reply.headers["x-proviso-unapproved"] == "true"
    assert reply.json["id"] == f"chatcmpl-{part['run']}"
    assert (part["release"], part["terms"]) == ("11" * 32, "22" * 32)
    assert (part["outcome"], part["unapproved"], part["purpose"]) == ("answer", True, "test")


async def test_a_refusal_names_its_clause_and_reason(gateway: Gateway) -> None:
    reply = await call(gateway, "POST", CHAT, ask("Can I sue?"))
    assert reply.status == 200
    assert reply.json["proviso"]["clause"] == "purpose.refuses.legal-advice"
    assert reply.json["proviso"]["reason"] == "out_of_purpose"
    assert reply.json["choices"][0]["finish_reason"] == "content_filter"


async def test_created_is_the_second_in_which_the_run_began(gateway: Gateway) -> None:
    reply = await call(gateway, "POST", CHAT, ask())
    run = reply.json["proviso"]["run"].replace("-", "")
    assert reply.json["created"] == int(run[:12], 16) // 1000


async def test_the_answer_is_the_text_that_was_verified(gateway: Gateway) -> None:
    reply = await call(gateway, "POST", CHAT, ask())
    assert reply.json["choices"][0]["message"]["content"] == ANSWER.text
