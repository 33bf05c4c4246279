"""From a folder to apps: every file read once, every problem of all files at once."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from msgspec import Struct, structs

from proviso.contract.check import Rules, check, check_shared
from proviso.contract.choice import choose
from proviso.contract.consistency import refusal_texts
from proviso.contract.document import Path as Place
from proviso.contract.document import parse_document
from proviso.contract.folder import Fault, Folder, documents
from proviso.contract.grounds import Choice
from proviso.contract.model import Contract
from proviso.contract.partial import where_readable, whole, written
from proviso.contract.parts import App, Kind, Parts
from proviso.contract.prompt import parse_prompt
from proviso.contract.read import read
from proviso.contract.register import ModelRegister, PriceBook
from proviso.contract.vocabulary import Section, Unreadable
from proviso.contract.wording import suggest
from proviso.contract.workspace import Policy, Sources, Workflow, Workspace
from proviso.errors import InvalidWorkspace
from proviso.types import Position, Problem

S = TypeVar("S", bound=Section)

_BEGIN = "make a workspace with `proviso init DIR --example policy-qa`"


class LoadedWorkspace(Struct, frozen=True):
    """A whole workspace, valid as written."""

    root: Path
    workspace: Workspace
    policy: Policy
    models: ModelRegister
    apps: dict[str, App]


def app_names(root: Path) -> tuple[str, ...]:
    """Return the names of the apps in a workspace's folder, sorted."""
    return tuple(Folder(root).names("apps"))


def load_app(root: Path, app: str, rules: Rules) -> App:
    """Read one app and the files that all apps share; raise `InvalidWorkspace` with every problem."""
    loader = _Loader(root, rules)
    loaded = loader.app(app)
    loader.finish()
    assert loaded is not None  # an app that could not be read has left a problem
    return loaded


class Outlook(Struct, frozen=True):
    """What can be said of the models of a workspace, whatever else is wrong with its files.

    `choices`: by app and role; an app is missing where nobody can know what would be chosen. `problems`: all.
    """

    models: ModelRegister
    prices: PriceBook | None
    workspace: Workspace | None
    choices: dict[str, dict[str, Choice]]
    problems: tuple[Problem, ...]


def load_outlook(root: Path, rules: Rules, apps: Sequence[str] = ()) -> Outlook:
    """Read the models of some apps (default: all) as far as they can be read.

    Raises `InvalidWorkspace` where there is no such app, or where register or price book cannot be read.
    """
    loader, names = _Loader(root, rules), app_names(root)
    shared = loader.shared
    choices: dict[str, dict[str, Choice]] = {}
    for name in apps or names:
        loader.app(name)
        if name not in names:
            loader.finish()
        with suppress(Unreadable):
            choices[name] = choose(loader.latest, rules.today)
    unread = "prices" in shared.documents and shared.prices is None
    if shared.models is None or unread or not (whole(shared.models) and whole(shared.prices)):
        loader.finish()
    assert shared.models is not None
    return Outlook(shared.models, shared.prices, shared.workspace, choices, tuple(loader.problems))


def load_workspace(root: Path, rules: Rules) -> LoadedWorkspace:
    """Read every app of a workspace; raise `InvalidWorkspace` with every problem."""
    loader = _Loader(root, rules)
    names = app_names(root)
    if not names:
        loader.problems.append(Problem(Position("apps"), "(file)", "there is no app", _BEGIN))
    apps = {name: loader.app(name) for name in names}
    loader.finish()
    shared = loader.shared
    assert shared.workspace is not None
    assert shared.policy is not None
    assert shared.models is not None
    whole = {name: app for name, app in apps.items() if app is not None}
    return LoadedWorkspace(loader.folder.root, shared.workspace, shared.policy, shared.models, whole)


class _Loader:
    """Reads a workspace and gathers its problems."""

    def __init__(self, root: Path, rules: Rules) -> None:
        if not root.is_dir():
            raise InvalidWorkspace(
                [Problem(Position(str(root)), "(file)", "there is no such folder", _BEGIN)]
            )
        self.folder = Folder(root)
        self.rules = rules
        self.problems: list[Problem] = []
        shared = Parts("")
        shared.workspace = self._yaml(shared, "workspace", "proviso.yaml", Workspace, _BEGIN)
        shared.policy = self._yaml(shared, "policy", "policy.yaml", Policy, _BEGIN)
        shared.models = self._yaml(shared, "models", "models.yaml", ModelRegister, _BEGIN)
        if self.folder.has("prices.yaml"):
            shared.prices = self._yaml(shared, "prices", "prices.yaml", PriceBook, _BEGIN)
        self.shared = self.latest = shared  # the latest: of the app that was read last
        self.problems += check_shared(shared, rules)

    def finish(self) -> None:
        if self.problems:
            raise InvalidWorkspace(self.problems)

    def app(self, name: str) -> App | None:
        names = self.folder.names("apps")
        if name not in names:
            what = f"there is no app `{name[:64]}`"
            self.problems.append(Problem(Position("apps"), "(file)", what, suggest(name, names)))
            return None
        parts = structs.replace(self.shared, name=name, documents=dict(self.shared.documents))
        home, fix = f"apps/{name}", "write it as `docs/contract.md` describes"
        self.latest = parts
        parts.contract = self._yaml(parts, "contract", f"{home}/contract.yaml", Contract, fix)
        parts.workflow = self._yaml(parts, "workflow", f"{home}/workflow.yaml", Workflow, fix)
        parts.sources = self._yaml(parts, "sources", f"{home}/sources.yaml", Sources, fix)
        parts.files, parts.folders, parts.listing = {}, {}, {}
        self._files(parts, home)
        self._folders(parts, home)
        self.problems += check(parts, self.rules)
        return None if self.problems else self._whole(parts)

    def _whole(self, parts: Parts) -> App | None:
        found = (parts.contract, parts.workflow, parts.sources, parts.policy, parts.models, parts.workspace)
        contract, workflow, sources, policy, models, workspace = found
        if not (contract and workflow and sources and policy and models and workspace and parts.prompt):
            return None  # a shared file has problems: they stand in the list already
        return App(
            parts.name, self.folder.root, contract, workflow, sources, policy, models, parts.prices, workspace,
            parts.prompt, choose(parts, self.rules.today), parts.documents, parts.files, parts.folders,
        )  # fmt: skip

    def _yaml(self, parts: Parts, kind: Kind, path: str, type_: type[S], fix: str) -> S | None:
        try:
            content = self.folder.read(path)
        except Fault as fault:
            missing = "does not exist" in fault.what
            what = "the file does not exist" if missing else fault.what
            self.problems.append(Problem(Position(path), "(file)", what, fix if missing else fault.fix))
            return None
        document, problems = parse_document(path, content)
        self.problems += problems
        parts.documents[kind] = document
        if not document.whole:
            return None
        value, problems = read(type_, document)
        self.problems += problems
        return value

    def _files(self, parts: Parts, home: str) -> None:
        for kind, place, path in _named(parts):
            try:
                parts.files.setdefault(path, self.folder.read(path, within=home))
            except Fault as fault:
                self.problems.append(parts.problem(kind, place, fault.what, fault.fix))
        for _, _, path in _prompt(parts):
            if path in parts.files:
                self._prompt(parts, home, path)

    def _prompt(self, parts: Parts, home: str, path: str) -> None:
        try:
            parts.prompt = parse_prompt(path, parts.files[path])
            problems = self.rules.prompt_problems(parts.prompt)
        except InvalidWorkspace as error:
            problems = error.problems
        file = self.folder.where(path, within=home)
        self.problems += [structs.replace(p, at=structs.replace(p.at, file=file)) for p in problems]

    def _folders(self, parts: Parts, home: str) -> None:
        for name, path in _source_folders(parts):
            try:
                parts.folders[name] = self.folder.folder(path, within=home)
            except Fault as fault:
                place: Place = ("sources", name, "folder")
                self.problems.append(parts.problem("sources", place, fault.what, fault.fix))
            else:
                parts.listing[name] = documents(parts.folders[name])


def _named(parts: Parts) -> Iterator[tuple[Kind, Place, str]]:
    """Name every other file that a clause names, with the clause's place."""
    yield from refusal_texts(parts)
    yield from _schema(parts)
    yield from _prompt(parts)


@where_readable
def _schema(parts: Parts) -> Iterator[tuple[Kind, Place, str]]:
    if parts.contract and (path := parts.contract.outputs.format.schema_):
        yield "contract", ("outputs", "format", "schema"), path


@where_readable
def _prompt(parts: Parts) -> Iterator[tuple[Kind, Place, str]]:
    if parts.workflow:
        yield "workflow", ("prompt",), parts.workflow.prompt


@where_readable
def _source_folders(parts: Parts) -> Iterator[tuple[str, str]]:
    for name, source in parts.sources.sources.items() if parts.sources else ():
        for folder in written(source, "folder"):
            yield name, folder
