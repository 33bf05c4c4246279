"""Wiring: the only room that knows every concrete class, and hands each what it may not import."""

from proviso.app.applying import Change, acting, put_in_force
from proviso.app.authorisation import app_resource, open_authority
from proviso.app.deploying import REVISIONS
from proviso.app.explaining import Explained, Named, explain_access
from proviso.app.indexing import check_apps, coverage, index_apps
from proviso.app.questions import NewKey, ask, create_key, open_keys, revoke_key, search, trace
from proviso.app.site import Site
from proviso.app.standing import standings
from proviso.app.wiring import example_folder, example_names, open_reader

__all__ = [
    "REVISIONS",
    "Change",
    "Explained",
    "Named",
    "NewKey",
    "Site",
    "acting",
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
    "put_in_force",
    "revoke_key",
    "search",
    "standings",
    "trace",
]
