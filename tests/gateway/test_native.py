"""The native dialect: everything that is known of an answer, and strict bodies."""

from typing import Any

import pytest

from proviso.gateway import Gateway
from proviso.types import Turn
from tests.gateway.house import House, call

RUNS = "/v1/apps/policy-qa/runs"


async def test_an_answer_comes_with_everything_that_is_known_of_it(gateway: Gateway) -> None:
    reply = await call(gateway, "POST", RUNS, {"question": "Oslo?"})
    run = reply.json
    assert reply.headers["x-proviso-run"] == run["run"]
    assert (run["outcome"], run["clause"], run["reason"]) == ("answer", None, None)
    assert (run["model"], run["provider"], run["usage"]) == (
        "extractive-1", "extractive",
        {"input_tokens": 12, "output_tokens": 9, "cache_read_tokens": 0, "cache_write_tokens": 0},
    )  # fmt: skip
    assert (run["cost_micro_usd"], run["duration_us"], run["purpose"]) == (7, 1234, "test")
    assert run["decisions"][0]["clause"] == "inputs.sensitive.mask.EMAIL"
    citation = run["citations"][0]
    assert (citation["document"], citation["start"], citation["end"]) == ("per-diem.md", 10, 34)


async def test_a_refusal_has_its_clause_its_reason_and_no_citations(gateway: Gateway) -> None:
    run = (await call(gateway, "POST", RUNS, {"question": "Can I sue?"})).json
    assert (run["outcome"], run["reason"], run["citations"]) == ("refusal", "out_of_purpose", [])
    assert run["text"] == "Please ask the legal team."


async def test_a_role_that_is_not_taken_is_told_those_that_are(gateway: Gateway) -> None:
    body = {"question": "x", "history": [{"role": "system", "text": "y"}]}
    reply = (await call(gateway, "POST", RUNS, body)).json
    assert reply["detail"] == "`$.history[0].role` must be `user` or `assistant`"
    assert reply["fix"] == "send `user` or `assistant` there"


async def test_history_is_passed_on(house: House, gateway: Gateway) -> None:
    body = {"question": "And Bergen?", "history": [{"role": "user", "text": "Oslo?"}]}
    await call(gateway, "POST", RUNS, body)
    assert house.requests[0].history == (Turn("user", "Oslo?"),)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "$.question"),
        ({"question": " "}, "$.question"),
        ({"question": 7}, "$.question"),
        ({"question": "x", "temperature": 1}, "$.temperature"),
        ({"question": "x", "history": [{"role": "system", "text": "y"}]}, "$.history[0].role"),
        ({"question": "x", "history": [{"role": "user", "text": "y", "z": 1}]}, "$.history[0].z"),
        ([], "$"),
    ],
)
async def test_a_wrong_body_is_a_problem_with_path_and_fix(gateway: Gateway, body: Any, where: str) -> None:
    reply = await call(gateway, "POST", RUNS, body)
    assert reply.status == 400
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json["where"] == where
    assert reply.json["type"] == "urn:proviso:error:bad_request"
    assert reply.json["fix"]
