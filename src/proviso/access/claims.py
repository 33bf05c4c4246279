"""What a token says: strict JSON, the checks of its header and of its claims (RFC 7519, RFC 8725, OpenID Connect).

Everything here is pure: text, settings and the time go in, claims or a refusal come out. The signature is
verified in between, by `proviso.access.tokens`.
"""

import base64
import binascii
import re

from msgspec import Struct

from proviso.access.names import InvalidIdentity, check_user
from proviso.access.oidc import OidcProvider
from proviso.access.strict_json import strict_object
from proviso.errors import Unauthenticated

MOST_CHARS = 8 * 1024  # of a token; what fits into a request's headers anyway

_SECOND = 1_000_000
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt", "application/jwt"})  # of tokens for APIs
# `crit` asks for extensions, `b64` and `zip` for another reading of the payload, `cty` says that it is nested.
_NEVER = ("crit", "b64", "zip", "enc", "cty")
_MOST_KID = 256
_MOST_TIME = 2**40  # seconds: far enough, and small enough to stay exact as microseconds
_TOKEN = re.compile(r"([A-Za-z0-9_-]{1,2048})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)
_CLIENT = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class TokenRefused(Unauthenticated):
    """A token that is not valid. Callers all get the same words; `cause` is for the log.

    `cause` is `malformed`, `header`, `algorithm`, `key`, `signature`, `payload`, `issuer`, `audience`, `time`,
    `user`, `groups` or `left`.
    """

    def __init__(self, cause: str, key: str = "") -> None:
        super().__init__("the token is not valid", fix="get a new one from the identity provider")
        self.cause = cause
        self.key = key


class Header(Struct, frozen=True):
    """What a token's header says that matters: by which key it claims to be signed, and how."""

    kid: str
    algorithm: str


class Claims(Struct, frozen=True):
    """What a verified token says. `groups` are the provider's names, `expires` is in UTC microseconds."""

    user: str
    groups: tuple[str, ...]
    client: str
    expires: int


def read_header(token: str, provider: OidcProvider) -> Header:
    """Read the header of a token that nobody has verified yet; raise `TokenRefused`.

    Keys in the header (`jwk`, `jku`, `x5u`, `x5c`) are ignored: only the provider's own set counts.
    """
    match = _TOKEN.fullmatch(token) if len(token) <= MOST_CHARS else None
    if match is None:
        raise TokenRefused("malformed")
    header = _object(_decode(match[1]), "header")
    kind, kid, algorithm = header.get("typ", "JWT"), header.get("kid"), header.get("alg")
    if any(name in header for name in _NEVER) or not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise TokenRefused("header")
    if not isinstance(algorithm, str) or algorithm not in provider.algorithms:
        raise TokenRefused("algorithm")
    if not isinstance(kid, str) or not 0 < len(kid) <= _MOST_KID:
        raise TokenRefused("key")
    return Header(kid, algorithm)


def read_claims(payload: bytes, provider: OidcProvider, audiences: frozenset[str], now: int) -> Claims:
    """Read the claims of a token whose signature is right; raise `TokenRefused`. `now`: UTC microseconds."""
    claims = _object(payload, "payload")
    if claims.get("iss") != provider.issuer:
        raise TokenRefused("issuer")
    named = claims.get("aud")
    if audiences.isdisjoint(_texts([named] if isinstance(named, str) else named, "audience")):
        raise TokenRefused("audience")
    expires = _check_times(claims, provider, now)
    return Claims(_user(claims, provider), _groups(claims, provider), _client(claims), expires)


def _object(text: bytes, cause: str) -> dict[str, object]:
    try:
        return strict_object(text)
    except ValueError:
        raise TokenRefused(cause) from None


def _decode(segment: str) -> bytes:
    """Decode base64url without padding; bits that are left over must be zero, or one token would have many forms."""
    try:
        decoded = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except (binascii.Error, ValueError):
        raise TokenRefused("malformed") from None
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != segment.encode():
        raise TokenRefused("malformed")
    return decoded


def _check_times(claims: dict[str, object], provider: OidcProvider, now: int) -> int:
    skew = provider.clock_skew_s * _SECOND
    expires, issued = _time(claims.get("exp")), _time(claims.get("iat"))
    begins = _time(claims["nbf"]) if "nbf" in claims else issued
    too_old = now - issued > provider.max_age_s * _SECOND + skew
    if now >= expires + skew or begins > now + skew or issued > now + skew or too_old:
        raise TokenRefused("time")
    return expires


def _time(value: object) -> int:
    """Return a NumericDate (seconds, perhaps with a fraction) in microseconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MOST_TIME:
        raise TokenRefused("time")
    return int(value * _SECOND)


def _user(claims: dict[str, object], provider: OidcProvider) -> str:
    user = claims.get(provider.user_claim)
    # An address that nobody has verified is whatever its holder typed.
    if not isinstance(user, str) or (
        provider.user_claim == "email" and claims.get("email_verified") is not True
    ):
        raise TokenRefused("user")
    try:
        return check_user(user)
    except InvalidIdentity:
        raise TokenRefused("user") from None


def _groups(claims: dict[str, object], provider: OidcProvider) -> tuple[str, ...]:
    named = claims.get(provider.groups_claim, [])
    return tuple(_texts([named] if isinstance(named, str) else named, "groups"))


def _client(claims: dict[str, object]) -> str:
    """Return the application that got the token, if its name can stand in a record."""
    client = claims.get("azp", claims.get("client_id"))
    return client if isinstance(client, str) and _CLIENT.fullmatch(client) else ""


def _texts(value: object, cause: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TokenRefused(cause)
    return value
