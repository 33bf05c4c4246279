"""What the tests of putting things in force share: an act, what is on record of it, and sites that follow."""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from proviso.app import Change, Site, acting, put_in_force
from proviso.settings import Settings
from proviso.store import Control, open_store
from proviso.types import Principal, Purpose, Request, Served
from tests.cli.steps import APP, OSLO, change

PEOPLE, POLICY, POLICIES = "proviso.yaml", "policy.yaml", "policies.cedar"
DANA = Principal("dana", frozenset({"employees"}), frozenset({"user"}), "k1")
JO = Principal("jo", frozenset({"contractors"}), frozenset({"user"}), "k2")
NOT_FOR_CONTRACTORS = (
    '@id("no-contractors")\n@says("contractors do not ask this app")\n'
    'forbid (principal in Group::"contractors", action == Action::"ask", resource == App::"policy-qa");\n'
)


def apply(folder: Path, user: str = "", *apps: str) -> list[Change]:
    """Put a folder in force as somebody of it, or as nobody."""
    settings = settings_of(folder)
    return put_in_force(folder, settings, apps, acting(folder, settings, user, "") if user else None)


def settings_of(folder: Path) -> Settings:
    """Folders that were copied from another one share its state."""
    return Settings(port=0, home=folder.parent / "state" if (folder.parent / "state").exists() else None)


def twin(folder: Path) -> Path:
    """Return a copy of a folder; both share one state from now on."""
    (folder / ".proviso").rename(folder.parent / "state")
    return Path(shutil.copytree(folder, folder.parent / "twin"))


def facts(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Return the events of one kind, from the files themselves."""
    found: list[dict[str, Any]] = []
    for path in sorted(settings_of(folder).state(folder).glob("runs-*.db")):
        with closing(sqlite3.connect(path)) as database:
            rows = database.execute("SELECT body FROM events WHERE kind = ? ORDER BY sequence", (kind,))
            found += [msgspec.json.decode(body) for (body,) in rows]
    return found


def acts(folder: Path) -> list[dict[str, Any]]:
    """Return the events of everything that was put in force."""
    return [*facts(folder, "access.changed"), *facts(folder, "app.deployed")]


@contextmanager
def control(folder: Path) -> Iterator[Control]:
    """Open the shared tables of a folder."""
    store = open_store(settings_of(folder).state(folder))
    try:
        yield Control(store.database)
    finally:
        store.close()


@contextmanager
def attached(folder: Path) -> Iterator[Site]:
    """Serve what is in force, without HTTP; `look` has it hear the news."""
    site = Site.attach(folder, settings_of(folder), Purpose.TEST)
    try:
        yield site
    finally:
        asyncio.run(site.close())


def look(site: Site) -> None:
    """Have a site hear the news, which it must be able to take in."""
    assert asyncio.run(site.feed.look())


def answered(site: Site, question: str = OSLO, caller: Principal = DANA) -> Served:
    """Ask a site."""

    async def ask() -> Served:
        return await (await site.begin(Request(APP, question, purpose=Purpose.TEST), caller)).serve()

    return asyncio.run(ask())


def more_people(folder: Path) -> None:
    change(folder, PEOPLE, "people:\n", "people:\n  eve: {name: Eve Park}\n")


def more_readers_of_runs(folder: Path) -> None:
    change(folder, POLICY, "[auditor, operator]", "[auditor, operator, risk]")


def another_policy(folder: Path) -> None:
    (folder / POLICIES).write_text(NOT_FOR_CONTRACTORS)
