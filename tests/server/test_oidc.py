"""Tokens of an OpenID provider over HTTP: who gets in, what they may read, and services that ask for their users."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from proviso.app import NewKey, Site, acting, create_key, put_in_force
from proviso.settings import Settings
from proviso.types import Purpose
from tests.access.provider import LoopbackProvider, SigningKey, down, elliptic
from tests.cli.steps import change, run_json
from tests.conftest import Command
from tests.server.serving import CHAT, OSLO, RUNS, Reply, Serving, inside
from tests.waiting import until

MILEAGE = "How much do I get per kilometre in my own car?"
PEOPLE = "proviso.yaml"
NOBODY = "not.a.token"


class Desk(Struct):
    """A server whose callers come with tokens, and the provider that signs them."""

    server: Serving
    provider: LoopbackProvider
    signing: SigningKey

    def token(self, user: str, *groups: str, **changes: Any) -> str:
        """Sign a token; `...` leaves a claim out."""
        now = int(time.time())
        claims = {
            "iss": self.provider.issuer, "aud": "proviso", "sub": user, "azp": "intranet",
            "iat": now, "exp": now + 600, "groups": list(groups),
        }  # fmt: skip
        return self.signing.sign({k: v for k, v in {**claims, **changes}.items() if v is not ...})

    def key(self, user: str, *, service: bool = False) -> tuple[str, str]:
        """Make a key; return its ID and its secret."""
        wanted = NewKey(user=user, lifetime=timedelta(days=1), service=service)
        made, secret = create_key(self.server.folder, Settings(), wanted)
        return made.id, secret

    def run(self, credential: str, question: str = OSLO, **headers: str) -> Reply:
        """Ask in the native dialect."""
        return self.server.call("POST", RUNS, credential, {"question": question}, **headers)

    def record(self, run: Reply) -> Any:
        """Read the record of a run as the auditor."""
        assert run.status == 200, run.body
        found = self.server.call("GET", f"/v1/runs/{run.json['run']}", self.key("sam")[1])
        assert found.status == 200, found.body
        return found.json

    def apply(self) -> None:
        """Put the folder in force as an admin."""
        folder = self.server.folder
        put_in_force(folder, Settings(), (), acting(folder, Settings(), "li", ""))


@contextmanager
def desk_of(folder: Path, provider: LoopbackProvider, signing: SigningKey) -> Iterator[Desk]:
    oidc = (
        f"identity:\n  oidc:\n    issuer: '{provider.issuer}'\n    audiences: [proviso]\n"
        "    delegation_audiences: [portal]\n    group_map: {staff: employees, freelance: contractors}\n"
    )
    change(folder, PEOPLE, "groups:\n", f"{oidc}groups:\n")
    put_in_force(folder, Settings())
    with inside(Site.attach(folder, Settings(port=0), Purpose.TEST), folder) as server:
        yield Desk(server, provider, signing)


@pytest.fixture(scope="module")
def signing() -> SigningKey:
    return elliptic("ec-1")


@pytest.fixture(scope="module")
def shared(pristine: Path, signing: SigningKey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """For tests that change nothing of it."""
    folder = tmp_path_factory.mktemp("oidc") / "example"
    shutil.copytree(pristine, folder)
    with LoopbackProvider(signing) as provider, desk_of(folder, provider, signing) as desk:
        yield desk


@pytest.fixture
def desk(workspace: Path, signing: SigningKey) -> Iterator[Desk]:
    """One of its own, to be changed."""
    with LoopbackProvider(signing) as provider, desk_of(workspace, provider, signing) as opened:
        yield opened


def cited(run: Reply) -> set[str]:
    assert run.status == 200, run.body
    return {citation["source"] for citation in run.json["citations"]}


# --- callers of their own -----------------------------------------------------------------------------


@pytest.mark.req("A1.oidc", "A1.identity")
def test_a_token_gets_answers_in_both_dialects(shared: Desk) -> None:
    token = shared.token("kim@example.com", "staff")
    chat = {"model": "policy-qa", "messages": [{"role": "user", "content": OSLO}]}
    reply = shared.server.call("POST", CHAT, token, chat)
    assert reply.status == 200, reply.body
    assert "NOK" in reply.json["choices"][0]["message"]["content"]
    assert "NOK" in shared.run(token).json["text"]
    assert [app["id"] for app in shared.server.call("GET", "/v1/models", token).json["data"]] == ["policy-qa"]


@pytest.mark.req("A1.oidc")
def test_the_record_has_the_tokens_user_groups_and_client(shared: Desk) -> None:
    record = shared.record(shared.run(shared.token("kim@example.com", "staff", "unheard-of")))
    assert record["user"] == "kim@example.com"
    assert (record["finished"]["groups"], record["finished"]["key"]) == (["employees"], "oidc:intranet")


@pytest.mark.req("A1.groups")
def test_the_groups_of_a_token_decide_what_is_retrieved(shared: Desk) -> None:
    assert "expense-policy" in cited(shared.run(shared.token("kim", "staff"), MILEAGE))
    assert cited(shared.run(shared.token("kim", "freelance"), MILEAGE)) <= {"travel-policy"}
    nowhere = shared.run(shared.token("kim", "employees"), MILEAGE)  # our own name is none of the provider's
    assert (nowhere.status, nowhere.json["code"]) == (404, "unknown_app")
    assert shared.server.call("GET", "/v1/models", shared.token("kim")).json["data"] == []


@pytest.mark.req("A1.oidc")
@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1_700_000_000},
        {"aud": "another"},
        {"aud": "portal"},
        {"iss": "https://other.example"},
        {"aud": ...},
    ],
)
def test_a_token_that_is_not_for_us_or_not_for_now_is_refused(shared: Desk, claims: dict[str, Any]) -> None:
    token = shared.token("kim", "staff", **claims)
    refused = shared.run(token)
    assert (refused.status, refused.json["code"]) == (401, "unauthenticated")
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert shared.server.call("GET", "/v1/models", token).json["error"]["type"] == "authentication_error"


def test_a_key_that_was_not_the_providers_signs_nothing(shared: Desk) -> None:
    forged = Desk(shared.server, shared.provider, elliptic("ec-1")).token("li", "staff")
    assert shared.run(forged).status == 401


# --- the provider is away -----------------------------------------------------------------------------


@pytest.mark.req("A1.oidc")
def test_while_the_provider_is_down_only_keys_that_are_not_known_fail(desk: Desk) -> None:
    assert desk.run(desk.token("kim", "staff")).status == 200
    desk.provider.answer = down
    assert desk.run(desk.token("lou", "staff")).status == 200  # another token, the key is known
    stranger = Desk(desk.server, desk.provider, elliptic("ec-2")).token("kim", "staff")
    assert desk.run(stranger).status == 401  # it was asked a moment ago: that key was not there


def test_a_provider_that_was_never_reached_is_said_to_be_away(desk: Desk) -> None:
    desk.provider.answer = down
    away = desk.run(desk.token("kim", "staff"))
    assert (away.status, away.json["code"], away.headers["retry-after"]) == (503, "identity_unavailable", "1")
    assert desk.run(desk.key("dana")[1]).status == 200  # API keys need no provider


# --- guessing -----------------------------------------------------------------------------------------


@pytest.mark.req("A1.identity")
def test_who_guesses_is_locked_out_and_who_is_known_is_not(desk: Desk) -> None:
    token, (_, key) = desk.token("kim", "staff"), desk.key("dana")
    assert (desk.run(token).status, desk.run(key).status) == (200, 200)
    statuses = [desk.run(f"a.b.{number}").status for number in range(21)]
    assert statuses == [401] * 20 + [429]
    locked = desk.server.call("GET", "/v1/models", "a.b.c")
    assert locked.json["error"]["code"] == "too_many_attempts"
    assert 0 < int(locked.headers["retry-after"]) <= 30
    assert (desk.run(token).status, desk.run(key).status) == (200, 200)


# --- services -----------------------------------------------------------------------------------------


@pytest.mark.req("A1.oidc", "A1.groups")
def test_a_service_that_asks_for_its_user_gets_and_is_recorded_as_that_user(shared: Desk) -> None:
    public, service = shared.key("dana", service=True)
    user = shared.token("kim", "freelance", aud="portal")
    run = shared.run(service, MILEAGE, x_proviso_user_token=user)
    record = shared.record(run)
    assert cited(run) <= {"travel-policy"}
    assert "expense-policy" in cited(shared.run(service, MILEAGE))  # the service itself may read it
    assert (record["user"], record["finished"]["groups"]) == ("kim", ["contractors"])
    assert record["finished"]["key"] == public


@pytest.mark.req("A7.access")
def test_the_user_of_a_service_may_read_the_record_and_another_user_may_not(shared: Desk) -> None:
    _, service = shared.key("dana", service=True)
    run = shared.run(service, OSLO, x_proviso_user_token=shared.token("kim", "staff")).json["run"]
    assert shared.server.call("GET", f"/v1/runs/{run}", shared.token("kim", "staff")).status == 200
    assert shared.server.call("GET", f"/v1/runs/{run}", shared.token("lou", "staff")).status == 404
    assert shared.server.call("GET", f"/v1/runs/{run}", service).status == 404


def test_a_service_that_the_policies_do_not_let_act_for_people_may_still_ask_for_itself(desk: Desk) -> None:
    (_, service), user = desk.key("dana", service=True), desk.token("kim", "staff")
    assert desk.run(service, x_proviso_user_token=user).status == 200
    rule = '@id("no-agents") forbid (principal, action == Action::"act_for", resource);'
    (desk.server.folder / "policies.cedar").write_text(rule)
    desk.apply()
    until(lambda: desk.run(service, x_proviso_user_token=user).status == 403)
    assert desk.run(service).status == desk.run(user).status == 200


@pytest.mark.parametrize("dialect", [RUNS, CHAT])
def test_a_plain_key_may_not_name_its_user(shared: Desk, dialect: str) -> None:
    _, plain = shared.key("dana")
    body = {"question": OSLO}
    if dialect == CHAT:
        body = {"model": "policy-qa", "messages": [{"role": "user", "content": OSLO}]}  # type: ignore[dict-item]
    user = shared.token("kim", "staff")
    assert shared.server.call("POST", dialect, plain, body, x_proviso_user_token=user).status == 403
    assert shared.server.call("POST", dialect, user, body, x_proviso_user_token=user).status == 403


@pytest.mark.parametrize("user", [NOBODY, "dana", ""])
def test_a_user_whom_nobody_has_signed_is_refused(shared: Desk, user: str) -> None:
    _, service = shared.key("dana", service=True)
    assert shared.run(service, OSLO, x_proviso_user_token=user).status == 401


def test_names_of_users_anywhere_else_count_for_nothing(shared: Desk) -> None:
    _, service = shared.key("dana", service=True)
    chat = {"model": "policy-qa", "user": "sam", "messages": [{"role": "user", "content": OSLO}]}
    reply = shared.server.call("POST", CHAT, service, chat, x_proviso_user="sam", x_forwarded_user="sam")
    assert reply.json["proviso"]["ignored"] == ["$.user"]
    found = shared.server.call("GET", f"/v1/runs/{reply.headers['x-proviso-run']}", shared.key("sam")[1])
    assert found.json["user"] == "dana"


def test_a_service_key_is_listed_as_one(proviso: Command, workspace: Path) -> None:
    made = run_json(proviso, "keys", "create", "-w", workspace, "--user", "dana", "--service")
    plain = run_json(proviso, "keys", "create", "-w", workspace, "--user", "dana")
    listed = run_json(proviso, "keys", "list", "-w", workspace)
    assert [(key["key"], key["service"]) for key in listed] == [(made["key"], True), (plain["key"], False)]
    assert "service" in proviso("keys", "list", "-w", workspace).out


# --- what is in force changes -------------------------------------------------------------------------


def heard(desk: Desk, token: str, status: int) -> None:
    until(lambda: desk.run(token).status == status)


@pytest.mark.req("A1.oidc")
def test_who_has_left_is_out_at_once_and_who_comes_back_is_in_again(desk: Desk) -> None:
    token, (_, key) = desk.token("jo", "freelance"), desk.key("jo")
    assert (desk.run(token).status, desk.run(key).status) == (200, 200)
    change(desk.server.folder, PEOPLE, "jo: {name: Jo Marsh}", "jo: {name: Jo Marsh, active: false}")
    desk.apply()
    heard(desk, token, 401)
    assert desk.run(key).status == 401
    change(desk.server.folder, PEOPLE, "active: false", "active: true")
    desk.apply()
    heard(desk, token, 200)
    assert desk.run(key).status == 200


def test_another_provider_is_taken_up_without_a_restart(desk: Desk) -> None:
    token = desk.token("kim", "staff")
    assert desk.run(token).status == 200
    with LoopbackProvider(other := elliptic("other")) as provider:
        change(desk.server.folder, PEOPLE, desk.provider.issuer, provider.issuer)
        desk.apply()
        heard(desk, token, 401)
        assert desk.run(Desk(desk.server, provider, other).token("kim", "staff")).status == 200


@pytest.mark.req("A1.groups")
def test_a_workspaces_own_policy_forbids_and_hides_an_app_and_says_why(proviso: Command, desk: Desk) -> None:
    token, folder = desk.token("kim", "freelance"), desk.server.folder
    assert desk.run(token).status == 200
    (folder / "policies.cedar").write_text(
        '@id("no-contractors")\n@says("contractors do not ask this app")\n'
        'forbid (principal in Group::"contractors", action == Action::"ask", resource == App::"policy-qa");\n'
    )
    desk.apply()
    heard(desk, token, 403)
    assert "contractors do not ask this app" in desk.run(token).json["detail"]
    assert desk.server.call("GET", "/v1/models", token).json["data"] == []
    assert desk.run(desk.token("kim", "staff")).status == 200
    done = proviso("access", "explain", "-w", folder, "jo", "ask", "app:policy-qa")
    assert done.code == 1
    assert "decided by no-contractors (policies.cedar:1:1)" in done.out
    assert "by: what is in force" in done.out
