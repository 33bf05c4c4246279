"""Over HTTP, with a model that does what a model must not: nothing of it leaves."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from proviso.errors import ModelUnavailable
from proviso.governance import Routing
from proviso.models import Model, ModelRequest, Scripted
from proviso.types import Draft, Principal, StopReason, Usage
from tests.cli.steps import CONTRACT, change
from tests.conftest import Command
from tests.orchestrator.made import Waiting, raising, saying
from tests.server.serving import CHAT, OSLO, RUNS, Reply, Serving, inside, open_site

DANA = Principal("dana", frozenset({"employees"}), frozenset({"user"}), "local")
TRUE = "The per diem for Oslo is NOK 1,020 for a full day."


@contextmanager
def served_by(model: Model, folder: Path) -> Iterator[tuple[Serving, str]]:
    """Serve the app of a folder with this model in the place of its own; give a key too."""
    site = open_site(folder)
    release = msgspec.structs.replace(site.routing.resolve("policy-qa", DANA), model=model)
    site.routing = Routing([release])
    _, secret = site.keys.create("dana", ("employees",), ("user",), 4_102_444_800_000_000)
    with inside(site, folder) as server:
        yield server, secret


def citing(text: str) -> Scripted:
    """A model that says this, with `[n]` for the number of the passage in which the true sentence stands."""

    def script(request: ModelRequest) -> Draft:
        number = next(p.number for p in request.rendered.passages if TRUE in p.text)
        return Draft(
            text.replace("[n]", f"[{number}]"), (), StopReason.END, Usage(9, 9), "scripted", "scripted"
        )

    return Scripted(script)


def answered(model: Model, folder: Path) -> Any:
    with served_by(model, folder) as (server, key):
        return server.ask(key)


@pytest.mark.req("C3.citations", "W1.refused")
def test_an_uncited_answer_is_refused(workspace: Path) -> None:
    run = answered(saying(TRUE), workspace)
    assert (run["reason"], run["clause"]) == ("failed_check", "outputs.citations")
    assert "1,020" not in run["text"]


@pytest.mark.req("C5.grounding", "W1.refused")
@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("The per diem for Oslo is NOK 9,999 for a full day. [n]", "safety.grounding.method.numbers"),
        ("Penguins march quietly through the moonlit harbour. [1]", "safety.grounding.threshold"),
        (f"{TRUE} [99]", "outputs.citations"),
    ],
)  # fmt: skip
def test_an_answer_that_its_sources_do_not_bear_out_is_refused(
    workspace: Path, text: str, clause: str
) -> None:
    run = answered(citing(text), workspace)
    assert (run["outcome"], run["clause"]) == ("refusal", clause)
    assert text[:20] not in run["text"]


@pytest.mark.req("C3.disallowed", "A3.out")
def test_a_disallowed_promise_never_leaves_whole_or_in_pieces(workspace: Path) -> None:
    promise = f"{TRUE} [n] For a full day in Oslo we will pay the per diem. [n]"
    with served_by(citing(promise), workspace) as (server, key):
        whole = server.call("POST", RUNS, key, {"question": OSLO})
        pieces = server.call("POST", RUNS, key, {"question": OSLO, "stream": True})
    assert whole.json["clause"] == "outputs.disallowed.commitments"
    for reply in (whole, pieces):
        assert b"we will pay" not in reply.body


@pytest.mark.req("A3.out", "G1.redaction")
def test_what_a_model_invents_of_a_masked_kind_is_masked_on_the_way_out(workspace: Path) -> None:
    change(workspace, CONTRACT, "method: [citations, numbers, coverage]", "method: [citations]")
    run = answered(saying(f"{TRUE[:-1]}, says kim@example.com. [1]"), workspace)
    assert "[EMAIL]" in run["text"]
    assert "kim@example.com" not in str(run)


@pytest.mark.req("C3.format", "O4.format")
@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ('{"answer": "The per diem for Oslo is NOK 1,020 for a full day. [n]"}', "answer"),
        ('{"reply": "The per diem for Oslo is NOK 1,020 for a full day. [n]"}', "refusal"),
        ("The per diem for Oslo is NOK 1,020 for a full day. [n]", "refusal"),
    ],
)
def test_only_an_answer_of_the_contracts_format_leaves(workspace: Path, text: str, outcome: str) -> None:
    schemas = workspace / "apps/policy-qa/schemas"
    schemas.mkdir()
    (schemas / "answer.json").write_text('{"type": "object", "required": ["answer"]}')
    change(workspace, CONTRACT, "{kind: markdown}", "{kind: json, schema: schemas/answer.json}")
    run = answered(citing(text), workspace)
    assert run["outcome"] == outcome
    assert run["clause"] == (None if outcome == "answer" else "outputs.format")


@pytest.mark.req("C6.deadline")
def test_a_request_over_its_deadline_is_refused_in_time(workspace: Path) -> None:
    change(workspace, CONTRACT, "{p95_ms: 2500, deadline_ms: 8000}", "{p95_ms: 100, deadline_ms: 200}")
    run = answered(Waiting(), workspace)
    assert (run["reason"], run["clause"]) == ("deadline", "latency.deadline_ms")
    assert 200_000 <= run["duration_us"] < 7_000_000  # less than the example's own deadline


def test_a_model_out_of_reach_is_refused_and_its_fault_not_told(workspace: Path) -> None:
    run = answered(raising(ModelUnavailable("secret host 10.0.0.7")), workspace)
    assert (run["reason"], run["clause"]) == ("unavailable", "models.when_unavailable")
    assert "10.0.0.7" not in str(run)


@pytest.mark.req("A7.record")
def test_a_fault_inside_is_a_500_without_details_and_is_on_record(workspace: Path, proviso: Command) -> None:
    with served_by(raising(ZeroDivisionError("secret detail")), workspace) as (server, key):
        reply: Reply = server.call("POST", CHAT, key, {
            "model": "policy-qa", "messages": [{"role": "user", "content": OSLO}],
        })  # fmt: skip
        newest = server.call("GET", "/v1/models", key)
    assert (reply.status, newest.status) == (500, 200)
    assert b"secret detail" not in reply.body
    assert recorded(workspace) == ("error", "internal_error")


def recorded(folder: Path) -> tuple[str, str]:
    """Return outcome and reason of the run that was recorded last."""
    site = open_site(folder)
    try:
        (record,) = site.reader.recent(1)
        assert record.finished is not None
        return record.finished.outcome, record.finished.reason
    finally:
        site.release()
