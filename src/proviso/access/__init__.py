"""Who may do what: API keys and OIDC tokens say who is calling; policies say what they may do."""

from proviso.access.authority import Authority, Verdict
from proviso.access.claims import TokenRefused
from proviso.access.delegation import USER_TOKEN_HEADER, Represented, ServicePrincipal, on_behalf
from proviso.access.explanation import Explanation, Reason, explain
from proviso.access.identities import Identities, KeyRing
from proviso.access.jwks import IdentityUnavailable
from proviso.access.keys import KeyInfo, KeyRefused, Keys, UnknownKey
from proviso.access.lockout import TooManyAttempts
from proviso.access.names import ROLES, InvalidIdentity
from proviso.access.oidc import InvalidProvider, OidcProvider
from proviso.access.permissions import Permission
from proviso.access.resources import AppResource, ChangeResource, Resource, RunResource, WorkspaceResource
from proviso.access.rulebook import ADDED as POLICIES_FILE
from proviso.access.rulebook import Policy
from proviso.access.tokens import People, SigningKeys, Tokens, signing_keys

__all__ = [
    "POLICIES_FILE",
    "ROLES",
    "USER_TOKEN_HEADER",
    "AppResource",
    "Authority",
    "ChangeResource",
    "Explanation",
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
    "Permission",
    "Policy",
    "Reason",
    "Represented",
    "Resource",
    "RunResource",
    "ServicePrincipal",
    "SigningKeys",
    "TokenRefused",
    "Tokens",
    "TooManyAttempts",
    "UnknownKey",
    "Verdict",
    "WorkspaceResource",
    "explain",
    "on_behalf",
    "signing_keys",
]
