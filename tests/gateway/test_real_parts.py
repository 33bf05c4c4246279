"""The door in front of the real rooms: the example's documents, contract, keys and record."""

import http.client
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from proviso.app import Site
from proviso.gateway import openapi
from proviso.settings import Settings
from proviso.types import Purpose
from tests.gateway.house import Reply, ask
from tests.gateway.test_openapi import check
from tests.waiting import PATIENCE_S, soonest, until

HOUR_US = 3_600_000_000
CHAT = "/v1/chat/completions"
RUNS = "/v1/apps/policy-qa/runs"


class Base(Struct):
    """A running site and the ways to call it."""

    site: Site
    url: str

    def key(self, user: str = "dana", group: str = "employees", role: str = "user") -> tuple[str, str]:
        """Return a new key's public ID and secret."""
        made, secret = self.site.keys.create(user, (group,), (role,), time.time_ns() // 1000 + HOUR_US)
        return made.id, secret

    def call(self, method: str, path: str, secret: str, body: Any = None) -> Reply:
        """Call the server over HTTP."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=PATIENCE_S)
        headers = {"authorization": f"Bearer {secret}", "content-type": "application/json"}
        connection.request(method, path, None if body is None else msgspec.json.encode(body), headers)
        reply = connection.getresponse()
        read = Reply(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
        connection.close()
        return read


@pytest.fixture(scope="module")
def base(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Base]:
    folder = tmp_path_factory.mktemp("real") / "example"
    shutil.copytree(pristine, folder)
    site = Site.open(folder, Settings(port=0), Purpose.TEST)
    ready = threading.Event()
    server = site.server(lambda _: ready.set())
    thread = threading.Thread(target=server.run)
    thread.start()
    assert ready.wait(PATIENCE_S)
    yield Base(site, server.url)
    server.should_exit = True
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


@pytest.mark.req("A8.api")
def test_a_question_is_answered_from_the_documents_in_both_dialects(base: Base) -> None:
    _, key = base.key()
    chat = base.call("POST", CHAT, key, ask())
    native = base.call("POST", RUNS, key, {"question": "What is the per diem for Oslo?"})
    assert "1,020" in native.json["text"]
    assert chat.json["choices"][0]["message"]["content"] == native.json["text"]
    assert all(citation["quote"] in native.json["text"] for citation in native.json["citations"])
    check(openapi(), "post", CHAT, chat)
    check(openapi(), "post", "/v1/apps/{app}/runs", native)


def test_a_stream_is_the_same_answer_in_pieces(base: Base) -> None:
    _, key = base.key()
    whole = base.call("POST", RUNS, key, {"question": "What is the per diem for Oslo?"})
    streamed = base.call("POST", RUNS, key, {"question": "What is the per diem for Oslo?", "stream": True})
    pieces = [msgspec.json.decode(data)["text"] for name, data in streamed.events if name == "text"]
    assert len(pieces) > 1
    assert "".join(pieces) == whole.json["text"]


@pytest.mark.req("A6.refusals")
def test_a_refusal_names_its_clause(base: Base) -> None:
    _, key = base.key()
    run = base.call("POST", RUNS, key, {"question": "Can I sue my landlord?"}).json
    assert (run["outcome"], run["reason"]) == ("refusal", "out_of_purpose")
    assert run["clause"].startswith("purpose.refuses.")
    assert run["text"]


@pytest.mark.req("A7.id", "A7.access")
def test_every_run_has_an_id_that_leads_its_caller_and_the_auditor_to_its_record(base: Base) -> None:
    _, key = base.key()
    _, auditor = base.key("sam", "auditors", "auditor")
    _, other = base.key("tomas")
    run = base.call("POST", CHAT, key, ask()).headers["x-proviso-run"]
    mine = base.call("GET", f"/v1/runs/{run}", key)
    assert mine.json["finished"]["outcome"] == "answer"
    check(openapi(), "get", "/v1/runs/{run}", mine)
    assert base.call("GET", f"/v1/runs/{run}", auditor).json == mine.json
    assert base.call("GET", f"/v1/runs/{run}", other).status == 404


@pytest.mark.req("A1.identity", "A1.keys")
def test_a_revoked_key_is_dead_within_a_second(base: Base) -> None:
    def lives_on_for() -> float:
        public, key = base.key()
        assert base.call("GET", "/v1/models", key).status == 200
        base.site.keys.revoke(public)
        done = time.monotonic()
        until(lambda: base.call("GET", "/v1/models", key).status == 401)
        assert base.call("POST", CHAT, key, ask()).status == 401
        return time.monotonic() - done

    assert soonest(lives_on_for, 1) <= 1


@pytest.mark.req("A1.groups")
def test_to_a_group_that_may_read_nothing_of_it_an_app_does_not_exist(base: Base) -> None:
    _, key = base.key("dana", "strangers")
    assert base.call("GET", "/v1/models", key).json["data"] == []
    assert base.call("POST", CHAT, key, ask()).json["error"]["code"] == "unknown_app"


def test_what_is_masked_is_in_the_decisions_and_in_no_record(base: Base) -> None:
    _, key = base.key()
    asked = {"question": "My address is kim@example.com: what is the per diem for Oslo?"}
    run = base.call("POST", RUNS, key, asked)
    assert "inputs.sensitive.mask.EMAIL" in {decision["clause"] for decision in run.json["decisions"]}
    assert b"kim@example.com" not in run.body + base.call("GET", f"/v1/runs/{run.json['run']}", key).body


def test_a_caller_cannot_tell_documents_that_it_may_not_read_from_none(base: Base) -> None:
    _, contractor = base.key("jo", "contractors")
    _, auditor = base.key("sam", "employees", "auditor")
    hidden = base.call("POST", RUNS, contractor, {"question": "Mileage?"}).json
    nothing = base.call("POST", RUNS, contractor, {"question": "xyzzy?"}).json
    path = "/v1/runs/{}".format
    seen = [base.call("GET", path(run["run"]), contractor).json["finished"] for run in (hidden, nothing)]
    told = [base.call("GET", path(run["run"]), auditor).json["finished"] for run in (hidden, nothing)]
    assert [hidden["clause"], hidden["text"]] == [nothing["clause"], nothing["text"]]
    assert [run["retrieval_empty"] for run in seen] == ["empty", "empty"]
    assert [run["retrieval_empty"] for run in told] == ["filtered_by_access", "no_match"]
