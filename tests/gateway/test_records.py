"""Records of runs: for their callers and the roles that the app names; to others they do not exist."""

import pytest
import uuid_utils

from proviso.gateway import Gateway
from tests.gateway.house import ask, call


async def asked(gateway: Gateway) -> str:
    return (await call(gateway, "POST", "/v1/chat/completions", ask())).headers["x-proviso-run"]


async def test_the_caller_reads_its_run(gateway: Gateway) -> None:
    run = await asked(gateway)
    reply = await call(gateway, "GET", f"/v1/runs/{run}")
    assert (reply.status, reply.json["run"]) == (200, run)
    assert (await call(gateway, "GET", f"/v1/runs/{run.upper()}")).status == 200


async def test_a_role_that_the_app_names_reads_it_too(gateway: Gateway) -> None:
    assert (await call(gateway, "GET", f"/v1/runs/{await asked(gateway)}", key="pv_audrey")).status == 200


async def test_to_others_a_run_looks_like_none_at_all(gateway: Gateway) -> None:
    there = await call(gateway, "GET", f"/v1/runs/{await asked(gateway)}", key="pv_mallory")
    nowhere = await call(gateway, "GET", f"/v1/runs/{uuid_utils.uuid7()}", key="pv_mallory")
    assert there.status == nowhere.status == 404
    for reply in (there, nowhere):
        reply.headers.pop("x-proviso-error")
    assert there.headers == nowhere.headers
    assert there.json | {"instance": ""} == nowhere.json | {"instance": ""}


@pytest.mark.parametrize("run", ["x", "..", "%", "0" * 36, "1' OR '1'='1", "0" * 5000, "\u0660" * 36])
async def test_what_is_no_run_id_is_404(gateway: Gateway, run: str) -> None:
    assert (await call(gateway, "GET", f"/v1/runs/{run}")).status == 404
