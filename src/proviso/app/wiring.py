"""What every verb builds on: the files of a workspace, its state on disk, and the people in it."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from proviso import guardrails, orchestrator, retrieval
from proviso.app.providers import provider_problems
from proviso.contract import App, Rules, Workspace, load_app, load_workspace
from proviso.errors import ProvisoError
from proviso.ledger import Recorder, RunReader
from proviso.monitoring import Rollups
from proviso.settings import Settings
from proviso.store import Seal, Spool, Store, open_store, read_key
from proviso.types import Principal


class UnknownPerson(ProvisoError):
    """Somebody whom `proviso.yaml` does not know, or no longer as active."""

    code = "unknown_person"
    status = 403


def now_us() -> int:
    """Return UTC in microseconds since the epoch."""
    return time.time_ns() // 1000


def example_names() -> list[str]:
    """Return the names of the examples that ship with the package."""
    return sorted(entry.name for entry in _examples().iterdir() if (entry / "proviso.yaml").is_file())


def example_folder(name: str) -> Path:
    """Return an example's folder."""
    return _examples() / name


def _examples() -> Path:
    return Path(str(resources.files("proviso"))) / "examples"


def rules() -> Rules:
    """Return what the checks of a workspace take from outside: the day, and what other rooms know of its files."""
    return Rules(
        today=datetime.now(UTC).date(),
        pattern_problem=guardrails.pattern_problem,
        schema_problem=guardrails.schema_problem,
        prompt_problems=orchestrator.prompt_problems,
        provider_problems=provider_problems,
    )


def load(root: Path, names: Sequence[str] = ()) -> list[App]:
    """Read the named apps (default: all); raise `InvalidWorkspace` with every problem."""
    if not names:
        return list(load_workspace(root, rules()).apps.values())
    return [load_app(root, name, rules()) for name in dict.fromkeys(names)]


def people(root: Path) -> Workspace:
    """Return the people, groups and roles of a workspace; raise `InvalidWorkspace` with every problem."""
    return load_workspace(root, rules()).workspace


def person(workspace: Workspace, user: str) -> Principal:
    """Return a person of proviso.yaml as a caller; raise `UnknownPerson` for a stranger or one who has left."""
    known = workspace.people.get(user)
    if known is None or not known.active:
        names = ", ".join(sorted(name for name, one in workspace.people.items() if one.active))
        raise UnknownPerson(f"`{user}` is not an active person of proviso.yaml", fix=f"use one of {names}")
    groups = {name for name, members in workspace.groups.items() if user in members}
    roles = {role for role, holders in workspace.roles.items() if user in holders}
    return Principal(user, frozenset(groups), frozenset(roles | {"user"}), key="local")


def sources(app: App) -> list[retrieval.Source]:
    """Return the sources that the contract names, approved or not, as retrieval takes them."""
    return [_source(app, name) for name in app.contract.inputs.sources]


def _source(app: App, name: str) -> retrieval.Source:
    source = app.sources.sources[name]
    return retrieval.Source(
        name=name,
        folder=app.folders[name],
        title=source.title,
        classification=source.classification,
        readers=source.readers,
        approved_by=source.approval.by if source.approval else "",
        approved_on=source.approval.on if source.approval else "",
        superseded=source.superseded,
    )


def screening(app: App) -> guardrails.Guardrails:
    """Return the guardrails of an app as its files are now, for what happens outside a release."""
    return guardrails.compile_guardrails(
        app.contract, {}, orchestrator.answer_schemas(app.contract, app.files)
    )


def screening_rules(app: App) -> str:
    """Return the digest of what decides how documents are screened: the contract's sensitive fields, and our code."""
    fields = app.contract.inputs.sensitive.model_dump_json()
    return hashlib.sha256(f"{guardrails.REVISION} {fields}".encode()).hexdigest()


def screening_pointer(app: str) -> str:
    """Return the name of the pointer to the rules under which an app's current snapshot was screened."""
    return f"screening/{app}"


def snapshots(state: Path, app: str) -> Path:
    """Return the folder of an app's snapshots."""
    return state / "snapshots" / app


def snapshot_pointer(app: str) -> str:
    """Return the name of the pointer to an app's current snapshot."""
    return f"snapshot/{app}"


@contextmanager
def opened(settings: Settings, root: Path) -> Iterator[Store]:
    """Open the store of a workspace, and close it."""
    store = open_store(settings.state(root), settings.store)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def recording(store: Store) -> Iterator[Recorder]:
    """Take a writer's name for a moment."""
    recorder = open_recorder(store)
    try:
        yield recorder
    finally:
        recorder.release()


def open_recorder(store: Store, spool: Spool | None = None, *, serves: bool = False) -> Recorder:
    """Take a writer's name and open its record. What dead servers left open is taken over by one that `serves`."""
    return Recorder.open(store, Rollups(), now_us, spool, take_over=serves)


def open_spool(settings: Settings, state: Path) -> Spool | None:
    """Return the spool of this process; None where no key to seal it under is set."""
    if not settings.spool_key:
        return None
    return Spool(state / "spool", Seal(read_key(settings.spool_key)), settings.spool_mb * 1_048_576)


@contextmanager
def open_reader(root: Path, settings: Settings) -> Iterator[RunReader]:
    """Open the records of a workspace for reading, while servers write."""
    with opened(settings, root) as store:
        reader = RunReader.open(store)
        try:
            yield reader
        finally:
            reader.close()
