"""The description is true: every route is in it, and every reply fits."""

from typing import Any

import jsonschema_rs
import pytest

from proviso.gateway import Gateway, openapi
from proviso.gateway.pages import Pages
from tests.gateway.house import House, Reply, ask, call

RUNS = "/v1/apps/{app}/runs"
CHAT = "/v1/chat/completions"


def check(document: Any, method: str, route: str, reply: Reply) -> None:
    """Raise if a reply is not what the description promises."""
    response = document["paths"][route][method]["responses"][str(reply.status)]
    media = response["content"][reply.headers["content-type"]]
    schema = media["schema"] | {"components": document["components"]}
    jsonschema_rs.validator_for(schema).validate(reply.json)


async def test_every_route_is_described_and_nothing_else(house: House, gateway: Gateway) -> None:
    pages = Pages(house.parts(), str, openapi)
    routes = {route.path for route in pages.routes} | {CHAT, RUNS}
    assert set(openapi()["paths"]) == routes
    assert (await call(gateway, "GET", "/openapi.json", key=None)).json == openapi()


async def test_every_described_route_is_there(gateway: Gateway) -> None:
    for path, methods in openapi()["paths"].items():
        for method in methods:
            reply = await call(gateway, method.upper(), path.replace("{app}", "policy-qa"), {})
            assert reply.status not in {405, 500}
            check(openapi(), method, path, reply)


@pytest.mark.parametrize("question", ["Oslo?", "Can I sue?"])
async def test_answers_and_refusals_fit_their_schema(gateway: Gateway, question: str) -> None:
    chat = await call(gateway, "POST", CHAT, ask(question))
    check(openapi(), "post", CHAT, chat)
    check(
        openapi(),
        "post",
        RUNS,
        await call(gateway, "POST", "/v1/apps/policy-qa/runs", {"question": question}),
    )
    run = await call(gateway, "GET", f"/v1/runs/{chat.headers['x-proviso-run']}")
    check(openapi(), "get", "/v1/runs/{run}", run)


async def test_errors_fit_their_schema(house: House, gateway: Gateway) -> None:
    for key in (None, "pv_audrey", "pv_dana"):
        for headers in ({}, {"content-type": "x"}, {"content-length": "99999"}):
            for route in (CHAT, RUNS):
                path = route.replace("{app}", "nope")
                check(
                    openapi(),
                    "post",
                    route,
                    await call(gateway, "POST", path, b"{}", key=key, headers=headers),
                )
    house.fault = ValueError()
    check(openapi(), "post", CHAT, await call(gateway, "POST", CHAT, ask()))


async def test_the_examples_are_taken(gateway: Gateway) -> None:
    for path, methods in openapi()["paths"].items():
        for operation in methods.values():
            if "requestBody" in operation:
                example = operation["requestBody"]["content"]["application/json"]["example"]
                assert (
                    await call(gateway, "POST", path.replace("{app}", "policy-qa"), example)
                ).status == 200


@pytest.mark.parametrize("dialect", [CHAT, RUNS])
def test_every_operation_says_how_it_fails(dialect: str) -> None:
    said = set(openapi()["paths"][dialect]["post"]["responses"])
    assert {"400", "401", "403", "404", "405", "413", "415", "500", "503"} <= said
