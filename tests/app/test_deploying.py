"""Putting a folder in force: who may, what is on record, and that servers follow without a restart."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from proviso.access import Authority
from proviso.app import Site, acting, ask, put_in_force
from proviso.app.applying import Overtaken, _Act
from proviso.app.authorisation import added_policies
from proviso.app.deploying import NotInForce, access_in_force, in_force
from proviso.app.wiring import load, opened, recording
from proviso.errors import (
    Forbidden,
    NotReady,
    ProvisoError,
    UnknownApp,
)
from proviso.ledger import Recorder
from proviso.settings import Settings
from proviso.store import Control
from proviso.types import Answer, Purpose, Refusal, Served
from tests.app.acts import (
    DANA,
    PEOPLE,
    acts,
    answered,
    apply,
    attached,
    control,
    facts,
    look,
    more_people,
    more_readers_of_runs,
    settings_of,
    twin,
)
from tests.cli.steps import APP, CONTRACT, OSLO, change, without_approval

MILEAGE = "How much do I get per kilometre in my own car?"


def cited(served: Served) -> set[str]:
    assert isinstance(served.outcome, Answer)
    return {citation.source for citation in served.outcome.citations}


# --- the first time -----------------------------------------------------------------------------------


def test_the_first_act_needs_nobody_and_is_on_record_as_the_first(workspace: Path) -> None:
    changes = apply(workspace)
    assert [(change.app, change.what, change.old) for change in changes] == [
        ("", "access", ""), (APP, "release", ""), (APP, "terms", "")
    ]  # fmt: skip
    (access,), (app,) = facts(workspace, "access.changed"), facts(workspace, "app.deployed")
    assert (access["old"], access["new"], access["subject"]) == ("", changes[0].new, "")
    assert (app["old_release"], app["release"], app["policies"]) == ("", changes[1].new, [])


def test_an_unchanged_folder_changes_nothing_and_records_nothing(workspace: Path) -> None:
    apply(workspace)
    before = acts(workspace)
    assert apply(workspace) == apply(workspace, "li") == apply(workspace, "jo") == []
    assert acts(workspace) == before


def test_what_cannot_be_served_yet_puts_nothing_in_force_not_even_people(workspace: Path) -> None:
    home = workspace.parent / "elsewhere"  # where nothing has been indexed
    with pytest.raises(NotReady, match="snapshot"):
        put_in_force(workspace, Settings(home=home))
    with opened(Settings(home=home), workspace) as store, pytest.raises(NotInForce):
        access_in_force(Control(store.database))


def test_nothing_is_served_before_something_is_in_force(workspace: Path) -> None:
    with pytest.raises(NotInForce):
        Site.attach(workspace, settings_of(workspace), Purpose.TEST)


def test_a_preview_answers_from_the_folder_and_puts_nothing_in_force(workspace: Path) -> None:
    assert isinstance(ask(workspace, Settings(), APP, OSLO, None).outcome, Answer)
    with control(workspace) as tables:
        assert in_force(tables) == {}
    apply(workspace)
    served = acts(workspace)
    change(workspace, CONTRACT, "max_chars: 8000", "max_chars: 9")
    more_people(workspace)
    change(workspace, PEOPLE, "employees: [", "employees: [eve, ")
    refused = ask(workspace, Settings(), APP, OSLO, "eve").outcome
    assert isinstance(refused, Refusal)
    assert refused.reason == "too_long"
    assert acts(workspace) == served


# --- apps ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "old", "new", "what"),
    [
        (CONTRACT, "max_chars: 8000", "max_chars: 7000", "release"),
        (CONTRACT, "deadline_ms: 8000", "deadline_ms: 7000", "terms"),
        ("models.yaml", "input_per_million_usd: 0", "input_per_million_usd: 3", "terms"),
    ],
)
def test_a_change_is_served_without_a_restart(
    workspace: Path, file: str, old: str, new: str, what: str
) -> None:
    apply(workspace)
    with attached(workspace) as site:
        before = site.routing.resolve(APP, DANA)
        change(workspace, file, old, new)
        (done,) = apply(workspace)
        assert site.routing.resolve(APP, DANA) is before
        look(site)
        now = site.routing.resolve(APP, DANA)
        digests = {"release": (before.digest, now.digest), "terms": (before.terms.digest, now.terms.digest)}
        assert (done.what, done.old, done.new) == (what, *digests[what])
        assert (now.terms.deadline_s, now.prices["extractive"].input) in [(8, 0), (7, 0), (8, 3_000_000)]


def test_new_terms_leave_the_compiled_release_as_it_is(workspace: Path) -> None:
    apply(workspace)
    with attached(workspace) as site:
        before = site.routing.resolve(APP, DANA)
        change(workspace, "models.yaml", "input_per_million_usd: 0", "input_per_million_usd: 3")
        apply(workspace)
        look(site)
        now = site.routing.resolve(APP, DANA)
        assert now.prices["extractive"].input == 3_000_000
        assert (now.index, now.guardrails, now.prompt) == (before.index, before.guardrails, before.prompt)


@pytest.mark.req("S2.approved")
def test_a_source_whose_approval_is_withdrawn_is_searched_no_more(workspace: Path) -> None:
    apply(workspace)
    with attached(workspace) as site:
        assert "expense-policy" in cited(answered(site, MILEAGE))
        without_approval(workspace, "expense-policy")
        assert [done.what for done in apply(workspace)] == ["terms"]
        look(site)
        assert "expense-policy" not in cited(answered(site, MILEAGE))
        assert cited(answered(site, OSLO)) == {"travel-policy"}


def test_what_an_owner_puts_in_force_is_on_record_with_actor_digests_and_policy(workspace: Path) -> None:
    apply(workspace)
    change(workspace, CONTRACT, "deadline_ms: 8000", "deadline_ms: 7000")
    (done,) = apply(workspace, "dana")
    event = facts(workspace, "app.deployed")[-1]
    assert (event["old_terms"], event["terms"]) == (done.old, done.new)
    assert event["policies"] == ["owners-change-terms"]
    with control(workspace) as tables:
        assert tables.user(event["subject"]) == "dana"
    assert "dana" not in str(event)


@pytest.mark.parametrize("user", ["jo", "sam", "nadia"])  # a contractor, the risk owner, an owner of others
def test_whoever_may_not_change_an_app_is_refused_and_recorded_nowhere(workspace: Path, user: str) -> None:
    apply(workspace)
    before = acts(workspace), facts(workspace, "release.built")
    change(workspace, CONTRACT, "max_chars: 8000", "max_chars: 7000")
    with pytest.raises(Forbidden, match=f"`{user}` may not"):
        apply(workspace, user)
    assert (acts(workspace), facts(workspace, "release.built")) == before


def test_an_owner_whom_only_the_folder_names_is_none(workspace: Path) -> None:
    apply(workspace)
    change(workspace, CONTRACT, "product: dana", "product: nadia")
    with pytest.raises(Forbidden):
        apply(workspace, "nadia")
    assert [done.what for done in apply(workspace, "dana")] == ["terms"]


def test_old_releases_are_let_go(workspace: Path) -> None:
    apply(workspace)
    with attached(workspace) as site:
        mapped = []
        for size in range(7000, 7006):
            change(
                workspace, CONTRACT, f"max_chars: {8000 if size == 7000 else size - 1}", f"max_chars: {size}"
            )
            apply(workspace)
            look(site)
            mapped.append(Path("/proc/self/maps").read_text().count("/.proviso/snapshots/"))
        assert 0 < mapped[-1] <= mapped[1]


# --- two at once --------------------------------------------------------------------------------------


def act_of(folder: Path, tables: Control, recorder: Recorder, user: str) -> _Act:
    """Take everything of a folder up, and do not put it in force yet."""
    settings, app = settings_of(folder), load(folder)[0]
    act = _Act(tables, recorder, settings, acting(folder, settings, user, ""))
    policies = added_policies(folder)
    act.access(app, policies, Authority.load(policies, environment=settings.environment))
    act.app(app, settings.state(folder))
    return act


@pytest.mark.parametrize("late", [more_people, lambda folder: change(folder, CONTRACT, "8000}", "7000}")])
def test_of_two_acts_at_once_one_wins_and_the_other_is_told(
    workspace: Path, late: Callable[[Path], None]
) -> None:
    other = twin(workspace)
    apply(workspace)
    more_readers_of_runs(workspace)
    late(other)
    with opened(settings_of(workspace), workspace) as store, recording(store) as recorder:
        tables = Control(store.database)
        first, second = (act_of(folder, tables, recorder, "li") for folder in (workspace, other))
        assert [done.what for done in first.finish()] == ["access", "terms"]
        before = acts(workspace)
        with pytest.raises(Overtaken):
            second.finish()
        assert acts(workspace) == before


def test_two_that_do_the_same_at_once_have_both_done_it_and_it_is_on_record_once(workspace: Path) -> None:
    other = twin(workspace)
    apply(workspace)
    for folder in (workspace, other):
        more_people(folder)
    with opened(settings_of(workspace), workspace) as store, recording(store) as recorder:
        tables = Control(store.database)
        first, second = (act_of(folder, tables, recorder, "li") for folder in (workspace, other))
        assert len(first.finish()) == 2
        assert second.finish() == []
    assert len(facts(workspace, "access.changed")) == 2


def test_replicas_that_start_at_once_on_a_fresh_store_all_start(workspace: Path) -> None:
    failed: list[ProvisoError] = []

    def start() -> None:
        try:
            apply(workspace)
        except ProvisoError as error:
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert failed == []
    assert len(facts(workspace, "access.changed")) == len(facts(workspace, "app.deployed")) == 1


LLAMA = """
  llama:
    id: llama
    provider: openai
    owner: li
    regions: [local]
    context: 32000
    languages: [en]
    deterministic: false
    data_classes: [public, internal, confidential, restricted]
    price: {input_per_million_usd: 1, output_per_million_usd: 1}
    lifecycle: {status: active}
    trade_off: None.
"""
SERVER = 'environments: {dev: {openai: {llama: {url: "http://127.0.0.1:9/v1", key: LLAMA_KEY}}}}\n'


def test_an_app_that_cannot_be_served_as_it_is_in_force_is_not_served_and_says_so(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    change(workspace, "models.yaml", "models:\n", f"models:\n{LLAMA}")
    tier = "internal data.\n    models: [extractive"
    change(workspace, "policy.yaml", tier, f"{tier}, llama")
    change(workspace, "apps/policy-qa/workflow.yaml", "drafter: extractive", "drafter: llama")
    change(workspace, PEOPLE, "people:\n", f"{SERVER}people:\n")
    monkeypatch.setenv("LLAMA_KEY", "k")
    apply(workspace)
    with attached(workspace) as site:
        change(workspace, PEOPLE, "key: LLAMA_KEY", "key: OTHER_KEY")  # which this server has not
        apply(workspace)
        look(site)
        with pytest.raises(NotReady, match="cannot be served here"):
            answered(site)
        with pytest.raises(UnknownApp):
            answered(site, caller=replace(DANA, groups=frozenset()))
    assert "app_not_ready" in caplog.text
    assert "OTHER_KEY" in caplog.text
