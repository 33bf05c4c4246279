"""What was agreed: parse, check, digest; bundles by digest."""

from proviso.contract.aging import Finding, findings
from proviso.contract.binding import names_model
from proviso.contract.book import PriceChange, book_text, changes, with_prices
from proviso.contract.bundle import (
    Access,
    Blobs,
    Bundle,
    MemoryBlobs,
    Terms,
    UnreadableBundle,
    load_access,
    load_release,
    load_terms,
    save_access,
    save_release,
    save_terms,
)
from proviso.contract.check import Rules
from proviso.contract.choice import roles_of
from proviso.contract.clauses import Clause, clauses
from proviso.contract.digest import Manifest, access_manifest, release_manifest, terms_manifest
from proviso.contract.environments import BedrockBinding, BoundProfile, EnvironmentBinding, OpenAIServer
from proviso.contract.grounds import Candidate, Choice, Ground
from proviso.contract.litellm import Imported, PriceFileUnreadable, import_prices
from proviso.contract.load import LoadedWorkspace, Outlook, app_names, load_app, load_outlook, load_workspace
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
from proviso.contract.pricing import TokenPrice, price_of
from proviso.contract.prompt import PromptFile, parse_prompt
from proviso.contract.read import item_names
from proviso.contract.register import (
    BookPrice,
    ModelGuardrail,
    ModelRegister,
    ModelSettings,
    PriceBook,
    RegisteredModel,
    ReleaseModel,
)
from proviso.contract.schema import FILES, json_schema
from proviso.contract.vocabulary import OwnerRole, RefusalReason, Role, SensitiveType, seconds
from proviso.contract.wording import nearest
from proviso.contract.workspace import (
    ByRule,
    Oidc,
    Policy,
    Source,
    Sources,
    TermsSource,
    Tier,
    Workflow,
    Workspace,
)

__all__ = [
    "FILES",
    "Access",
    "Alert",
    "App",
    "BedrockBinding",
    "Blobs",
    "BookPrice",
    "BoundProfile",
    "Bundle",
    "ByRule",
    "Candidate",
    "Choice",
    "Clause",
    "Contract",
    "EnvironmentBinding",
    "Finding",
    "Ground",
    "Imported",
    "Inputs",
    "Kind",
    "LoadedWorkspace",
    "Manifest",
    "MemoryBlobs",
    "ModelGuardrail",
    "ModelRegister",
    "ModelSettings",
    "Models",
    "Oidc",
    "OpenAIServer",
    "Outlook",
    "Outputs",
    "OwnerRole",
    "Owners",
    "Policy",
    "PriceBook",
    "PriceChange",
    "PriceFileUnreadable",
    "PromptFile",
    "PurposeSection",
    "Quality",
    "RefusalReason",
    "RegisteredModel",
    "ReleaseModel",
    "ReleasePart",
    "Role",
    "Rules",
    "Safety",
    "SensitiveType",
    "Source",
    "Sources",
    "Terms",
    "TermsPart",
    "TermsSource",
    "Tier",
    "TokenPrice",
    "UnreadableBundle",
    "Workflow",
    "Workspace",
    "access_manifest",
    "app_names",
    "book_text",
    "changes",
    "clauses",
    "findings",
    "import_prices",
    "item_names",
    "json_schema",
    "load_access",
    "load_app",
    "load_outlook",
    "load_release",
    "load_terms",
    "load_workspace",
    "names_model",
    "nearest",
    "parse_prompt",
    "price_of",
    "release_manifest",
    "roles_of",
    "save_access",
    "save_release",
    "save_terms",
    "seconds",
    "terms_manifest",
    "with_prices",
]
