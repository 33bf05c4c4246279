"""People, roles and policies in force: admins under the version in force change them, and servers hear of it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from proviso.access import Keys
from proviso.app import NewKey, acting, create_key, put_in_force
from proviso.app.applying import _Act
from proviso.app.deploying import NotInForce, access_in_force, in_force
from proviso.app.wiring import load, now_us, opened, recording
from proviso.contract import load_access
from proviso.errors import Forbidden, GateClosed, InvalidWorkspace, Unauthenticated, UnknownApp
from proviso.settings import Settings
from proviso.store import Control
from proviso.types import Answer, Environment
from tests.app.acts import (
    DANA,
    JO,
    NOT_FOR_CONTRACTORS,
    PEOPLE,
    POLICIES,
    acts,
    another_policy,
    answered,
    apply,
    attached,
    control,
    facts,
    look,
    more_people,
    more_readers_of_runs,
)
from tests.cli.steps import APP, CONTRACT, OSLO, change
from tests.conftest import Command

ACCESS_CHANGES = [more_people, more_readers_of_runs, another_policy]

# --- people, roles, policies --------------------------------------------------------------------------


@pytest.mark.parametrize("edit", ACCESS_CHANGES)
@pytest.mark.parametrize("user", ["", "dana", "sam", "jo"])
def test_who_may_do_what_is_changed_by_admins_only(
    workspace: Path, edit: Callable[[Path], None], user: str
) -> None:
    apply(workspace)
    before = acts(workspace), facts(workspace, "release.built")
    edit(workspace)
    with pytest.raises(Forbidden if user else NotInForce):
        apply(workspace, user)
    assert (acts(workspace), facts(workspace, "release.built")) == before


@pytest.mark.parametrize("edit", ACCESS_CHANGES)
def test_an_admins_change_is_on_record_with_actor_digests_and_policy(
    workspace: Path, edit: Callable[[Path], None]
) -> None:
    (first, *_) = apply(workspace)
    edit(workspace)
    done = apply(workspace, "li")[0]
    event = facts(workspace, "access.changed")[-1]
    assert (event["old"], event["new"]) == (first.new, done.new)
    assert event["policies"] == ["admins-rule-access"]
    with control(workspace) as tables:
        assert tables.user(event["subject"]) == "li"


def test_an_admin_whom_only_the_folder_names_is_none(workspace: Path) -> None:
    apply(workspace)
    change(workspace, PEOPLE, "admin: [li]", "admin: [li, dana]")
    with pytest.raises(Forbidden):
        apply(workspace, "dana")
    apply(workspace, "li")
    more_people(workspace)
    apply(workspace, "dana")


def test_an_admin_who_may_not_change_an_app_changes_people_and_the_apps_terms_follow(workspace: Path) -> None:
    change(workspace, PEOPLE, "admin: [li]", "admin: [jo]")
    apply(workspace)
    more_people(workspace)
    assert [done.what for done in apply(workspace, "jo")] == ["access", "terms"]
    assert facts(workspace, "app.deployed")[-1]["policies"] == ["admins-rule-access"]
    change(workspace, CONTRACT, "deadline_ms: 8000", "deadline_ms: 7000")
    with pytest.raises(Forbidden):
        apply(workspace, "jo")


def test_rights_that_an_act_gives_do_not_count_for_that_act(workspace: Path) -> None:
    change(workspace, PEOPLE, "admin: [li]", "admin: [jo]")
    apply(workspace)
    change(workspace, PEOPLE, "operator: [li", "operator: [jo, li")
    change(workspace, CONTRACT, "deadline_ms: 8000", "deadline_ms: 7000")
    with pytest.raises(Forbidden, match="no policy permits it"):
        apply(workspace, "jo")
    assert len(acts(workspace)) == 2


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (PEOPLE, "admin: [li]", "admin: []"),
        (PEOPLE, "li: {name: Li Wen}", "li: {name: Li Wen, active: false}"),
        (POLICIES, "", '@id("x")\nforbid (principal in Role::"admin", action, resource);\n'),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_nobody_shuts_everybody_out_for_good(
    workspace: Path, file: str, old: str, new: str, first: bool
) -> None:
    if not first:
        apply(workspace)
    before = acts(workspace)
    if old:
        change(workspace, file, old, new)
    else:
        (workspace / file).write_text(new)
    with pytest.raises(NotInForce, match="nobody could change"):
        apply(workspace, "" if first else "li")
    assert acts(workspace) == before


def test_people_and_policies_are_heard_without_a_restart(workspace: Path) -> None:
    apply(workspace)
    secret = create_key(workspace, Settings(), NewKey(user="jo", lifetime=timedelta(days=1)))[1]
    with attached(workspace) as site:
        assert [app.app for app in site.usable(JO)] == [APP]
        another_policy(workspace)
        change(workspace, PEOPLE, "contractors: [jo]", "contractors: []")
        apply(workspace, "li")
        look(site)
        assert site.usable(JO) == []
        with pytest.raises(Forbidden, match="contractors do not ask this app"):
            answered(site, OSLO, JO)
        assert site.callers._ring.authenticate(secret).groups == frozenset()


def test_policies_that_are_broken_put_nothing_in_force(workspace: Path) -> None:
    apply(workspace)
    before = acts(workspace)
    (workspace / POLICIES).write_text('@id("x")\npermit (principal in Role::"king", action, resource);\n')
    with pytest.raises(InvalidWorkspace, match=r"policies\.cedar:2"):
        apply(workspace, "li")
    assert acts(workspace) == before


# --- who acts -----------------------------------------------------------------------------------------


PILOT = Settings(environment=Environment.PILOT)


def test_outside_dev_a_name_is_not_enough(
    proviso: Command, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(workspace)
    monkeypatch.setenv("PROVISO_ENV", "pilot")
    done = proviso("apply", "-w", workspace, "--as", "li")
    assert done.code == 2
    assert "PROVISO_API_KEY" in done.err


def test_outside_dev_a_key_says_who_acts(workspace: Path) -> None:
    secret = create_key(workspace, Settings(), NewKey(user="li", lifetime=timedelta(days=1)))[1]
    assert acting(workspace, PILOT, "", secret).user == acting(workspace, PILOT, "li", secret).user == "li"
    with pytest.raises(Forbidden):
        acting(workspace, PILOT, "dana", secret)
    with pytest.raises(Unauthenticated):
        acting(workspace, PILOT, "", secret[:-1] + ("a" if secret[-1] != "a" else "b"))


def test_outside_dev_nobody_changes_an_app(workspace: Path) -> None:
    apply(workspace)
    with pytest.raises(GateClosed):  # before anybody is asked who they are: nothing may be served there yet
        put_in_force(workspace, PILOT)
    with opened(Settings(), workspace) as store, recording(store) as recorder:
        tables = Control(store.database)
        served = in_force(tables)[APP]
        with pytest.raises(Unauthenticated):  # what the gate would let through
            _Act(tables, recorder, PILOT, None)._decided(
                load(workspace)[0], served, replace(served, release="00")
            )


def test_a_service_does_not_change_who_may_do_what(workspace: Path) -> None:
    apply(workspace)
    with control(workspace) as tables:
        _, secret = Keys(tables, now_us).create("li", (), ("admin", "user"), now_us() + 10**9, service=True)
    more_people(workspace)
    with pytest.raises(Forbidden, match="only people"):
        put_in_force(workspace, Settings(), (), acting(workspace, Settings(), "", secret))


def test_somebody_whom_the_version_in_force_does_not_know_is_nobody(workspace: Path) -> None:
    apply(workspace)
    more_people(workspace)
    change(workspace, PEOPLE, "admin: [li]", "admin: [li, eve]")
    with pytest.raises(Exception, match="`eve` is not an active person"):
        apply(workspace, "eve")


def test_what_is_in_force_is_the_text_of_the_folder(workspace: Path) -> None:
    another_policy(workspace)
    done = apply(workspace)[0]
    with control(workspace) as tables:
        found = load_access(done.new, tables)
        assert found == access_in_force(tables)
        assert found.policies == NOT_FOR_CONTRACTORS


def test_an_app_that_is_not_there_is_said_so(workspace: Path) -> None:
    with pytest.raises(InvalidWorkspace, match="no app `nope`"):
        apply(workspace, "", "nope")
    apply(workspace, "", APP)
    with attached(workspace) as site, pytest.raises(UnknownApp):
        site.routing.resolve("nope", DANA)


def test_notices_that_cannot_be_sent_from_here_keep_nobody_from_hearing(workspace: Path) -> None:
    apply(workspace)
    hook = "{topics: ['key.*'], webhook: {url: 'https://ops.example/hook', secrets: [NO_SUCH_SECRET]}}"
    change(workspace, PEOPLE, "groups:\n", f"notifications:\n  ops: {hook}\ngroups:\n")
    more_people(workspace)
    with attached(workspace) as site:
        apply(workspace, "li")
        look(site)
        assert "eve" in site.callers.access.workspace.people
        assert isinstance(answered(site).outcome, Answer)
    with attached(workspace) as site:  # and from starting
        assert isinstance(answered(site).outcome, Answer)
