"""The example drafting through Bedrock: two models of its release, two regions, and a simulator that may misbehave."""

import json
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from bedrock_simulator.record import Request
from bedrock_simulator.scenario import Fault, Scenario, SimulatedModel
from bedrock_simulator.simulator import Simulator
from proviso.app import Site
from proviso.types import Purpose
from tests.app.acts import apply, settings_of
from tests.cli.steps import CONTRACT, OSLO, WORKFLOW, change
from tests.server.serving import RUNS, Reply, Serving, open_site
from tests.waiting import PATIENCE_S

FIRST, SECOND, OTHER = "simulator.first-v1:0", "simulator.second-v1:0", "simulator.other-v1:0"
HERE, THERE = "eu-central-1", "eu-west-1"
DEADLINE_MS = 4000
KEEPS_LONG = 4_102_444_800_000_000

BOUND = """
environments:
  dev:
    bedrock:
      regions: [eu-central-1, eu-west-1]
      endpoint: {url}
"""
ENTRY = """
  {name}:
    id: {id}
    provider: bedrock
    owner: li
    regions: [eu-central-1, eu-west-1]
    context: 200000
    languages: [en]
    settings: {{temperature: 0}}
    deterministic: true
    data_classes: [public, internal, confidential, restricted]
    price: {{input_per_million_usd: 1, output_per_million_usd: 5}}
    lifecycle: {{status: active}}
    trade_off: None that counts.
"""
MODELS = {FIRST: SimulatedModel(), SECOND: SimulatedModel(), OTHER: SimulatedModel()}


def as_client(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Give this process the simulator's keys, and nothing that this machine may have of AWS."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(home / "none"))


def name_of(called: str) -> str:
    """Return the name in models.yaml of what is called."""
    return called.removeprefix("simulator.").removesuffix("-v1:0")


def bind(folder: Path, url: str) -> None:
    """Let the example draft by `first`, with `second` behind it; `other` is registered, and in no release."""
    register = folder / "models.yaml"
    entries = [ENTRY.format(name=name_of(one), id=one) for one in (FIRST, SECOND, OTHER)]
    register.write_text(register.read_text("utf-8") + "".join(entries), "utf-8")
    policy = folder / "policy.yaml"
    allowed = policy.read_text("utf-8").replace(
        "models: [extractive]", "models: [extractive, first, second, other]"
    )
    policy.write_text(allowed, "utf-8")
    bound = folder / "proviso.yaml"
    bound.write_text(bound.read_text("utf-8") + BOUND.format(url=url), "utf-8")
    change(folder, WORKFLOW, "drafter: extractive", "drafter: [first, second]")
    change(folder, CONTRACT, "residency: [eu-central-1]", "residency: [eu-central-1, eu-west-1]")
    change(folder, CONTRACT, "deadline_ms: 8000", f"deadline_ms: {DEADLINE_MS}")


class Got(Struct, frozen=True):
    """What a caller got, and what the record says of it."""

    status: int
    run: Mapping[str, Any]
    record: Mapping[str, Any]

    @property
    def tried(self) -> list[tuple[str, str, str]]:
        """Model, region and outcome of each attempt."""
        return [(one["model"], one["region"], one["outcome"]) for one in self.record["attempts"]]

    @property
    def outcomes(self) -> list[str]:
        return [one["outcome"] for one in self.record["attempts"]]

    @property
    def drafted_by(self) -> tuple[str, str, str]:
        """Provider, model and region of the draft, as the record has them."""
        return self.record["provider"], self.record["model"], self.record["region"]


class Door(Struct, frozen=True):
    """The way in as an employee, and the simulator behind."""

    serving: Serving
    site: Site
    key: str
    simulator: Simulator

    def post(self, *, stream: bool = False, question: str = OSLO) -> Reply:
        """Send a question."""
        return self.serving.call("POST", RUNS, self.key, {"question": question, "stream": stream})

    def ask(self, *, stream: bool = False, question: str = OSLO) -> Got:
        """Ask, whole or streamed, and read the record of the run."""
        reply = self.post(stream=stream, question=question)
        assert reply.status == 200, reply.body
        run = _streamed(reply) if stream else reply.json
        record = self.serving.call("GET", f"/v1/runs/{run['run']}", self.key).json["finished"]
        return Got(reply.status, run, record)

    @property
    def called(self) -> list[Request]:
        """What the simulator was asked."""
        return self.simulator.requests


def _streamed(reply: Reply) -> Any:
    """Return the run at the end of a stream; its pieces must be its text, once."""
    events = [
        dict(line.split(": ", 1) for line in one.split("\n"))
        for one in reply.body.decode().split("\n\n")[:-1]
    ]
    assert events[-1]["event"] == "run", events
    run = json.loads(events[-1]["data"])
    pieces = [json.loads(one["data"])["text"] for one in events[:-1]]
    assert "".join(pieces) == run["text"]
    return run


class House(Struct, frozen=True):
    """A workspace that is bound to a simulator."""

    folder: Path
    pristine: Path  # the same, in which nothing has ever been served
    simulator: Simulator
    leaving: list[
        threading.Thread
    ]  # servers that end beside the next test: each waits a while for its callers

    @contextmanager
    def open(self, *faults: Fault, scenario: Scenario | None = None) -> Iterator[Door]:
        """Serve it with circuits, quotas and estimates that know nothing yet, over HTTP."""
        self.simulator.reset(scenario or having(*faults))
        with self._let_in(open_site(self.folder)) as door:
            yield door

    @contextmanager
    def following(self) -> Iterator[Door]:
        """Put it in force, and serve what is in force from then on."""
        self.simulator.reset(having())
        apply(self.folder)
        with self._let_in(Site.attach(self.folder, settings_of(self.folder), Purpose.TEST)) as door:
            yield door

    @contextmanager
    def _let_in(self, site: Site) -> Iterator[Door]:
        _, key = site.keys.create("dana", ("employees",), ("user",), KEEPS_LONG)
        ready = threading.Event()
        server = site.server(lambda _: ready.set())
        thread = threading.Thread(target=server.run)
        thread.start()
        self.leaving.append(thread)
        try:
            assert ready.wait(PATIENCE_S)
            yield Door(Serving(self.folder, server.url), site, key, self.simulator)
        finally:
            server.should_exit = True

    def but(self, folder: Path, *changes: tuple[str, str, str]) -> "House":
        """Return a copy of it in a folder where files, old texts and new ones differ."""
        shutil.copytree(self.pristine, folder)
        for file, old, new in changes:
            change(folder, file, old, new)
        return House(folder, folder, self.simulator, self.leaving)

    def close(self) -> None:
        """Wait until every server has ended."""
        for thread in self.leaving:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


def having(*faults: Fault) -> Scenario:
    """Return a scenario with these faults, in which a second takes a hundredth of one."""
    return Scenario(models=MODELS, time_scale=0.01, faults=faults)
