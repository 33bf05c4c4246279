"""JSON Schemas of a workspace's files, for editors: keys, types and meanings, from the types themselves."""

from typing import Any

from proviso.contract.model import Contract
from proviso.contract.parts import Kind
from proviso.contract.register import ModelRegister, PriceBook
from proviso.contract.vocabulary import Section
from proviso.contract.workspace import Policy, Sources, Workflow, Workspace

DIALECT = "https://json-schema.org/draft/2020-12/schema"

FILES: dict[Kind, tuple[str, type[Section]]] = {
    "contract": ("contract.yaml", Contract),
    "workflow": ("workflow.yaml", Workflow),
    "sources": ("sources.yaml", Sources),
    "policy": ("policy.yaml", Policy),
    "models": ("models.yaml", ModelRegister),
    "prices": ("prices.yaml", PriceBook),
    "workspace": ("proviso.yaml", Workspace),
}


def json_schema(kind: Kind) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of one kind of file."""
    file, section = FILES[kind]
    schema = section.model_json_schema(by_alias=True)
    return {"$schema": DIALECT, **schema, "title": file}
