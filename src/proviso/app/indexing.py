"""Indexing and checking: the snapshots of the apps' sources, and the gap report."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from proviso import governance, guardrails, monitoring, orchestrator, retrieval
from proviso.app import spending
from proviso.app.authorisation import open_authority
from proviso.app.wiring import (
    load,
    now_us,
    opened,
    recording,
    screening,
    screening_pointer,
    screening_rules,
    snapshot_pointer,
    snapshots,
    sources,
)
from proviso.contract import App
from proviso.errors import InvalidWorkspace
from proviso.governance import Coverage, Standing
from proviso.ledger import Recorder, SnapshotBuilt
from proviso.retrieval import Built, build_snapshot
from proviso.settings import Settings
from proviso.store import Control
from proviso.types import Problem

Progress = Callable[[int, int, str], None]


def index_apps(root: Path, settings: Settings, names: Sequence[str], progress: Progress) -> dict[str, Built]:
    """Build the snapshot of each app's approved sources, and make it the one that is served from the next start."""
    apps, state = load(root, names), settings.state(root)
    with opened(settings, root) as store, recording(store) as recorder:
        control = Control(store.database)
        return {app.name: _index(app, state, control, recorder, progress) for app in apps}


def _index(app: App, state: Path, control: Control, recorder: Recorder, progress: Progress) -> Built:
    screen = screening(app).screen
    folder = snapshots(state, app.name)
    built = build_snapshot(sources(app), folder, screen=screen, now=datetime.now(UTC), progress=progress)
    event = SnapshotBuilt(
        at=now_us(),
        app=app.name,
        snapshot=built.digest,
        documents=built.documents,
        passages=built.passages,
        unreadable=len(built.unreadable),
    )
    asyncio.run(recorder.noted(event))
    # INVARIANT: the rules are pointed to first; a crash in between leaves a snapshot that must be built again.
    control.point(screening_pointer(app.name), "")
    control.point(snapshot_pointer(app.name), built.digest)
    control.point(screening_pointer(app.name), screening_rules(app))
    return built


def check_apps(root: Path, settings: Settings, names: Sequence[str]) -> list[Coverage]:
    """Return the gap report of the named apps (default: all); raise `InvalidWorkspace` with every problem."""
    apps, state = _valid(root, settings, names), settings.state(root)
    with opened(settings, root) as store:
        return [coverage(app, Control(store.database), state) for app in apps]


def _valid(root: Path, settings: Settings, names: Sequence[str]) -> list[App]:
    """Read the named apps and the workspace's own policies; raise `InvalidWorkspace` with the problems of both."""
    problems: list[Problem] = []
    apps: list[App] = []
    try:
        apps = load(root, names)
    except InvalidWorkspace as error:
        problems += error.problems
    try:
        open_authority(root, settings.environment)
    except InvalidWorkspace as error:
        problems += error.problems
    if problems:
        raise InvalidWorkspace(problems)
    return apps


def coverage(app: App, control: Control, state: Path) -> Coverage:
    """Return the gap report of one app: what every room says that it covers, added up."""
    home = app.root / "apps" / app.name
    files = [path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()]
    return governance.measure(
        app,
        _standing(app, control, state),
        controls=guardrails.covers(app.contract)
        | orchestrator.covers(app.contract)
        | spending.covers(app.contract),
        suites={},  # none can be run before evaluation exists
        signals=monitoring.covers(app.contract),
        files=files,
    )


def _standing(app: App, control: Control, state: Path) -> Standing:
    snapshot = control.pointer(snapshot_pointer(app.name))
    if not snapshot or not (snapshots(state, app.name) / snapshot).is_dir():
        return Standing("", stale=False)
    rules_changed = control.pointer(screening_pointer(app.name)) != screening_rules(app)
    return Standing(
        snapshot,
        stale=rules_changed or retrieval.is_stale(sources(app), snapshots(state, app.name), snapshot),
    )
