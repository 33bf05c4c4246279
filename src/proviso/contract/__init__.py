"""What was agreed: parse, check, digest; bundles by digest."""

from proviso.contract.bundle import (
    Blobs,
    Bundle,
    MemoryBlobs,
    Terms,
    UnreadableBundle,
    load_release,
    load_terms,
    save_release,
    save_terms,
)
from proviso.contract.check import Rules
from proviso.contract.clauses import Clause, clauses
from proviso.contract.digest import Manifest, release_manifest, terms_manifest
from proviso.contract.load import LoadedWorkspace, app_names, load_app, load_workspace
from proviso.contract.model import (
    Alert,
    Contract,
    Inputs,
    Models,
    Outputs,
    Owners,
    PurposeSection,
    Quality,
    ReleasePart,
    Safety,
    TermsPart,
)
from proviso.contract.parts import App, Kind
from proviso.contract.prompt import PromptFile, parse_prompt
from proviso.contract.schema import FILES, json_schema
from proviso.contract.vocabulary import OwnerRole, RefusalReason, Role, SensitiveType, seconds
from proviso.contract.wording import nearest
from proviso.contract.workspace import (
    ModelRegister,
    Policy,
    RegisteredModel,
    Source,
    Sources,
    Tier,
    Workflow,
    Workspace,
)

__all__ = [
    "FILES",
    "Alert",
    "App",
    "Blobs",
    "Bundle",
    "Clause",
    "Contract",
    "Inputs",
    "Kind",
    "LoadedWorkspace",
    "Manifest",
    "MemoryBlobs",
    "ModelRegister",
    "Models",
    "Outputs",
    "OwnerRole",
    "Owners",
    "Policy",
    "PromptFile",
    "PurposeSection",
    "Quality",
    "RefusalReason",
    "RegisteredModel",
    "ReleasePart",
    "Role",
    "Rules",
    "Safety",
    "SensitiveType",
    "Source",
    "Sources",
    "Terms",
    "TermsPart",
    "Tier",
    "UnreadableBundle",
    "Workflow",
    "Workspace",
    "app_names",
    "clauses",
    "json_schema",
    "load_app",
    "load_release",
    "load_terms",
    "load_workspace",
    "nearest",
    "parse_prompt",
    "release_manifest",
    "save_release",
    "save_terms",
    "seconds",
    "terms_manifest",
]
