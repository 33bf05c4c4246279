"""`keys`: a secret is shown once and stored nowhere; keys expire and are revoked."""

import datetime as dt
import hashlib
from pathlib import Path

import pytest

from tests.cli.steps import change, on_disk, run_json
from tests.conftest import Command


@pytest.mark.req("A1.keys")
def test_a_secret_is_shown_once_and_only_its_hash_is_stored(proviso: Command, workspace: Path) -> None:
    made = run_json(proviso, "keys", "create", "-w", workspace, "--user", "dana")
    disk = on_disk(workspace)
    assert made["secret"].encode() not in disk
    assert hashlib.sha256(made["secret"].encode()).digest() in disk
    assert made["secret"] not in proviso("keys", "list", "-w", workspace).out


def test_a_key_has_the_persons_groups_and_roles_or_those_that_are_asked_for(
    proviso: Command, workspace: Path
) -> None:
    whole = run_json(proviso, "keys", "create", "-w", workspace, "--user", "sam")
    assert (whole["groups"], whole["roles"]) == (["auditors", "employees"], ["auditor", "risk", "user"])
    less = run_json(
        proviso, "keys", "create", "-w", workspace, "--user", "sam", "--group", "employees", "--role", "user"
    )
    assert (less["groups"], less["roles"]) == (["employees"], ["user"])


@pytest.mark.req("A1.keys")
def test_a_revoked_key_is_listed_as_revoked_and_cannot_be_revoked_twice(
    proviso: Command, workspace: Path
) -> None:
    key = run_json(proviso, "keys", "create", "-w", workspace, "--user", "dana")["key"]
    assert proviso("keys", "revoke", "-w", workspace, key).code == 0
    (listed,) = run_json(proviso, "keys", "list", "-w", workspace)
    assert (listed["key"], listed["state"]) == (key, "revoked")


def test_a_key_expires_after_the_time_that_was_asked_for(proviso: Command, workspace: Path) -> None:
    made = run_json(proviso, "keys", "create", "-w", workspace, "--user", "dana", "--expires", "12h")
    span = dt.datetime.fromisoformat(made["expires"]) - dt.datetime.fromisoformat(made["created"])
    assert abs(span - dt.timedelta(hours=12)) < dt.timedelta(seconds=2)


@pytest.mark.parametrize("lifetime", ["0d", "-1d", "forever", "90", "1y", "999999d"])
def test_a_lifetime_that_is_none_is_a_usage_error(proviso: Command, workspace: Path, lifetime: str) -> None:
    done = proviso("keys", "create", "-w", workspace, "--user", "dana", f"--expires={lifetime}")
    assert done.code == 2
    assert "`90d`" in done.err


@pytest.mark.parametrize("user", ["bob", "dana"])
def test_strangers_and_those_who_have_left_get_no_key(proviso: Command, workspace: Path, user: str) -> None:
    change(workspace, "proviso.yaml", "dana: {", "dana: {active: false, ")
    done = proviso("keys", "create", "-w", workspace, "--user", user)
    assert done.code == 2
    assert f"`{user}`" in done.err
    assert run_json(proviso, "keys", "list", "-w", workspace) == []


def test_revoking_an_unknown_key_is_said_so(proviso: Command, workspace: Path) -> None:
    done = proviso("keys", "revoke", "-w", workspace, "k0")
    assert done.code == 2
    assert "`k0`" in done.err


@pytest.mark.req("A1.keys")
def test_a_key_can_be_revoked_while_the_folder_is_broken(proviso: Command, workspace: Path) -> None:
    assert proviso("apply", "-w", workspace).code == 0
    key = run_json(proviso, "keys", "create", "-w", workspace, "--user", "dana")["key"]
    change(workspace, "proviso.yaml", "people:", "peeple:")
    assert proviso("keys", "revoke", "-w", workspace, key).code == 0


def test_keys_are_of_people_in_force_and_not_of_those_in_the_folder(
    proviso: Command, workspace: Path
) -> None:
    assert proviso("apply", "-w", workspace).code == 0
    change(workspace, "proviso.yaml", "people:\n", "people:\n  eve: {name: Eve Park}\n")
    assert proviso("keys", "create", "-w", workspace, "--user", "eve").code == 2
    assert proviso("apply", "-w", workspace, "--as", "li").code == 0
    assert proviso("keys", "create", "-w", workspace, "--user", "eve").code == 0
