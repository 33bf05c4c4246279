"""What Bedrock gets to see of a governed request: metadata, guardrail, cache, schema; and nobody's personal data."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bedrock_simulator.record import Request
from bedrock_simulator.scenario import Answers, Fault, Rule, Scenario, SimulatedGuardrail
from proviso.models.failure import Kind
from tests.bedrock.house import House, having
from tests.bedrock.test_matrix import agreed
from tests.cli.steps import CONTRACT

ENTRY_ENDS = "trade_off: None that counts."
GUARD = 'guardrail: {identifier: gr1, version: "1"}'
MAIL = "My address is kim@example.com: what is the per diem for Oslo?"
SCHEMA = {
    "type": "object",
    "required": ["answer"],
    "properties": {"answer": {"type": "string"}},
    "additionalProperties": False,
}


def guarded(house: House, folder: Path) -> House:
    """The house whose models both have a guardrail."""
    text = (house.folder / "models.yaml").read_text("utf-8")
    made = house.but(folder)
    (made.folder / "models.yaml").write_text(text.replace(ENTRY_ENDS, f"{GUARD}\n    {ENTRY_ENDS}"), "utf-8")
    return made


def with_guardrail(*faults: Fault, **clauses: Any) -> Scenario:
    return replace(having(*faults), guardrails={"gr1": SimulatedGuardrail(**clauses)})


def test_every_call_says_whose_it_is_and_names_nobody(house: House) -> None:
    with house.open(Fault("unavailable", nth=(1,))) as door:
        got = door.ask(question=MAIL)
        agreed(got, door)
        called = list(door.called)
    assert len(called) == 2
    for one in called:
        assert one.params["requestMetadata"] == {
            "app": "policy-qa",
            "release": got.run["release"],
            "prompt": got.record["prompt_version"],
            "run": got.run["run"],
            "group": "employees",
            "purpose": "test",
        }
        assert not [name for name in ("kim@", "dana", door.key) if name in seen(one)]


def seen(request: Request) -> str:
    """Return all that a provider gets of a request."""
    headers: Mapping[str, str] = request.headers
    return json.dumps([request.path, dict(headers), request.params])


def test_a_guardrail_is_asked_for_with_its_trace(house: House, tmp_path: Path) -> None:
    with guarded(house, tmp_path / "guarded").open(scenario=with_guardrail()) as door:
        got = door.ask()
        agreed(got, door)
        sent = door.called[0].params["guardrailConfig"]
    assert sent == {"guardrailIdentifier": "gr1", "guardrailVersion": "1", "trace": "enabled"}
    assert got.run["outcome"] == "answer"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_answer_that_no_guardrail_has_seen_is_not_used(
    house: House, tmp_path: Path, *, stream: bool
) -> None:
    scenario = with_guardrail(Fault("missing-trace"))
    with guarded(house, tmp_path / "guarded").open(scenario=scenario) as door:
        got = door.ask(stream=stream)
        agreed(got, door)
    assert (got.run["reason"], got.outcomes) == ("unavailable", [Kind.UNGUARDED] * 4)
    assert got.record["cost_micro_usd"] > 0


def test_what_the_guardrail_blocks_is_no_answer(house: House, tmp_path: Path) -> None:
    scenario = with_guardrail(blocked_words=("Oslo",))
    with guarded(house, tmp_path / "guarded").open(scenario=scenario) as door:
        got = door.ask()
        agreed(got, door)
    assert got.run["outcome"] == "refusal"
    assert (got.outcomes, got.record["stop"]) == (["answered"], "guardrail_intervened")


def test_a_model_is_held_to_the_contract_s_schema(house: House, tmp_path: Path) -> None:
    json_only = house.but(
        tmp_path / "json",
        (CONTRACT, "{kind: markdown}", "{kind: json, schema: schemas/answer.json}"),
        ("models.yaml", ENTRY_ENDS, f"features: [structured-output]\n    {ENTRY_ENDS}"),
    )
    schemas = json_only.folder / "apps/policy-qa/schemas"
    schemas.mkdir()
    (schemas / "answer.json").write_text(json.dumps(SCHEMA))
    with json_only.open() as door:
        got = door.ask()
        agreed(got, door)
        sent = door.called[0].params["outputConfig"]["textFormat"]
    assert json.loads(sent["structure"]["jsonSchema"]["schema"]) == SCHEMA
    assert (sent["type"], got.run["outcome"]) == ("json_schema", "answer")
    assert "1,020" in json.loads(got.run["text"])["answer"]


def saying(rule: Rule) -> Scenario:
    return replace(having(), answers=Answers(rules=(rule,)))


@pytest.mark.parametrize(
    "persona", ["leaks-pii", "ignores-format", "cites-nothing-that-exists", "refuses", "verbose"]
)
def test_whatever_a_model_says_only_what_is_verified_leaves(house: House, persona: str) -> None:
    with house.open(scenario=saying(Rule(persona=persona))) as door:
        got = door.ask()
        agreed(got, door)
    leaked = [word for word in ("@", "4111", "536-22") if word in got.run["text"]]
    assert not leaked
    assert got.run["outcome"] == "refusal" or got.run["citations"]


def test_a_model_that_finds_no_evidence_is_believed(house: House) -> None:
    with house.open(scenario=saying(Rule(text="NO EVIDENCE"))) as door:
        got = door.ask()
        agreed(got, door)
    assert (got.run["reason"], got.record["stop"]) == ("no_evidence", "no_evidence")
    assert got.outcomes == ["answered"]


def test_a_simulator_is_named_as_one_to_caller_and_record(house: House) -> None:
    with house.open() as door:
        got = door.ask()
    assert (
        got.run["provider"] == got.record["provider"] == got.record["attempts"][0]["provider"] == "simulator"
    )
    assert got.record["endpoint"] == house.simulator.url
