"""What a key grants is what proviso.yaml still grants its person: it may narrow that, and never add to it."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import pytest

from proviso.app import NewKey, Site, create_key, trace
from proviso.app.questions import NotHeld
from proviso.errors import InvalidWorkspace, Unauthenticated
from proviso.settings import Settings
from proviso.types import Principal, Purpose
from tests.cli.steps import SOURCES, ask, change
from tests.conftest import Command
from tests.linear import cpu_s

DAY = timedelta(days=1)


def caller(site: Site, secret: str) -> Principal:
    return asyncio.run(site.callers.authenticate(secret, "127.0.0.1"))


PEOPLE = "proviso.yaml"


def key(folder: Path, user: str, *, groups: tuple[str, ...] = (), roles: tuple[str, ...] = ()) -> str:
    return create_key(folder, Settings(), NewKey(user=user, groups=groups, roles=roles, lifetime=DAY))[1]


def test_the_key_of_someone_who_has_left_is_not_valid(workspace: Path) -> None:
    secret = key(workspace, "li")
    change(workspace, PEOPLE, "li: {name: Li Wen}", "li: {name: Li Wen, active: false}")
    site = Site.open(workspace, Settings(), Purpose.TEST)
    with pytest.raises(Unauthenticated):
        caller(site, secret)
    site.release()


def test_a_group_that_a_person_has_left_is_no_longer_theirs(workspace: Path) -> None:
    secret = key(workspace, "sam")
    change(workspace, PEOPLE, "auditors: [sam]", "auditors: []")
    site = Site.open(workspace, Settings(), Purpose.TEST)
    assert caller(site, secret).groups == {"employees"}
    site.release()


def test_a_key_cannot_have_a_group_or_role_that_its_person_has_not(workspace: Path) -> None:
    with pytest.raises(NotHeld):
        key(workspace, "dana", groups=("auditors",))
    with pytest.raises(NotHeld):
        key(workspace, "dana", roles=("auditor",))


def test_nobody_approves_their_own_source(workspace: Path) -> None:
    change(workspace, SOURCES, "by: sam", "by: nadia")
    with pytest.raises(InvalidWorkspace, match="owns the source"):
        Site.open(workspace, Settings(), Purpose.TEST)


def test_a_trace_names_who_had_approved_when_the_question_was_asked(
    proviso: Command, workspace: Path
) -> None:
    run = ask(proviso, workspace)["run"]
    change(workspace, SOURCES, "by: sam", "by: li")
    assert proviso("index", "-w", workspace).code == 0
    assert {passage["approved_by"] for passage in trace(workspace, Settings(), run)["passages"]} == {"sam"}


def test_a_known_key_is_looked_up_in_microseconds(workspace: Path) -> None:
    site = Site.open(workspace, Settings(), Purpose.TEST)
    _, secret = site.keys.create("dana", ("employees",), ("user",), time.time_ns() // 1000 + 60_000_000)
    caller(site, secret)
    spent = cpu_s(lambda: [site.callers.known(secret) for _ in range(200)], best_of=20)
    site.release()
    assert spent / 200 < 50e-6  # a look into the store would cost more than that
