"""Wiring: the only room that knows every concrete class, and hands each what it may not import."""

from proviso.app.authorisation import Named, app_resource, explain_access, open_authority
from proviso.app.indexing import check_apps, coverage, index_apps
from proviso.app.questions import ask, create_key, open_keys, revoke_key, search, trace
from proviso.app.site import REVISIONS, Site, open_reader
from proviso.app.wiring import example_folder, example_names

__all__ = [
    "REVISIONS",
    "Named",
    "Site",
    "app_resource",
    "ask",
    "check_apps",
    "coverage",
    "create_key",
    "example_folder",
    "example_names",
    "explain_access",
    "index_apps",
    "open_authority",
    "open_keys",
    "open_reader",
    "revoke_key",
    "search",
    "trace",
]
