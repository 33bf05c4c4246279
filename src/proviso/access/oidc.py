"""The settings of an OpenID provider: whose tokens are taken, for whom, and what their claims mean here."""

import ipaddress
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from proviso.access.names import check_groups
from proviso.errors import ProvisoError

# Signatures that a public key verifies (RFC 7518, RFC 8037), with the key type and curve that each needs.
# `none` and HS* are missing on purpose: with HS* whoever can verify can sign.
ALGORITHMS: Mapping[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "EdDSA": ("OKP", "Ed25519"),
}

_MOST_SKEW_S = 300
_MOST_AGE_S = 30 * 86_400


class InvalidProvider(ProvisoError):
    """Settings of a provider that would be unsafe, or could never let anybody in."""

    code = "provider_invalid"


class OidcProvider(Struct, frozen=True, kw_only=True):
    """An OpenID provider and what is taken from its tokens.

    `audiences` are the values of `aud` of which a caller's own token must have one, `delegation_audiences` those
    that do as well in a token by which a service names its user. `jwks_url` is found by discovery if not given.
    `group_map` gives our group for a value of `groups_claim`; without a map, values that are groups of the
    workspace count. Either way the rest is dropped. Roles are never read from a token. Raises `InvalidProvider`.
    """

    issuer: str
    audiences: frozenset[str]
    algorithms: frozenset[str] = frozenset({"RS256", "ES256"})
    jwks_url: str = ""
    user_claim: str = "sub"
    groups_claim: str = "groups"
    group_map: Mapping[str, str] = {}
    delegation_audiences: frozenset[str] = frozenset()
    clock_skew_s: int = 60
    max_age_s: int = 86_400  # since `iat`

    def __post_init__(self) -> None:
        self._check_algorithms()
        for url in filter(None, (self.issuer, self.jwks_url)):
            if not may_fetch(url, loopback=True):
                fix = "use an https URL without user, query or fragment; http is for loopback only"
                raise InvalidProvider(f"`{url[:200]}` is no address of a provider", fix=fix)
        if not self.issuer:
            raise InvalidProvider("`issuer` is empty", fix="give the provider's `iss`, a URL")
        if not self.audiences or not all(self.audiences | self.delegation_audiences):
            raise InvalidProvider(
                "an audience is missing", fix="give the `aud` that the provider writes for us"
            )
        if not self.user_claim or not self.groups_claim:
            raise InvalidProvider(
                "the name of a claim is empty", fix="leave it out to use `sub` and `groups`"
            )
        if not 0 <= self.clock_skew_s <= _MOST_SKEW_S:
            raise InvalidProvider(f"a skew of {self.clock_skew_s} s is too much", fix="use 0 to 300 seconds")
        if not 60 <= self.max_age_s <= _MOST_AGE_S:
            raise InvalidProvider(f"an age of {self.max_age_s} s cannot be", fix="use 60 s to 30 days")
        check_groups(self.group_map.values())

    def _check_algorithms(self) -> None:
        if unfit := sorted(self.algorithms - ALGORITHMS.keys()):
            raise InvalidProvider(f"`{unfit[0]}` is not taken", fix=f"use some of {', '.join(ALGORITHMS)}")
        if not self.algorithms:
            raise InvalidProvider("no algorithm is allowed", fix=f"use some of {', '.join(ALGORITHMS)}")


def may_fetch(url: str, *, loopback: bool) -> bool:
    """Whether a document may be fetched from there: over https, or over http from this machine if `loopback`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url and "@" not in parts.netloc and port != 0
    if not plain or not parts.hostname or parts.query or parts.fragment:
        return False
    return parts.scheme == "https" or (loopback and parts.scheme == "http" and _on_this_machine(parts))


def on_this_machine(url: str) -> bool:
    """Whether a URL is of the loopback interface."""
    return _on_this_machine(urlsplit(url))


def _on_this_machine(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
