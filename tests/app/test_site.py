"""The wiring: what a workspace's folder of state holds, who lets go of it, and what is on record beside runs."""

import asyncio
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from tools.golden import DANA, open_site

from proviso.app import REVISIONS, NewKey, Site, ask, create_key, index_apps, revoke_key
from proviso.contract import load_release
from proviso.errors import GateClosed, InvalidWorkspace, NotReady
from proviso.settings import Settings
from proviso.store import Control, open_store
from proviso.types import Answer, Environment, Purpose, Request
from tests.cli.steps import CONTRACT, OSLO, change

APP = "policy-qa"


def facts(folder: Path, kind: str) -> list[dict[str, object]]:
    """Return the events of one kind, from the files themselves."""
    found: list[dict[str, object]] = []
    for path in sorted((folder / ".proviso").glob("runs-*.db")):
        with closing(sqlite3.connect(path)) as database:
            rows = database.execute("SELECT body FROM events WHERE kind = ? ORDER BY sequence", (kind,))
            found += [msgspec.json.decode(body) for (body,) in rows]
    return found


def writers(folder: Path) -> set[str]:
    return {path.stem for path in (folder / ".proviso").glob("runs-*.db")}


def test_a_release_is_recorded_once_however_often_it_is_opened(workspace: Path) -> None:
    for _ in range(3):
        open_site(workspace).release()
    change(workspace, CONTRACT, "max_chars: 8000", "max_chars: 7000")
    open_site(workspace).release()
    built = facts(workspace, "release.built")
    assert len({fact["release"] for fact in built}) == len(built) == 2


def test_keys_and_snapshots_are_on_record_without_names(workspace: Path) -> None:
    made, _ = create_key(workspace, Settings(), NewKey(user="tomas", lifetime=timedelta(days=1)))
    revoke_key(workspace, Settings(), made.id)
    (created,), (revoked,) = facts(workspace, "key.created"), facts(workspace, "key.revoked")
    assert created["key"] == revoked["key"] == made.id
    assert "tomas" not in str(created)
    assert facts(workspace, "snapshot.built")[0]["documents"] == 30


@pytest.mark.parametrize("environment", [Environment.PILOT, Environment.PRODUCTION])
def test_a_site_behind_a_closed_gate_lets_go_of_its_files(workspace: Path, environment: Environment) -> None:
    for _ in range(3):
        with pytest.raises(GateClosed):
            Site.open(workspace, Settings(environment=environment), Purpose.LIVE)
    assert writers(workspace) == {"runs-w0"}


def test_a_site_without_an_index_lets_go_of_its_files(workspace: Path) -> None:
    home = workspace.parent / "elsewhere"
    for _ in range(2):
        with pytest.raises(NotReady, match="snapshot"):
            Site.open(workspace, Settings(home=home), Purpose.LIVE)
    assert [path.name for path in home.glob("runs-*.db")] == ["runs-w0.db"]


def test_with_a_home_of_its_own_nothing_is_written_into_the_workspace(indexed: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "state")
    before = sorted(path for path in indexed.rglob("*") if ".proviso" not in path.parts)
    index_apps(indexed, settings, (), lambda _done, _total, _name: None)
    assert isinstance(ask(indexed, settings, APP, OSLO, None).outcome, Answer)
    assert sorted(path for path in indexed.rglob("*") if ".proviso" not in path.parts) == before
    assert (tmp_path / "state" / "control.db").is_file()


def test_a_new_index_is_served_from_the_next_start_and_harms_no_open_site(workspace: Path) -> None:
    site = open_site(workspace)
    text = "# Zeppelins\n\nA zeppelin flight costs EUR 7.\n"
    (workspace / "sources/travel-policy/zeppelin.md").write_text(text)
    index_apps(workspace, Settings(), (), lambda _done, _total, _name: None)
    question = Request(APP, "What does a zeppelin flight cost?", purpose=Purpose.TEST)

    async def go(opened: Site) -> str:
        try:
            return (await (await opened.begin(question, DANA)).serve()).outcome.text
        finally:
            await opened.close()

    assert "EUR 7" not in asyncio.run(go(site))
    assert "EUR 7" in asyncio.run(go(open_site(workspace)))


def test_two_questions_at_once_from_two_sites_are_both_on_record(workspace: Path) -> None:
    runs: list[str] = []
    threads = [
        threading.Thread(target=lambda: runs.append(ask(workspace, Settings(), APP, OSLO, None).run))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    recorded = {str(fact["run"]) for fact in facts(workspace, "run.finished")}
    assert len(runs) == 4
    assert set(runs) <= recorded


def test_a_stored_bundle_carries_the_revision_of_each_room_that_shapes_answers(workspace: Path) -> None:
    site = open_site(workspace)
    digest = site.routing.resolve(APP, DANA).digest
    site.release()
    control = Control(open_store(workspace / ".proviso").database)
    try:
        assert load_release(digest, control).revisions == REVISIONS
    finally:
        control.database.close()


def test_a_broken_workspace_is_found_before_any_state_is_made(workspace: Path) -> None:
    change(workspace, CONTRACT, "tier: internal-assist", "tier: nowhere")
    home = workspace.parent / "untouched"
    verbs = (
        lambda: Site.open(workspace, Settings(home=home), Purpose.LIVE),
        lambda: index_apps(workspace, Settings(home=home), (), lambda _done, _total, _name: None),
        lambda: ask(workspace, Settings(home=home), APP, OSLO, None),
    )
    for verb in verbs:
        with pytest.raises(InvalidWorkspace):
            verb()
    assert not home.exists()
