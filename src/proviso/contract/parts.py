"""The files of one app as far as they could be read: what the checks look at, and where a problem stands."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

from proviso.contract.document import Document
from proviso.contract.document import Path as Place
from proviso.contract.grounds import Choice
from proviso.contract.model import Contract
from proviso.contract.prompt import PromptFile
from proviso.contract.read import clause
from proviso.contract.register import ModelRegister, PriceBook
from proviso.contract.workspace import Policy, Sources, Workflow, Workspace
from proviso.types import Position, Problem

Kind = Literal["contract", "workflow", "sources", "policy", "models", "prices", "workspace"]


class Parts(Struct):
    """What was read, filled file by file; None where nothing of a file could be read, else as `partial` builds it."""

    name: str  # the app's, "" for the files that all apps share
    documents: dict[Kind, Document] = {}
    workspace: Workspace | None = None
    policy: Policy | None = None
    models: ModelRegister | None = None
    prices: PriceBook | None = None  # also where there is no such file
    contract: Contract | None = None
    workflow: Workflow | None = None
    sources: Sources | None = None
    prompt: PromptFile | None = None
    files: dict[str, bytes] = {}  # the other files, by their path as it is written
    folders: dict[str, Path] = {}  # the folder of each source
    listing: dict[str, frozenset[str]] = {}  # the documents of each source, by their paths below it

    def problem(self, kind: Kind, path: Place, what: str, fix: str, *, of_key: bool = False) -> Problem:
        """Return a problem at a value of one of the files, or at its key."""
        document = self.documents[kind]
        place = document.key(path) if of_key else document.at(path)
        return Problem(place, clause(document.value, path), what, fix)


class App(Struct, frozen=True):
    """One app, valid as written: nothing of it needs the disk again.

    `choices` are the models of each role; `documents` have the raw values (before defaults) and the place of
    everything; `files` the bytes of prompts, refusal texts and schemas by their path as written; `folders`
    each source's absolute folder.
    """

    name: str
    root: Path
    contract: Contract
    workflow: Workflow
    sources: Sources
    policy: Policy
    models: ModelRegister
    prices: PriceBook | None
    workspace: Workspace
    prompt: PromptFile
    choices: Mapping[str, Choice]
    documents: Mapping[Kind, Document]
    files: Mapping[str, bytes]
    folders: Mapping[str, Path]

    def position(self, clause_path: str, kind: Kind = "contract") -> Position:
        """Return where a clause stands, or the section that would hold it."""
        document = self.documents[kind]
        best: Place = ()
        for path in document.places:
            name = clause(document.value, path)
            if (clause_path == name or clause_path.startswith(f"{name}.")) and len(path) > len(best):
                best = path
        return document.at(best)
