"""Streams: pieces as they are checked, errors before and after the first byte, and callers who leave."""

import asyncio
import socket
from typing import Any

import msgspec
import pytest

from proviso.errors import StoreUnavailable
from proviso.gateway import Gateway
from tests.gateway.house import ANSWER, REFUSAL, House, ask, call, scope, served
from tests.waiting import PATIENCE_S, happens, until

CHAT = "/v1/chat/completions"
RUNS = "/v1/apps/policy-qa/runs"


async def test_chunks_name_the_role_then_the_text_then_the_finish(gateway: Gateway) -> None:
    reply = await call(gateway, "POST", CHAT, ask(stream=True))
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.events[-1] == ("", "[DONE]")
    chunks = [msgspec.json.decode(data) for _, data in reply.events[:-1]]
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks) == ANSWER.text
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["proviso"]["run"] == reply.headers["x-proviso-run"]
    assert all("usage" not in chunk for chunk in chunks)


async def test_usage_comes_last_if_asked_for_and_is_null_before(gateway: Gateway) -> None:
    reply = await call(gateway, "POST", CHAT, ask(stream=True, stream_options={"include_usage": True}))
    chunks = [msgspec.json.decode(data) for _, data in reply.events[:-1]]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == 21
    assert all(chunk["usage"] is None for chunk in chunks[:-1])


async def test_a_streamed_refusal_ends_as_one(gateway: Gateway) -> None:
    reply = await call(gateway, "POST", CHAT, ask("Can I sue?", stream=True))
    last = msgspec.json.decode(reply.events[-2][1])
    assert last["choices"][0] | {"logprobs": None} == {
        "index": 0, "logprobs": None, "finish_reason": "content_filter", "delta": {"refusal": REFUSAL.text},
    }  # fmt: skip


async def test_native_events_end_with_the_whole_run(gateway: Gateway) -> None:
    reply = await call(gateway, "POST", RUNS, {"question": "Oslo?", "stream": True})
    whole = await call(gateway, "POST", RUNS, {"question": "Oslo?"})
    assert [name for name, _ in reply.events] == ["text", "text", "run"]
    assert "".join(msgspec.json.decode(data)["text"] for _, data in reply.events[:-1]) == ANSWER.text
    last = msgspec.json.decode(reply.events[-1][1])
    assert last | {"run": ""} == whole.json | {"run": ""}


async def test_an_error_before_the_first_byte_is_a_plain_error(house: House, gateway: Gateway) -> None:
    house.fault = StoreUnavailable("the record was not taken")
    reply = await call(gateway, "POST", CHAT, ask(stream=True))
    assert (reply.status, reply.json["error"]["code"]) == (503, "store_unavailable")


async def test_an_error_after_the_first_byte_is_the_last_event(house: House, gateway: Gateway) -> None:
    house.late_fault = StoreUnavailable("the record was not taken")
    chat = await call(gateway, "POST", CHAT, ask(stream=True))
    native = await call(gateway, "POST", RUNS, {"question": "Oslo?", "stream": True})
    assert chat.status == 200
    assert msgspec.json.decode(chat.events[-1][1])["error"]["code"] == "store_unavailable"
    name, data = native.events[-1]
    assert (name, msgspec.json.decode(data)["code"]) == ("error", "store_unavailable")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_run_that_shutdown_cuts_short_is_recorded_and_the_caller_told(
    house: House, gateway: Gateway, *, stream: bool
) -> None:
    house.gate = asyncio.Event()
    body = msgspec.json.encode(ask(stream=stream))
    messages: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        messages.append(message)

    head = {"content-type": "application/json", "authorization": "Bearer pv_dana"}
    task = asyncio.create_task(gateway(scope(head), receive, send))
    await happens(lambda: house.started.is_set() and (messages or not stream))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(house.ends) == 1
    assert messages[0]["status"] == (200 if stream else 503)
    assert b"shutting down" in messages[-1]["body"]


def leave(url: str, house: House, *, stream: bool) -> None:
    """Ask over a socket and hang up as soon as the run is under way."""
    host, port = url.removeprefix("http://").split(":")
    body = msgspec.json.encode(ask(stream=stream))
    head = (
        f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer pv_dana\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + body)
        assert house.started.wait(PATIENCE_S)
    until(lambda: house.ends)


def test_a_caller_who_leaves_ends_its_run(house: House) -> None:
    house.gate = asyncio.Event()
    with served(house) as url:
        leave(url, house, stream=False)
        assert house.ends == ["CancelledError"]


def test_a_caller_who_leaves_in_mid_stream_ends_its_run(house: House) -> None:
    house.gate = asyncio.Event()
    with served(house) as url:
        leave(url, house, stream=True)
        assert house.ends == ["CancelledError"]
