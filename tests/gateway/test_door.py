"""Who may come in, which routes there are, and how each is turned away."""

from typing import Any

import pytest

from proviso.errors import GateClosed, ModelUnavailable, NotReady, ProvisoError, StoreUnavailable
from proviso.gateway import Gateway
from tests.gateway.house import House, ask, call

CHAT = "/v1/chat/completions"
RUNS = "/v1/apps/policy-qa/runs"
CLOSED = [
    ("POST", CHAT),
    ("POST", RUNS),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/policy-qa"),
    ("GET", "/v1/runs/x"),
]


@pytest.mark.parametrize(("method", "path"), CLOSED)
async def test_without_an_identity_nothing_is_served(
    house: House, gateway: Gateway, method: str, path: str
) -> None:
    for key in (None, "pv_nobody", "", "k\u00e9y"):
        reply = await call(gateway, method, path, ask(), key=key)
        assert reply.status == 401
        assert reply.headers["www-authenticate"].startswith("Bearer")
    assert house.requests == []


async def test_the_scheme_is_read_in_any_case_and_must_be_bearer(gateway: Gateway) -> None:
    for header, status in (
        ("bearer pv_dana", 200),
        ("BEARER  pv_dana", 200),
        ("Basic pv_dana", 401),
        ("pv_dana", 401),
    ):
        reply = await call(gateway, "POST", CHAT, ask(), headers={"authorization": header})
        assert reply.status == status


@pytest.mark.parametrize(("path", "body"), [(CHAT, ask()), (RUNS, {"question": "What is it?"})])
async def test_whoever_may_not_ask_is_told_so(
    house: House, gateway: Gateway, path: str, body: dict[str, Any]
) -> None:
    reply = await call(gateway, "POST", path, body, key="pv_audrey")
    assert reply.status == 403
    assert house.requests == []


async def test_an_unknown_app_is_404_in_each_dialect(gateway: Gateway) -> None:
    chat = await call(gateway, "POST", CHAT, ask() | {"model": "nope"})
    native = await call(gateway, "POST", "/v1/apps/nope/runs", {"question": "x"})
    model = await call(gateway, "GET", "/v1/models/nope")
    assert (chat.status, native.status, model.status) == (404, 404, 404)
    assert chat.json["error"]["code"] == native.json["code"] == model.json["error"]["code"] == "unknown_app"


@pytest.mark.parametrize("app", ["..", "%2e%2e", "../policy-qa", "a/b", "", "p\x00", "policy-qa/", "é" * 300])
async def test_a_name_that_is_none_is_404_and_nothing_worse(house: House, gateway: Gateway, app: str) -> None:
    reply = await call(gateway, "POST", f"/v1/apps/{app}/runs", {"question": "x"})
    assert reply.status == 404
    assert house.requests == []


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", CHAT, "POST"),
        ("PUT", RUNS, "POST"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("DELETE", "/", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_told_the_right_one(
    gateway: Gateway, method: str, path: str, allow: str
) -> None:
    reply = await call(gateway, method, path)
    assert (reply.status, reply.headers["allow"]) == (405, allow)
    options = await call(gateway, "OPTIONS", path)
    assert (options.status, options.headers["allow"]) == (204, allow)


async def test_an_unknown_route_is_a_problem_404(gateway: Gateway) -> None:
    for path in ("/nope", "/v1", "/V1/models", "//", "/v1/runs/a/b", "/v1/chat/completions/"):
        reply = await call(gateway, "GET", path)
        assert (reply.status, reply.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    "error", [StoreUnavailable("x"), ModelUnavailable("x"), NotReady("x"), GateClosed("x")]
)
async def test_what_is_out_of_reach_is_503_and_says_when_to_try_again(
    house: House, gateway: Gateway, error: ProvisoError
) -> None:
    house.fault = error
    for path, body in ((CHAT, ask()), (CHAT, ask(stream=True)), (RUNS, {"question": "x"})):
        reply = await call(gateway, "POST", path, body)
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")


async def test_every_reply_keeps_out_of_caches_and_guesses(gateway: Gateway) -> None:
    for reply in (
        await call(gateway, "POST", CHAT, ask()),
        await call(gateway, "POST", CHAT, ask(stream=True)),
        await call(gateway, "POST", CHAT, b"{"),
        await call(gateway, "GET", "/v1/models"),
        await call(gateway, "GET", "/nope"),
    ):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] == "no-store"


async def test_apps_are_listed_for_those_who_may_use_them(gateway: Gateway) -> None:
    dana = (await call(gateway, "GET", "/v1/models")).json
    assert [app["id"] for app in dana["data"]] == ["policy-qa"]
    assert dana["data"][0]["proviso"]["summary"] == "Answers questions on travel."
    assert (await call(gateway, "GET", "/v1/models", key="pv_audrey")).json["data"] == []
    assert (await call(gateway, "GET", "/v1/models/policy-qa", key="pv_audrey")).status == 404


async def test_readiness_says_what_is_missing_and_goes_when_the_server_drains(
    house: House, gateway: Gateway
) -> None:
    assert (await call(gateway, "GET", "/readyz", key=None)).status == 200
    house.missing = "no index has been built"
    reply = await call(gateway, "GET", "/readyz", key=None)
    assert (reply.status, reply.json["detail"]) == (503, "no index has been built")
    house.missing = ""
    gateway.drain()
    assert (await call(gateway, "GET", "/readyz", key=None)).json["detail"] == "shutting down"
    assert (await call(gateway, "GET", "/healthz", key=None)).status == 200


async def test_the_root_says_what_this_is(gateway: Gateway) -> None:
    assert (await call(gateway, "GET", "/", key=None)).json["chat"] == "POST /v1/chat/completions"
