"""`outbox`: what is on its way, what was given up, another try, a test of a destination."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from proviso.app.notices import configured, open_queue
from proviso.contract import Workspace
from proviso.outbox import Destination, Notice, Outbox, Queue
from proviso.settings import Settings
from proviso.store import Control, open_store
from tests.cli.steps import run_json
from tests.conftest import Command

AT = 1_750_000_000_000_000


@pytest.fixture
def put(workspace: Path) -> str:
    """The ID of a message that waits in a workspace."""
    store = open_store(workspace / ".proviso")
    outbox = Outbox("vantholm", [Destination("ops", ("*",))], lambda: AT, lambda: "m1")
    with Control(store.database).transaction() as tables:
        outbox.put(tables.statements, Notice("key.revoked", AT, {"key": "k1"}))
    store.close()
    return "m1"


@pytest.fixture
def dead(workspace: Path, put: str) -> Iterator[Queue]:
    """The queue of a workspace whose one message was given up."""
    with open_queue(workspace, Settings()) as queue:
        (message,) = queue.claim("ops", "me", 1)
        queue.bury(message, "me", "it answered 500")
        yield queue


def test_a_message_is_listed_with_what_it_is_about(proviso: Command, workspace: Path, put: str) -> None:
    (message,) = run_json(proviso, "outbox", "list", "-w", workspace)
    assert (message["id"], message["topic"], message["state"]) == (put, "key.revoked", "waiting")
    assert message["at"] == "2025-06-15T15:06:40+00:00"
    assert "An API key" not in proviso("outbox", "list", "-w", workspace, "--dead").out


def test_a_dead_letter_is_listed_with_its_last_failure_and_an_exit_code(
    proviso: Command, workspace: Path, dead: Queue
) -> None:
    done = proviso("outbox", "list", "-w", workspace, "--dead")
    assert (done.code, "it answered 500" in done.out) == (1, True)


@pytest.mark.parametrize("which", ["m1", "--all-dead"])
def test_a_dead_letter_can_be_sent_again(proviso: Command, workspace: Path, dead: Queue, which: str) -> None:
    assert proviso("outbox", "retry", "-w", workspace, which).code == 0
    (message,) = run_json(proviso, "outbox", "list", "-w", workspace)
    assert (message["state"], message["attempts"], message["reason"]) == ("waiting", 0, "")


@pytest.mark.parametrize("which", [[], ["m1", "--all-dead"]])
def test_a_retry_is_of_one_message_or_of_all_dead_letters(
    proviso: Command, workspace: Path, which: list[str]
) -> None:
    done = proviso("outbox", "retry", "-w", workspace, *which)
    assert (done.code, "--all-dead" in done.err) == (2, True)


def test_a_message_that_there_is_not_cannot_be_sent_again(proviso: Command, workspace: Path) -> None:
    done = proviso("outbox", "retry", "-w", workspace, "m0")
    assert (done.code, "`m0`" in done.err) == (2, True)


def test_a_destination_that_there_is_not_cannot_be_tested(proviso: Command, workspace: Path) -> None:
    done = proviso("outbox", "test", "-w", workspace, "nobody")
    assert (done.code, "`nobody`" in done.err) == (2, True)


@pytest.mark.skipif(
    "notifications" not in Workspace.model_fields, reason="proviso.yaml has no destinations yet"
)
def test_a_test_says_what_came_of_it(
    proviso: Command, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = workspace / "proviso.yaml"
    hook = "webhook: {url: 'http://127.0.0.1:9/', secrets: [HOOK_SECRET]}"  # where nobody listens
    file.write_text(file.read_text() + f"\nnotifications:\n  hook: {{{hook}, topics: ['*']}}\n")
    refused = proviso("outbox", "test", "-w", workspace, "hook")
    assert (refused.code, "`HOOK_SECRET`" in refused.err) == (2, True)
    monkeypatch.setenv("HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    done = proviso("outbox", "test", "-w", workspace, "hook", "--json")
    assert (done.code, json.loads(done.out)[0]["verdict"]) == (4, "failed")


def test_a_workspace_that_says_nothing_of_notifications_has_no_destination() -> None:
    assert configured(Workspace(workspace="w", people={})) == ()
