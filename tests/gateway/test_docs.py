"""docs/api.md is true: its examples run, its table has every error, its routes are the routes."""

import contextlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from proviso.access import IdentityUnavailable, TooManyAttempts
from proviso.app.site import OutOfTouch
from proviso.app.spending import TooCostly
from proviso.budgets import LimitReached
from proviso.errors import GateClosed, NotReady, ProvisoError, RequestError, Unavailable
from proviso.gateway import Gateway, openapi
from proviso.gateway.problems import InternalError
from proviso.guardrails.refusals import DEFAULT_TEXTS
from tests.gateway.house import ANSWER, REFUSAL, House, call, served

PAGE = Path(__file__).parents[2].joinpath("docs/api.md").read_text(encoding="utf-8")
MET = {
    "proviso.errors",
    "proviso.gateway.problems",
    *(
        kind.__module__
        for kind in (TooManyAttempts, IdentityUnavailable, LimitReached, OutOfTouch, TooCostly)
    ),
}
CURLS = re.findall(r"http://127\.0\.0\.1:8321(/v1/apps\S+) .*?-d '(.*?)'\n", PAGE, re.DOTALL)


def codes(kind: type[ProvisoError]) -> Iterator[tuple[str, str]]:
    """Give code and status of a kind of error, and of those below it that callers of this API meet."""
    yield kind.code, str(kind.status)
    for below in kind.__subclasses__():
        if below.__module__ in MET:
            yield from codes(below)


@pytest.mark.parametrize(("path", "body"), CURLS)
async def test_the_curl_examples_are_answered(gateway: Gateway, path: str, body: str) -> None:
    assert (await call(gateway, "POST", path, json.loads(body))).status == 200


def test_the_python_examples_run(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    monkeypatch.setenv("PROVISO_KEY", "pv_dana")
    names: dict[str, object] = {}
    with served(house) as url, contextlib.redirect_stdout(io.StringIO()) as printed:
        for block in blocks:
            exec(block.replace("http://127.0.0.1:8321", url), names)
        names["client"].close()  # type: ignore[attr-defined]  # the examples' own name
    assert len(blocks) == len(house.requests) == 3
    assert printed.getvalue().count(ANSWER.text) == 2
    assert f"{REFUSAL.text}\npurpose.refuses.legal-advice out_of_purpose\n" in printed.getvalue()


def test_the_json_examples_are_json() -> None:
    blocks = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert [json.loads(block) for block in blocks]


def test_the_table_has_every_error() -> None:
    table = set(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", PAGE, re.MULTILINE))
    kinds: list[type[ProvisoError]] = [RequestError, Unavailable, NotReady, GateClosed, InternalError]
    assert table == {pair for kind in kinds for pair in codes(kind)}


def test_the_page_has_every_reason_of_a_refusal() -> None:
    assert set(re.findall(r"^\| `(\w+)` \| \D", PAGE, re.MULTILINE)) == set(DEFAULT_TEXTS)


def test_the_page_names_every_route() -> None:
    assert {
        f"`{method.upper()} {path}`" for path, methods in openapi()["paths"].items() for method in methods
    } <= set(re.findall(r"`[A-Z]+ /\S*?`", PAGE))


def test_a_curl_example_shows_each_way_to_ask() -> None:
    assert [sorted(json.loads(body)) for _, body in CURLS] == [
        ["question"],
        ["history", "question"],
        ["question", "stream"],
    ]
