"""Bodies: limits while reading, media types, and words for what is wrong."""

import asyncio
import logging
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.errors import BadRequest, Forbidden, Unauthenticated
from proviso.gateway import Gateway
from proviso.gateway.chat import read_chat
from proviso.gateway.exchange import Exchange
from proviso.gateway.intake import identify, read_body
from proviso.gateway.problems import BodyTimeout
from proviso.types import Purpose
from tests.gateway.house import DANA, House, ask, call, nowhere, scope

CHAT = "/v1/chat/completions"


async def test_a_declared_length_over_the_limit_is_refused_unread(house: House, gateway: Gateway) -> None:
    reply = await call(gateway, "POST", CHAT, b"{}", headers={"content-length": "10001"})
    assert (reply.status, reply.json["error"]["code"]) == (413, "too_large")
    assert house.requests == []


async def test_a_body_without_a_length_is_cut_off_at_the_limit(gateway: Gateway) -> None:
    reply = await call(gateway, "POST", CHAT, chunks=[b"x" * 4000] * 3)
    assert reply.status == 413
    assert reply.headers["connection"] == "close"


async def test_a_body_in_chunks_is_put_together(gateway: Gateway) -> None:
    raw = msgspec.json.encode(ask())
    reply = await call(gateway, "POST", CHAT, chunks=[raw[:10], raw[10:11], raw[11:]])
    assert reply.status == 200


@pytest.mark.parametrize("length", ["-1", "1e3", "9" * 5000, "abc"])
async def test_a_length_that_is_none_is_refused(gateway: Gateway, length: str) -> None:
    assert (await call(gateway, "POST", CHAT, ask(), headers={"content-length": length})).status == 413


@pytest.mark.parametrize(
    "media",
    [
        "application/x-www-form-urlencoded",
        "",
        "application/json; charset=latin-1",
        "application/json; a=b; charset",
    ],
)
async def test_a_body_that_does_not_call_itself_json_is_refused(gateway: Gateway, media: str) -> None:
    reply = await call(gateway, "POST", CHAT, ask(), headers={"content-type": media})
    assert (reply.status, reply.json["error"]["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "media",
    [
        "application/json; charset=utf-8",
        'Application/JSON;charset="UTF-8"',
        "application/json; foo=bar",
        "application/json;v=1 ; charset=utf-8;",
    ],
)
async def test_json_may_say_that_it_is_utf8_and_what_else_it_likes(gateway: Gateway, media: str) -> None:
    assert (await call(gateway, "POST", CHAT, ask(), headers={"content-type": media})).status == 200


async def test_a_compressed_body_is_refused_in_words(gateway: Gateway) -> None:
    reply = await call(gateway, "POST", CHAT, ask(), headers={"content-encoding": "gzip"})
    assert reply.status == 415


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"{", "not JSON"),
        (b'{"model": }', "at byte 10"),
        (b'{"model": "\xff"}', "UTF-8"),
        (b'{"model": "\\ud800"}', "not JSON"),
        (b'{"x": ' + b"[" * 4000 + b"]" * 4000 + b"}", "nested too deeply"),
        (b"[1]", "must be an object, not a list"),
        (b'{"model": 1.5}', "must be text, not a number"),
        (b'{"model": "x", "messages": [{"role": "user", "content": {}}]}', "must be text or a list or null"),
    ],
)
async def test_what_is_wrong_with_a_body_is_said_in_words(gateway: Gateway, body: bytes, words: str) -> None:
    reply = await call(gateway, "POST", CHAT, body)
    assert reply.status == 400
    assert words in reply.json["error"]["message"]


async def test_a_body_that_never_ends_is_given_up() -> None:
    async def receive() -> Any:
        await asyncio.sleep(0.003)
        return {"type": "http.request", "body": b"x", "more_body": True}

    exchange = Exchange(scope({"content-type": "application/json"}), receive, nowhere)
    with pytest.raises(BodyTimeout):
        await read_body(exchange, 1000, within_s=0.01)


async def test_a_caller_who_leaves_before_its_body_is_whole_gets_nothing(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    with caplog.at_level(logging.INFO, "proviso.access"):
        await gateway(
            scope({"content-type": "application/json", "authorization": "Bearer pv_dana"}), receive, send
        )
    assert sent == []
    assert msgspec.json.decode(caplog.records[0].getMessage())["status"] == 499


KEYS = st.sampled_from(["model", "messages", "role", "content", "type", "text", "n"])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=60) | JSON.map(msgspec.json.encode))
def test_whatever_is_sent_is_read_or_explained(body: bytes) -> None:
    try:
        assert read_chat(body, Purpose.TEST).request.text.strip()
    except BadRequest as error:
        explained = error.where.startswith("$") and error.fix
        assert explained


@pytest.mark.parametrize("other", [b"Bearer pv_dana", b"Bearer pv_mallory", b"Basic x", b""])
async def test_two_authorization_headers_are_refused_whoever_they_name(other: bytes) -> None:
    sent, parts = [(b"authorization", b"Bearer pv_dana"), (b"host", b"x")], House().parts()
    assert await identify({"headers": sent}, parts) == DANA
    with pytest.raises(BadRequest, match="more than one `authorization` header"):
        await identify({"headers": [*sent, (b"authorization", other)]}, parts)


async def test_whoever_must_be_looked_up_is_looked_up_with_their_address() -> None:
    house = House()
    with pytest.raises(Unauthenticated):
        await identify(
            {"headers": [(b"authorization", b"Bearer x")], "client": ("10.0.0.7", 4)}, house.parts()
        )
    assert house.peers == ["10.0.0.7"]


async def test_a_user_that_only_a_service_may_name_is_refused_to_others() -> None:
    sent = [(b"authorization", b"Bearer pv_dana"), (b"x-proviso-user-token", b"a.b.c")]
    with pytest.raises(Forbidden):
        await identify({"headers": sent}, House().parts())
    with pytest.raises(BadRequest, match="x-proviso-user-token"):
        await identify({"headers": [*sent, sent[1]]}, House().parts())
