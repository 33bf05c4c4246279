"""The example with one model of Bedrock at a simulator, and one on a server; and what a diagnosis finds there."""

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bedrock_simulator.scenario import Quota, Scenario, SimulatedGuardrail, SimulatedModel
from proviso.app.diagnosis import Check, Result
from proviso.app.doctoring import diagnose
from proviso.app.machine import Machine
from proviso.settings import Settings
from proviso.types import Environment

MODEL: Final = "example.small-v1:0"
REGION: Final = "eu-central-1"
HEALTHY: Final = Scenario(
    models={MODEL: SimulatedModel(provider="Example")},
    guardrails={"gr1": SimulatedGuardrail(blocked_words=("forbidden",))},
    quotas={"*": Quota(50_000)},
)
ENTRY: Final = """
  small:
    id: example.small-v1:0
    provider: bedrock
    owner: li
    regions: [eu-central-1]
    context: 64000
    max_output: 4096
    languages: [en]
    deterministic: false
    data_classes: [public, internal]
    guardrail: {identifier: gr1, version: "1"}
    price: {input_per_million_usd: 1, output_per_million_usd: 2}
    lifecycle: {status: active}
    trade_off: It words answers well, can be wrong, and costs.
"""
BOUND: Final = """
environments:
  dev:
    bedrock:
      regions: [eu-central-1]
      endpoint: "URL"
      models:
        small: [{profile: "example.small-v1:0", region: eu-central-1, tokens_per_minute: 40000}]
"""
ON_DISK: Final = "1 0 8:1 / / rw - ext4 /dev/sda1 rw"
IN_CONTAINER: Final = "1 0 0:1 / / rw - overlay overlay rw"


def bind(folder: Path, url: str, entry: str = ENTRY, bound: str = BOUND) -> Path:
    """Add a model and where it is called to a workspace; the app goes on to use the built-in one."""
    for file, text in (("models.yaml", entry), ("proviso.yaml", bound.replace("URL", url))):
        path = folder / file
        path.write_text(path.read_text("utf-8") + text, "utf-8")
    return folder


def draft_with(folder: Path, model: str) -> None:
    """Let the app draft with a hosted model, which its tier allows."""
    for file, old, new in (
        ("policy.yaml", "internal data.\n    models: [", f"internal data.\n    models: [{model}, "),
        ("apps/policy-qa/workflow.yaml", "drafter: extractive", f"drafter: {model}"),
    ):
        path = folder / file
        path.write_text(swap(path.read_text("utf-8"), old, new), "utf-8")


def swap(text: str, old: str, new: str) -> str:
    """Replace a part of a text, which must be there."""
    assert old in text
    return text.replace(old, new, 1)


async def look(
    folder: Path,
    *names: str,
    environment: str = "dev",
    calls: bool = False,
    ahead_s: float = 0.0,
    mounts: str = ON_DISK,
    environ: Mapping[str, str] | None = None,
) -> dict[str, Check]:
    """Return the checks of a workspace by step; of a step that is taken at several places the last one."""
    machine = Machine(os.environ if environ is None else environ, lambda: time.time() + ahead_s, mounts)
    settings = Settings(environment=Environment(environment))
    found = diagnose(folder, settings, names, machine, calls=calls)
    return {check.step: check async for check in found}


def examine(folder: Path, *names: str, **wanted: Any) -> dict[str, Check]:
    """Look, where there is no loop."""
    return asyncio.run(look(folder, *names, **wanted))


def results(found: Mapping[str, Check]) -> dict[str, Result]:
    """What came of each step."""
    return {step: check.result for step, check in found.items()}


def amiss(found: Mapping[str, Check]) -> dict[str, Result]:
    """The steps that are not as they should be, without those that were skipped."""
    return {step: one.result for step, one in found.items() if one.result in (Result.WARN, Result.FAILED)}
