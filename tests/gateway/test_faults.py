"""What nobody foresaw: an ID outside, the place in the log, and no content anywhere."""

import logging

import msgspec
import pytest

from proviso.access import KeyRefused
from proviso.errors import StoreUnavailable, Tampered
from proviso.gateway import Gateway
from proviso.settings import Settings
from proviso.types import Principal
from tests.gateway.house import House, ask, call

CHAT = "/v1/chat/completions"
SECRET = "the-secret-question"


@pytest.mark.parametrize("fault", [ValueError(SECRET), Tampered(SECRET), RecursionError(SECRET)])
async def test_a_fault_leaves_as_an_id_that_leads_to_the_log(
    house: House, gateway: Gateway, caplog: pytest.LogCaptureFixture, fault: Exception
) -> None:
    house.fault = fault
    with caplog.at_level(logging.INFO):
        reply = await call(gateway, "POST", CHAT, ask(SECRET))
    line = msgspec.json.decode(next(r.getMessage() for r in caplog.records if r.name == "proviso.gateway"))
    assert (reply.status, reply.json["error"]["code"]) == (500, "internal_error")
    assert line["error"] == reply.headers["x-proviso-error"]
    assert line["error"] in reply.json["error"]["message"]
    assert any("house.py" in place for place in line["trace"])
    assert SECRET not in caplog.text + reply.body.decode()


async def test_the_line_of_a_refusal_has_its_reason(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "proviso.access"):
        await call(gateway, "POST", CHAT, ask("Can I sue?"))
    line = msgspec.json.decode(caplog.records[0].getMessage())
    assert (line["outcome"], line["reason"]) == ("refusal", "out_of_purpose")


async def test_a_request_is_one_line_of_json_without_content(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "proviso.access"):
        reply = await call(gateway, "POST", CHAT, ask(SECRET))
    line = msgspec.json.decode(caplog.records[0].getMessage())
    assert (line["route"], line["status"], line["outcome"], line["app"]) == (CHAT, 200, "answer", "policy-qa")
    assert line["run"] == reply.headers["x-proviso-run"]
    assert line["duration_us"] > 0
    assert SECRET not in caplog.text
    assert "pv_dana" not in caplog.text


async def test_what_a_caller_makes_up_is_not_logged(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        await call(gateway, "POST", CHAT, ask() | {"model": SECRET}, key=SECRET)
        await call(gateway, "POST", CHAT, ask() | {"model": SECRET})
        await call(gateway, "POST", f"/v1/apps/{SECRET}/runs", {"question": "x"})
        await call(gateway, "GET", f"/{SECRET}")
        await call(gateway, "GET", f"/v1/models/{SECRET}")
    assert len(caplog.records) == 5
    assert SECRET not in caplog.text


async def test_without_a_listener_nothing_is_logged(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    await call(gateway, "POST", CHAT, ask())
    assert caplog.records == []


async def test_why_a_key_was_refused_is_logged_and_not_said(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    async def authenticate(bearer: str, peer: str, user_token: str | None) -> Principal:
        raise KeyRefused("revoked", "abc")

    parts = msgspec.structs.replace(house.parts(), known=lambda *_: None, authenticate=authenticate)
    with caplog.at_level(logging.INFO, "proviso.access"):
        reply = await call(Gateway(parts, Settings()), "POST", CHAT, ask())
    line = msgspec.json.decode(caplog.records[0].getMessage())
    assert (line["code"], line["cause"], line["key"]) == ("unauthenticated", "revoked", "abc")
    assert b"revoked" not in reply.body


async def test_where_the_store_is_is_for_the_log_and_not_for_callers(
    house: House, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    house.fault = StoreUnavailable("the store `/srv/state/runs-w0.db` cannot be used", fix="look")
    reply = await call(gateway, "POST", CHAT, ask())
    assert (reply.status, reply.json["error"]["code"]) == (503, "store_unavailable")
    assert b"/srv" not in reply.body
    assert "/srv/state" in caplog.text
