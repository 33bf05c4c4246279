"""Sign requests: Signature Version 4, or a Bedrock API key.

The rules are AWS's own: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
"""

import hmac
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import TypeVar
from urllib.parse import quote, urlsplit

from msgspec import Struct

from proviso.aws.protocol import Bearer, HttpRequest, Keys, NoCredentials

K = TypeVar("K")
V = TypeVar("V")

_MOST_KEPT = 256  # of each kind: a deployment has a few models, regions and header sets
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

# What proxies may change, and what the signature itself brings.
_UNSIGNED = frozenset(
    {
        "authorization", "baggage", "connection", "expect", "host", "keep-alive", "proxy-authenticate",
        "proxy-authorization", "te", "traceparent", "tracestate", "trailer", "transfer-encoding", "upgrade",
        "user-agent", "x-amz-date", "x-amz-security-token", "x-amzn-trace-id",
    }
)  # fmt: skip


class _DerivedKey(Struct, frozen=True):
    scope: str  # `20260131/eu-central-1/bedrock/aws4_request`
    keyed: hmac.HMAC


class _HeaderPlan(Struct, frozen=True):
    """How the headers of one set of names are put into canonical form."""

    order: tuple[tuple[str, tuple[str, ...]], ...]  # (lower case, as written), sorted
    signed: str  # `content-type;host;x-amz-date`
    digest: str = ""  # the header that has the body's digest already, as written


class _Target(Struct, frozen=True):
    path: str  # canonical
    query: str


class Signer:
    """Signs; keeps derived keys for a day, region, service and key, and the canonical form of what recurs."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str, str, str], _DerivedKey] = {}
        self._plans: dict[tuple[bool, tuple[str, ...]], _HeaderPlan] = {}
        self._targets: dict[str, _Target] = {}
        self._hosts: dict[str, str] = {}
        self._second = -1
        self._stamp = ""

    def sign(
        self, request: HttpRequest, credentials: Keys | Bearer, *, region: str, service: str, now: float
    ) -> dict[str, str]:
        """Return the headers to add: `Authorization`, and for keys `X-Amz-Date` and `X-Amz-Security-Token`.

        They take the place of those in the request, which are not signed. `now` is seconds of UTC since the epoch.
        The path is signed as it is, encoded once more. Raises `NoCredentials` for an API key over plain HTTP.
        """
        if isinstance(credentials, Bearer):
            return _bear(request, credentials)
        stamp = self._stamp_of(now)
        ours = {"X-Amz-Date": stamp}
        if credentials.token:
            ours["X-Amz-Security-Token"] = credentials.token
        key = self._key(stamp[:8], region, service, credentials)
        canonical, signed = self._canonical(request, ours)
        keyed = key.keyed.copy()
        digest = sha256(canonical.encode()).hexdigest()
        keyed.update(f"AWS4-HMAC-SHA256\n{stamp}\n{key.scope}\n{digest}".encode())
        ours["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{key.scope}, "
            f"SignedHeaders={signed}, Signature={keyed.hexdigest()}"
        )
        return ours

    def _canonical(self, request: HttpRequest, ours: Mapping[str, str]) -> tuple[str, str]:
        """Return the canonical request, and the names of the headers in it."""
        headers = request.headers
        plan = self._plan((len(ours) > 1, tuple(headers)))
        target = self._target(request.path)
        every = {**headers, "host": self._host(request.origin), **ours}
        lines = [
            f"{lower}:{','.join([' '.join(every[name].split()) for name in names])}\n"
            for lower, names in plan.order
        ]
        body = headers[plan.digest] if plan.digest else sha256(request.body).hexdigest()
        canonical = f"{request.method.upper()}\n{target.path}\n{target.query}\n{''.join(lines)}\n{plan.signed}\n{body}"
        return canonical, plan.signed

    def _stamp_of(self, now: float) -> str:
        second = int(now)
        if second != self._second:
            self._stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
            self._second = second
        return self._stamp

    def _key(self, day: str, region: str, service: str, keys: Keys) -> _DerivedKey:
        of = (day, region, service, keys.secret_key)
        derived = self._keys.get(of)
        if derived is None:
            derived = _kept(self._keys, of, _derive(day, region, service, keys))
        return derived

    def _plan(self, of: tuple[bool, tuple[str, ...]]) -> _HeaderPlan:
        return self._plans.get(of) or _kept(self._plans, of, _planned(*of))

    def _target(self, path: str) -> _Target:
        return self._targets.get(path) or _kept(self._targets, path, _canonical_target(path))

    def _host(self, origin: str) -> str:
        return self._hosts.get(origin) or _kept(self._hosts, origin, host_header(origin))


def host_header(origin: str) -> str:
    """Return the `Host` of an origin: in lower case, without its scheme's own port."""
    parts = urlsplit(origin)
    name = parts.hostname or ""
    host = f"[{name}]" if ":" in name else name
    return host if parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f"{host}:{parts.port}"


def _bear(request: HttpRequest, bearer: Bearer) -> dict[str, str]:
    if not request.origin.startswith("https://") and urlsplit(request.origin).hostname not in _LOOPBACK:
        raise NoCredentials(
            f"a Bedrock API key is not sent to `{request.origin}`, where anyone between could read it",
            fix="use https, or access keys",
        )
    return {"Authorization": f"Bearer {bearer.key}"}


def _kept(kept: dict[K, V], key: K, value: V) -> V:
    """Keep a value; when there are too many, those of yesterday's days and dropped models go, all at once."""
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    kept[key] = value
    return value


def _derive(day: str, region: str, service: str, keys: Keys) -> _DerivedKey:
    derived = f"AWS4{keys.secret_key}".encode()
    for part in (day, region, service, "aws4_request"):
        derived = hmac.digest(derived, part.encode(), "sha256")
    return _DerivedKey(
        scope=f"{day}/{region}/{service}/aws4_request", keyed=hmac.new(derived, digestmod="sha256")
    )


def _planned(with_token: bool, names: tuple[str, ...]) -> _HeaderPlan:  # noqa: FBT001  half of a cache's key
    ours = ["X-Amz-Date", "host", *(["X-Amz-Security-Token"] if with_token else [])]
    by_lower: dict[str, list[str]] = {name.lower(): [name] for name in ours}
    for name in names:
        if (lower := name.lower()) not in _UNSIGNED:
            by_lower.setdefault(lower, []).append(name)
    order = tuple((lower, tuple(by_lower[lower])) for lower in sorted(by_lower))
    digest = by_lower.get("x-amz-content-sha256", [""])[-1]
    return _HeaderPlan(order=order, signed=";".join(lower for lower, _ in order), digest=digest)


def _canonical_target(path: str) -> _Target:
    """Return the canonical path and query: dots and double slashes taken out, the rest encoded once more."""
    bare, _, query = path.partition("?")
    steps: list[str] = []
    for step in bare.split("/"):
        if step == "..":
            del steps[-1:]
        elif step not in {"", "."}:
            steps.append(step)
    first = "/" if bare.startswith("/") or not bare else ""
    last = "/" if bare.endswith("/") and steps else ""
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&")) if query else []
    return _Target(
        path=quote(f"{first}{'/'.join(steps)}{last}", safe="/~"),
        query="&".join(f"{name}={value}" for name, value in pairs),
    )
