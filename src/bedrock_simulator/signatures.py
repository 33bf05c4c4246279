"""Checks who calls: Signature Version 4, worked out anew from the request as it came, and bearer keys.

The algorithm: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. A session
token that begins with `expired` has expired; an access key that begins with `ASIA` is temporary and needs a token.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from urllib.parse import quote, unquote_plus

from msgspec import Struct

from bedrock_simulator.exchange import ServiceError
from bedrock_simulator.messages import Received

_ALGORITHM = "AWS4-HMAC-SHA256"
_SKEW = timedelta(minutes=5)
_STAMP = "%Y%m%dT%H%M%SZ"
_STAMPED = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_BLANKS = re.compile(r" +")
_PARTS = ("Credential", "Signature", "SignedHeaders")
_KEPT_KEYS = 256
_NO_DATE = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."


class _Signed(Struct, frozen=True):
    """What an Authorization header says."""

    access_key: str
    date: str
    region: str
    service: str
    headers: tuple[str, ...]
    signature: str

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


class Authenticator:
    """Knows the credentials and bearer keys of a scenario."""

    def __init__(
        self, credentials: Mapping[str, str], bearer_keys: Iterable[str], now: Callable[[], datetime]
    ) -> None:
        self._credentials = credentials
        self._bearer_keys = frozenset(bearer_keys)
        self._now = now
        self._keys: dict[tuple[str, str, str, str], bytes] = {}

    def authenticate(self, request: Received, service: str, *, bearer: bool) -> str:
        """Return who calls: an access key or `bearer`. Raises `ServiceError` (403).

        `service`: the signing name that the scope must have. `bearer`: whether the service takes bearer keys.
        """
        header = request.headers.get("authorization", "")
        scheme, _, rest = header.partition(" ")
        if scheme == "Bearer":
            return self._by_bearer_key(rest.strip(), bearer=bearer)
        if not header:
            raise _denied("MissingAuthenticationTokenException", "Missing Authentication Token")
        if scheme != _ALGORITHM:
            raise _denied("IncompleteSignatureException", f"Unsupported AWS 'algorithm': '{scheme}'.")
        signed = _parsed(rest)
        self._by_signature(request, signed, service)
        return signed.access_key

    def _by_bearer_key(self, key: str, *, bearer: bool) -> str:
        if not bearer:
            raise _denied(
                "AccessDeniedException", "This service does not take API keys. Sign the request instead."
            )
        if key not in self._bearer_keys:
            raise _denied(
                "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid."
            )
        return "bearer"

    def _by_signature(self, request: Received, signed: _Signed, service: str) -> None:
        if signed.service != service:
            told = f"Credential should be scoped to correct service: '{service}'. "
            raise _denied("InvalidSignatureException", told)
        secret = self._secret(request, signed)
        stamp = self._stamp(request, signed)
        hashed = hashlib.sha256(_canonical(request, signed).encode()).hexdigest()
        to_sign = f"{_ALGORITHM}\n{stamp}\n{signed.scope}\n{hashed}"
        right = hmac.new(self._key(secret, signed), to_sign.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(right.encode(), signed.signature.encode()):
            told = (
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
                "Access Key and signing method. Consult the service documentation for details."
            )
            raise _denied("InvalidSignatureException", told)

    def _secret(self, request: Received, signed: _Signed) -> str:
        secret = self._credentials.get(signed.access_key)
        token = request.headers.get("x-amz-security-token", "")
        if secret is None or (signed.access_key.startswith("ASIA") and not token):
            raise _denied(
                "UnrecognizedClientException", "The security token included in the request is invalid."
            )
        if token.startswith("expired"):
            raise _denied("ExpiredTokenException", "The security token included in the request is expired")
        return secret

    def _stamp(self, request: Received, signed: _Signed) -> str:
        stamp = request.headers.get("x-amz-date", "")
        at = _moment(stamp)
        if not stamp.startswith(signed.date):
            told = f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: {stamp}"
            raise _denied("InvalidSignatureException", told)
        now = self._now()
        early, late = now - _SKEW, now + _SKEW
        if at < early:
            told = (
                f"Signature expired: {stamp} is now earlier than {early:{_STAMP}} ({now:{_STAMP}} - 5 min.)"
            )
            raise _denied("InvalidSignatureException", told)
        if at > late:
            told = f"Signature not yet current: {stamp} is still later than {late:{_STAMP}} ({now:{_STAMP}} + 5 min.)"
            raise _denied("InvalidSignatureException", told)
        return stamp

    def _key(self, secret: str, signed: _Signed) -> bytes:
        """Return the signing key of a day, region and service. It is kept: it is the same all day."""
        name = (signed.access_key, signed.date, signed.region, signed.service)
        key = self._keys.get(name)
        if key is None:
            key = f"AWS4{secret}".encode()
            for part in (signed.date, signed.region, signed.service, "aws4_request"):
                key = hmac.new(key, part.encode(), hashlib.sha256).digest()
            if len(self._keys) >= _KEPT_KEYS:
                self._keys.clear()
            self._keys[name] = key
        return key


def _parsed(rest: str) -> _Signed:
    pairs = (part.strip().partition("=") for part in rest.split(","))
    parts = {name: value for name, _, value in pairs}
    missing = [name for name in _PARTS if not parts.get(name)]
    if missing:
        told = " ".join(f"Authorization header requires '{name}' parameter." for name in missing)
        raise _denied("IncompleteSignatureException", told)
    scope = parts["Credential"].split("/")
    if len(scope) != 5 or scope[4] != "aws4_request":
        told = "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term"
        raise _denied("IncompleteSignatureException", told)
    headers = tuple(parts["SignedHeaders"].split(";"))
    return _Signed(scope[0], scope[1], scope[2], scope[3], headers, parts["Signature"])


def _moment(stamp: str) -> datetime:
    try:
        if _STAMPED.fullmatch(stamp):
            return datetime.fromisoformat(stamp)
    except ValueError as error:  # such as a 13th month
        raise _denied("IncompleteSignatureException", _NO_DATE) from error
    raise _denied("IncompleteSignatureException", _NO_DATE)


def _canonical(request: Received, signed: _Signed) -> str:
    """Return the canonical request. The path is encoded once more than it came: `%3A` becomes `%253A`."""
    _must_be_signed(request, signed.headers)
    headers = "".join(f"{name}:{_canonical_value(request, name)}\n" for name in signed.headers)
    return "\n".join(
        (
            request.method,
            quote(request.path, safe="/-_.~"),
            _canonical_query(request.query),
            headers,
            ";".join(signed.headers),
            hashlib.sha256(request.body).hexdigest(),
        )
    )


def _must_be_signed(request: Received, names: tuple[str, ...]) -> None:
    """Refuse a signature that leaves out the host or a header of AWS's own."""
    must = {"host", *(name for name in request.headers if name in {"x-amz-date", "x-amz-security-token"})}
    unsigned = sorted(must.difference(names))
    if unsigned or list(names) != sorted(set(names)):
        told = f"'{', '.join(unsigned) or 'SignedHeaders'}' must be a sorted list with 'Host' in the AWS Authorization."
        raise _denied("InvalidSignatureException", told)


def _canonical_value(request: Received, name: str) -> str:
    return _BLANKS.sub(" ", request.headers.get(name, "").strip())


def _canonical_query(query: str) -> str:
    if not query:
        return ""
    pairs = (part.partition("=") for part in query.split("&"))
    encoded = ((_encoded(name), _encoded(value)) for name, _, value in pairs)
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))


def _encoded(text: str) -> str:
    return quote(unquote_plus(text), safe="-_.~")


def _denied(code: str, message: str) -> ServiceError:
    return ServiceError(code, message, 403)
