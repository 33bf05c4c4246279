"""The settings of an OpenID provider: whose tokens are taken, for whom, and what their claims mean here."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from proviso.access.names import check_groups
from proviso.errors import ProvisoError
from proviso.text import address

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


class Fault(Struct, frozen=True):
    """What is wrong with one setting, and its fix."""

    setting: str
    what: str
    fix: str


class InvalidProvider(ProvisoError):
    """Settings of a provider that would be unsafe, or could never let anybody in; `faults` has all of them."""

    code = "provider_invalid"

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(faults[0].what, fix=faults[0].fix)


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
        if faults := [*self._algorithm_faults(), *self._address_faults(), *self._claim_faults()]:
            raise InvalidProvider(faults)
        check_groups(self.group_map.values())

    def _algorithm_faults(self) -> Iterator[Fault]:
        fix = f"use some of {', '.join(ALGORITHMS)}"
        for unfit in sorted(self.algorithms - ALGORITHMS.keys()):
            yield Fault("algorithms", f"`{unfit[:60]}` is not taken", fix)
        if not self.algorithms:
            yield Fault("algorithms", "no algorithm is allowed", fix)

    def _address_faults(self) -> Iterator[Fault]:
        fix = "use an https URL without user, query or fragment; http is for loopback only"
        for name, url in (("issuer", self.issuer), ("jwks_url", self.jwks_url)):
            if url and address(url) is None:
                yield Fault(name, f"`{url[:200]}` is no address of a provider", fix)
        if not self.issuer:
            yield Fault("issuer", "`issuer` is empty", "give the provider's `iss`, a URL")

    def _claim_faults(self) -> Iterator[Fault]:
        for name, audiences in (
            ("audiences", self.audiences),
            ("delegation_audiences", self.delegation_audiences),
        ):
            if not all(audiences) or (name == "audiences" and not audiences):
                yield Fault(name, "an audience is missing", "give the `aud` that the provider writes for us")
        for name, claim in (("user_claim", self.user_claim), ("groups_claim", self.groups_claim)):
            if not claim:
                yield Fault(name, "the name of a claim is empty", "leave it out to use `sub` and `groups`")
        if not 0 <= self.clock_skew_s <= _MOST_SKEW_S:
            yield Fault("clock_skew", f"a skew of {self.clock_skew_s} s is too much", "use 0 to 300 seconds")
        if not 60 <= self.max_age_s <= _MOST_AGE_S:
            yield Fault("max_age", f"an age of {self.max_age_s} s cannot be", "use 60 s to 30 days")
