"""Who may do what: API keys and OIDC tokens say who is calling; later Cedar."""

from proviso.access.claims import TokenRefused
from proviso.access.delegation import USER_TOKEN_HEADER, ServicePrincipal, on_behalf
from proviso.access.identities import Identities, KeyRing
from proviso.access.jwks import IdentityUnavailable
from proviso.access.keys import KeyInfo, KeyRefused, Keys, UnknownKey
from proviso.access.lockout import TooManyAttempts
from proviso.access.names import ROLES, InvalidIdentity
from proviso.access.oidc import InvalidProvider, OidcProvider
from proviso.access.tokens import People, Tokens, signing_keys

__all__ = [
    "ROLES",
    "USER_TOKEN_HEADER",
    "Identities",
    "IdentityUnavailable",
    "InvalidIdentity",
    "InvalidProvider",
    "KeyInfo",
    "KeyRefused",
    "KeyRing",
    "Keys",
    "OidcProvider",
    "People",
    "ServicePrincipal",
    "TokenRefused",
    "Tokens",
    "TooManyAttempts",
    "UnknownKey",
    "on_behalf",
    "signing_keys",
]
