"""Hosted models are called where the environment binds them, inside the regions of the release, and nowhere else."""

import json
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from proviso.app.hosting import Hosting, bedrock_origin, bedrock_provider, tell_failed, traits_of
from proviso.app.wiring import load
from proviso.contract import (
    EnvironmentBinding,
    ReleaseModel,
    Terms,
    load_terms,
    save_terms,
)
from proviso.contract.bundle import MemoryBlobs
from proviso.errors import NotReady
from proviso.models import CallFailed, Extractive, Fallback, Guard, Hosted, Model
from proviso.settings import Settings
from proviso.types import Attempt
from tests.aws.raw_server import RawServer, Visit
from tests.cli.steps import APP
from tests.models.calls import PLAIN
from tests.orchestrator.made import run

ENTRY = {
    "id": "maker.claude-v1:0",
    "provider": "bedrock",
    "profiles": ["eu.maker.claude-v1:0"],
    "regions": ["eu-central-1", "eu-west-1"],
    "context": 200_000,
    "max_output": 4_000,
    "languages": ["en"],
    "deterministic": False,
    "data_classes": ["public"],
    "features": ["structured-output", "prompt-cache"],
    "cache_min_tokens": 1_024,
    "output_burn": 5,
    "guardrail": {"identifier": "gr8", "version": "3"},
    "settings": {"temperature": 0.2, "stop_sequences": ["END"]},
    "trade_off": "It words well, and costs.",
}
LOCAL = {**ENTRY, "provider": "extractive", "id": "extractive", "regions": ["local"], "profiles": []}
SERVER = {
    **ENTRY,
    "provider": "openai",
    "id": "llama",
    "regions": ["local"],
    "profiles": [],
    "guardrail": None,
}
REGIONS = {"regions": ["us-east-1", "eu-west-1", "eu-central-1"]}


@pytest.fixture(scope="module")
def unbound(indexed: Path) -> Terms:
    app, blobs = load(indexed, [APP])[0], MemoryBlobs()
    return load_terms(save_terms(app, blobs), blobs)


def bound(terms: Terms, **binding: object) -> Terms:
    """The terms with a binding of the environment `dev`."""
    environments = {"dev": EnvironmentBinding.model_validate_json(json.dumps(binding))}
    return replace(terms, workspace=terms.workspace.model_copy(update={"environments": environments}))


def as_nobody(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Let AWS's chain of credentials find nothing, and ask no machine for any."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(home / "nothing"))


def entry(of: Mapping[str, object] = ENTRY) -> ReleaseModel:
    return ReleaseModel.model_validate_json(json.dumps(of))


def called(
    terms: Terms, of: Mapping[str, object] = ENTRY, **environ: str
) -> list[tuple[str, str, str, int | None]]:
    """What is called, where, who is said to answer there, and the quota."""
    places = Hosting(Settings(), environ).endpoints("claude", entry(of), terms)
    targets = [(endpoint.target, quota) for endpoint, quota in places]
    return [(target.model, target.region, target.provider, quota) for target, quota in targets]


def test_a_model_is_called_in_the_environments_regions_that_are_its_own_in_their_order(
    unbound: Terms,
) -> None:
    profile = "eu.maker.claude-v1:0"
    assert called(bound(unbound, bedrock=REGIONS)) == [
        (profile, "eu-west-1", "bedrock", None),
        (profile, "eu-central-1", "bedrock", None),
    ]


def test_a_binding_of_its_own_goes_first(unbound: Terms) -> None:
    arn = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/a1b2c3"
    own = {"claude": [{"profile": arn, "region": "eu-west-1", "tokens_per_minute": 9_000}]}
    assert called(bound(unbound, bedrock={**REGIONS, "models": own})) == [
        (arn, "eu-west-1", "bedrock", 9_000)
    ]


@pytest.mark.parametrize(
    "bedrock",
    [
        {"regions": ["us-east-1"]},
        {**REGIONS, "models": {"claude": [{"profile": "us.maker.claude-v1:0", "region": "us-east-1"}]}},
    ],
)
def test_a_binding_cannot_widen_where_data_may_be(unbound: Terms, bedrock: dict[str, object]) -> None:
    with pytest.raises(NotReady, match="region"):
        called(bound(unbound, bedrock=bedrock))


@pytest.mark.parametrize(
    "profile", ["eu.maker.other-v1:0", "arn:aws:bedrock:eu-west-1::foundation-model/maker.other-v1:0"]
)
def test_a_binding_cannot_put_another_model_in_its_place(unbound: Terms, profile: str) -> None:
    own = {"claude": [{"profile": profile, "region": "eu-west-1"}]}
    with pytest.raises(NotReady, match="another model"):
        called(bound(unbound, bedrock={**REGIONS, "models": own}))


def test_what_answers_at_another_address_counts_as_a_simulator(unbound: Terms) -> None:
    one = {"regions": ["eu-west-1"], "endpoint": "http://127.0.0.1:8400/"}
    assert called(bound(unbound, bedrock=one)) == [("eu.maker.claude-v1:0", "eu-west-1", "simulator", None)]


@pytest.mark.parametrize(
    ("origin", "provider"),
    [
        ("https://bedrock-runtime.eu-west-1.amazonaws.com", "bedrock"),
        ("https://vpce-1.bedrock-runtime.eu-west-1.vpce.amazonaws.com", "bedrock"),
        ("https://bedrock-runtime.cn-north-1.amazonaws.com.cn", "bedrock"),
        ("http://bedrock-runtime.eu-west-1.amazonaws.com", "simulator"),
        ("https://amazonaws.com.example.org", "simulator"),
        ("https://notamazonaws.com", "simulator"),
        ("https://bedrock.amazonaws.com@example.org", "simulator"),
    ],
)
def test_only_an_address_of_aws_is_bedrock(origin: str, provider: str) -> None:
    assert bedrock_provider(origin) == provider


def test_each_region_has_its_address() -> None:
    assert bedrock_origin("eu-west-1") == "https://bedrock-runtime.eu-west-1.amazonaws.com"
    assert bedrock_origin("cn-north-1") == "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"


def test_an_unbound_model_says_where_to_bind_it(unbound: Terms) -> None:
    with pytest.raises(NotReady) as unready:
        called(unbound)
    assert "environments.dev.bedrock" in unready.value.fix


def test_a_bearer_key_and_a_servers_key_must_be_set(unbound: Terms) -> None:
    with pytest.raises(NotReady, match="AWS_BEARER_TOKEN_BEDROCK"):
        called(bound(unbound, bedrock={**REGIONS, "credentials": "bearer"}))
    server = {"claude": {"url": "http://127.0.0.1:8000/v1", "key": "LLAMA_KEY", "tokens_per_minute": 5}}
    with pytest.raises(NotReady, match="LLAMA_KEY"):
        called(bound(unbound, openai=server), SERVER)
    with pytest.raises(NotReady, match="characters that no key has"):
        called(bound(unbound, openai=server), SERVER, LLAMA_KEY="k\n")
    assert called(bound(unbound, openai=server), SERVER, LLAMA_KEY="k") == [("llama", "local", "openai", 5)]


@pytest.mark.parametrize("below", ["", "/v1", "/api/v1/"])
async def test_a_server_is_asked_below_its_address(unbound: Terms, below: str) -> None:
    asked: list[bytes] = []

    async def hear(visit: Visit) -> None:
        asked.append((await visit.request())[0])

    server = RawServer(hear)
    await server.start()
    hosting = Hosting(Settings(), {})
    terms = bound(unbound, openai={"claude": {"url": server.origin + below}})
    ((there, _),) = hosting.endpoints("claude", entry(SERVER), terms)
    with pytest.raises(CallFailed):
        await there.converse(PLAIN, time.monotonic() + 30)
    await hosting.close()
    await server.stop()
    assert asked[0].startswith(f"POST {below.rstrip('/')}/chat/completions ".encode())
    assert there.target.origin == server.origin


def test_a_binding_cannot_take_a_model_off_this_machine(unbound: Terms) -> None:
    with pytest.raises(NotReady, match="this machine"):
        called(bound(unbound, openai={"claude": {"url": "https://llm.example.org/v1"}}), SERVER)


def test_the_register_says_how_a_model_is_asked() -> None:
    traits = traits_of(entry())
    assert (traits.max_output, traits.burn, traits.structured, traits.cache_min_tokens) == (
        4_000,
        5,
        True,
        1_024,
    )
    assert traits.guard == Guard("gr8", "3")
    assert (traits.inference.temperature, traits.inference.stop_sequences) == (0.2, ("END",))


def test_hosted_neighbours_are_one_model_and_the_built_in_one_stands_behind_them(unbound: Terms) -> None:
    hosting = Hosting(Settings(), {})
    entries = {"claude": entry(), "haiku": entry(), "extractive": entry(LOCAL)}
    terms = bound(unbound, bedrock=REGIONS)

    def kind(*names: str) -> type[Model]:
        return type(hosting.of(names, entries, terms))

    assert (kind("extractive"), kind("claude", "haiku")) == (Extractive, Hosted)
    assert kind("claude", "haiku", "extractive") is Fallback


async def test_a_server_says_at_once_that_it_has_no_credentials(
    unbound: Terms, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    as_nobody(monkeypatch, tmp_path)
    hosting = Hosting(Settings(), {})
    list(hosting.endpoints("claude", entry(), bound(unbound, bedrock=REGIONS)))
    await hosting.look()
    (said,) = [json.loads(record.message) for record in caplog.records if "no_credentials" in record.message]
    assert (said["event"], said["kind"], bool(said["fix"])) == ("no_credentials", "chain", True)


def test_the_calls_of_a_run_that_failed_are_logged_by_kind(caplog: pytest.LogCaptureFixture) -> None:
    one = run("What is the per diem for Oslo?")
    one.attempts.append(Attempt("claude", "bedrock", "eu.claude", "eu-west-1", "access_denied", 7))
    one.attempts.append(Attempt("claude", "bedrock", "eu.claude", "eu-north-1", "answered", 7))
    tell_failed(one)
    (said,) = [json.loads(record.message) for record in caplog.records]
    assert (said["run"], said["calls"]) == (one.id, ["claude in eu-west-1: access_denied"])
