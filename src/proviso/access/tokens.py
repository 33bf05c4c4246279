"""OIDC bearer tokens: verified once, then known from memory for a minute. The only module that knows PyJWT.

PyJWT verifies signatures (RFC 7515); which key and algorithm may do so, and what the claims must say, is
decided here and in `proviso.access.claims`.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import jwt
from msgspec import Struct
from msgspec.structs import replace

from proviso.access.claims import MOST_CHARS, Claims, Header, TokenRefused, read_claims, read_header
from proviso.access.discovery import fetch_keys
from proviso.access.jwks import IdentityUnavailable, Jwks
from proviso.access.names import InvalidIdentity, check_groups
from proviso.access.oidc import ALGORITHMS, OidcProvider
from proviso.types import Principal

CACHED_US = 60_000_000  # how long a verified token is known without being verified again
MOST_CACHED = 10_000

# The most that the members of a public key may have: RSA of 8,192 bits. A larger one only costs time.
_LONGEST = {"n": 1_366, "e": 6, "x": 64, "y": 64}

Verifiers = Mapping[str, jwt.PyJWK]  # one key, by each algorithm that it may be used with
SigningKeys = Jwks[Verifiers]


class People(Protocol):
    """Who a workspace knows, under the terms in force. Both answer from memory."""

    def roles(self, user: str) -> frozenset[str] | None:
        """Return the roles of a user of the provider; None for somebody who may not come in (any more)."""

    def is_group(self, name: str) -> bool:
        """Whether the workspace has a group of that name."""


class _Verified(Struct, frozen=True):
    since: int
    until: int
    version: int  # of the people
    claims: Claims
    principal: Principal


class Tokens:
    """The tokens of one provider, for one use: callers' own, or (`delegated`) those by which services name users.

    `keys` may be shared by both uses. `now` gives UTC microseconds since the epoch.
    """

    def __init__(
        self,
        provider: OidcProvider,
        keys: SigningKeys,
        people: People,
        now: Callable[[], int],
        *,
        delegated: bool = False,
    ) -> None:
        self._provider = provider
        self._audiences = provider.audiences | (provider.delegation_audiences if delegated else frozenset())
        self._keys = keys
        self._people = people
        self._version = 0
        self._now = now
        # By SHA-256, so that no token lies in memory and no comparison tells how much of a guess was right.
        # Only tokens that are valid get in, so guessing does not push anybody out.
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()

    def people_changed(self) -> None:
        """Work groups and roles out anew: the workspace has changed. Signatures are not verified again."""
        self._version += 1

    def known(self, token: str) -> Principal | None:
        """Return whose token this is, from memory alone; None for one that must be verified, or is not valid."""
        if len(token) > MOST_CHARS or not token.isascii():
            return None
        digest = hashlib.sha256(token.encode()).digest()
        entry = self._verified.get(digest)
        if entry is None or not entry.since <= self._now() < entry.until:
            return None
        if entry.version != self._version:
            return self._anew(digest, entry)
        self._verified.move_to_end(digest)
        return entry.principal

    async def verify(self, token: str) -> Principal:
        """Return whose token this is. Raises `TokenRefused`, or `IdentityUnavailable` if its key is out of reach."""
        known = self.known(token)
        if known is not None:
            return known
        header = read_header(token, self._provider)
        claims = self._read(token, header, await self._keys.find(header.kid))
        principal = self._principal(claims)
        self._remember(token, claims, principal)
        return principal

    def _anew(self, digest: bytes, entry: _Verified) -> Principal | None:
        """Return what the people of today make of claims that are verified."""
        try:
            principal = self._principal(entry.claims)
        except TokenRefused:
            del self._verified[digest]
            return None
        self._verified[digest] = replace(entry, version=self._version, principal=principal)
        return principal

    def _read(self, token: str, header: Header, verifiers: Verifiers | None) -> Claims:
        if verifiers is None:
            raise TokenRefused("key")
        key = verifiers.get(header.algorithm)
        if key is None:
            raise TokenRefused("algorithm")
        return read_claims(_signed(token, key, header), self._provider, self._audiences, self._now())

    def _principal(self, claims: Claims) -> Principal:
        mapped = self._provider.group_map
        if mapped:
            groups = {mapped[name] for name in claims.groups if name in mapped}
        else:
            groups = {name for name in claims.groups if self._people.is_group(name)}
        roles = self._people.roles(claims.user)
        if roles is None:
            raise TokenRefused("left")
        try:
            checked = frozenset(check_groups(groups))
        except InvalidIdentity:
            raise TokenRefused("groups") from None
        return Principal(claims.user, checked, roles, f"oidc:{claims.client}")

    def _remember(self, token: str, claims: Claims, principal: Principal) -> None:
        now = self._now()
        until = min(now + CACHED_US, claims.expires)
        digest = hashlib.sha256(token.encode()).digest()
        self._verified[digest] = _Verified(now, until, self._version, claims, principal)
        self._verified.move_to_end(digest)
        if len(self._verified) > MOST_CACHED:
            self._verified.popitem(last=False)


def signing_keys(provider: OidcProvider, clock: Callable[[], int]) -> SigningKeys:
    """Return the keys of a provider, none of them fetched yet. `clock`: monotonic microseconds."""
    return Jwks(lambda: _usable(provider, fetch_keys(provider)), clock)


def _usable(provider: OidcProvider, documents: Sequence[dict[str, object]]) -> dict[str, Verifiers]:
    keys = read_keys(documents, provider.algorithms)
    if not keys:
        what = f"the keys of `{provider.issuer}` have none with a `kid` for the algorithms that are allowed"
        raise IdentityUnavailable(what, fix="see the settings of the identity provider")
    return keys


def read_keys(documents: Sequence[dict[str, object]], algorithms: frozenset[str]) -> dict[str, Verifiers]:
    """Return the keys that may verify signatures, by `kid`; what cannot be used is left out."""
    found: dict[str, dict[str, jwt.PyJWK]] = {}
    shared: set[tuple[str, str]] = set()
    for number, document in enumerate(documents):
        kid = document.get("kid")
        if not isinstance(kid, str) or document in documents[:number]:
            continue
        known = found.setdefault(kid, {})
        for algorithm, key in _verifiers(document, algorithms).items():
            if algorithm in known:
                shared.add((kid, algorithm))
            known[algorithm] = key
    # INVARIANT: one `kid` and algorithm, one key. Of two nobody could say which of them is meant.
    for kid, algorithm in shared:
        del found[kid][algorithm]
    return {kid: verifiers for kid, verifiers in found.items() if verifiers}


def _verifiers(document: dict[str, object], algorithms: frozenset[str]) -> dict[str, jwt.PyJWK]:
    """Return a key by the algorithms that fit it: its type, its curve, its own `alg`, and what is allowed."""
    operations = document.get("key_ops", ["verify"])
    for_signatures = isinstance(operations, list) and "verify" in operations
    if document.get("use", "sig") != "sig" or not for_signatures or "d" in document:
        return {}  # a private key that is published is nobody's any more
    if any(len(value) > _LONGEST.get(name, len(value)) for name, value in _members(document)):
        return {}
    fits = (document.get("kty"), document.get("crv") if document.get("kty") != "RSA" else None)
    own = document.get("alg")
    found = {}
    for algorithm in algorithms:
        if ALGORITHMS[algorithm] == fits and own in (None, algorithm):
            try:
                key = jwt.PyJWK(document, algorithm)
            except jwt.PyJWTError:
                return {}
            if key.Algorithm.check_key_length(key.key):  # which says what is wrong with it
                return {}
            found[algorithm] = key
    return found


def _members(document: dict[str, object]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in document.items() if isinstance(value, str)]


def _signed(token: str, key: jwt.PyJWK, header: Header) -> bytes:
    """Return the payload of a token that this key has signed by this algorithm."""
    try:
        complete = jwt.PyJWS(algorithms=[header.algorithm]).decode_complete(
            token, key, algorithms=[header.algorithm]
        )
    except jwt.PyJWTError:
        raise TokenRefused("signature") from None
    payload: bytes = complete["payload"]
    return payload
