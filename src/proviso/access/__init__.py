"""Who may do what: API keys; later OIDC and Cedar."""

from proviso.access.keys import KeyInfo, KeyRefused, Keys, UnknownKey
from proviso.access.names import ROLES, InvalidIdentity

__all__ = ["ROLES", "InvalidIdentity", "KeyInfo", "KeyRefused", "Keys", "UnknownKey"]
