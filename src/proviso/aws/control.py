"""Ask AWS about an account: who calls, which models, profiles, guardrails and quotas there are, what is logged.

Signed by our own signer, over a `Transport`. Bedrock's control plane speaks REST-JSON, Service Quotas JSON 1.1, STS
the query protocol. Each answer has only the members that are looked at, as the services' own models name them.
"""

import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from html import unescape
from types import MappingProxyType
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct, structs

from proviso.aws.protocol import Bearer, HttpRequest, Keys, Patience, Transport
from proviso.aws.signing import Signer
from proviso.errors import Unavailable

A = TypeVar("A", bound=Struct)

_PATIENCE: Final = Patience(connect=5.0, head=15.0, idle=15.0, whole=30.0)
_MOST_PAGES: Final = 60  # of quotas, a hundred each
_LONGEST: Final = 300  # characters of a message
_JSON: Final[Mapping[str, str]] = MappingProxyType({"Accept": "application/json"})
_QUOTAS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "ServiceQuotasV20190624.ListServiceQuotas",
    }
)
_FORM: Final[Mapping[str, str]] = MappingProxyType(
    {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
)
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeError, RecursionError)


class AwsRefused(Unavailable):
    """AWS answered a question about the account with an error. `error`: its code, empty for what is none of AWS's."""

    code = "aws_refused"

    def __init__(self, status: int, error: str, said: str) -> None:
        told = f"{status} {error}".rstrip()
        super().__init__(
            f"answered {told}: {said}" if said else f"answered {told}",
            fix="run `proviso doctor`, which says what to do about it",
        )
        self.answer_status = status
        self.error = error
        self.said = said

    @property
    def denied(self) -> bool:
        """Whether the caller is known, and may not do it."""
        return self.error in {"AccessDeniedException", "AccessDenied"}

    @property
    def missing(self) -> bool:
        """Whether there is no such thing."""
        return self.error in {"ResourceNotFoundException", "ValidationException"}


class Caller(Struct, frozen=True):
    """Who calls."""

    account: str
    arn: str


class Lifecycle(Struct, frozen=True, rename="camel"):
    """`status`: ACTIVE or LEGACY. The end of life is an ISO time, empty where AWS tells none."""

    status: str = ""
    end_of_life_time: str | None = None

    @property
    def ends_on(self) -> str:
        """The day from which it does not answer, empty where none is told."""
        return (self.end_of_life_time or "")[:10]


class FoundationModel(Struct, frozen=True, rename="camel"):
    """A model as Bedrock knows it."""

    model_id: str
    model_name: str = ""
    provider_name: str = ""
    inference_types_supported: tuple[str, ...] = ()
    model_lifecycle: Lifecycle = Lifecycle()


class Agreement(Struct, frozen=True, rename="camel"):
    """`AVAILABLE` where the model's terms have been accepted, or need not be."""

    status: str = ""


class Availability(Struct, frozen=True, rename="camel"):
    """Whether an account may call a model in a region."""

    agreement_availability: Agreement = Agreement()
    authorization_status: str = ""
    entitlement_availability: str = ""
    region_availability: str = ""


class ModelOfProfile(Struct, frozen=True, rename="camel"):
    """A model in one of the regions of a profile."""

    model_arn: str

    @property
    def region(self) -> str:
        """The region, empty for a profile that goes anywhere."""
        return self.model_arn.split(":")[3] if self.model_arn.count(":") > 4 else ""

    @property
    def model(self) -> str:
        """The model's ID."""
        return self.model_arn.rpartition("/")[2]


class InferenceProfile(Struct, frozen=True, rename="camel"):
    """An inference profile. AWS lists at most five of its models."""

    inference_profile_id: str
    models: tuple[ModelOfProfile, ...] = ()
    status: str = ""
    type: str = ""


class GuardrailVersion(Struct, frozen=True, rename="camel"):
    """A version of a guardrail. `status`: READY, or what keeps it from that."""

    version: str
    status: str = ""


class LogGroup(Struct, frozen=True, rename="camel"):
    """Where in CloudWatch."""

    log_group_name: str = ""


class Bucket(Struct, frozen=True, rename="camel"):
    """Where in S3."""

    bucket_name: str = ""


class InvocationLogging(Struct, frozen=True, rename="camel"):
    """Which contents of calls Bedrock keeps, and where."""

    cloud_watch_config: LogGroup | None = None
    s3_config: Bucket | None = None
    text_data_delivery_enabled: bool = False
    image_data_delivery_enabled: bool = False

    @property
    def places(self) -> tuple[str, ...]:
        """Where it goes, in words."""
        places = []
        if self.cloud_watch_config is not None:
            places.append(f"log group `{self.cloud_watch_config.log_group_name}`")
        if self.s3_config is not None:
            places.append(f"bucket `{self.s3_config.bucket_name}`")
        return tuple(places)


class ServiceQuota(Struct, frozen=True, rename="pascal"):
    """A quota of an account in a region."""

    quota_code: str
    quota_name: str = ""
    value: float = 0.0


class _Model(Struct, rename="camel"):
    model_details: FoundationModel


class _Logging(Struct, rename="camel"):
    logging_config: InvocationLogging | None = None


class _Quotas(Struct, rename="pascal"):
    quotas: tuple[ServiceQuota, ...] = ()
    next_token: str | None = None


class _Error(Struct):
    type: str = msgspec.field(name="__type", default="")
    message: str = ""
    upper: str = msgspec.field(name="Message", default="")


class _Anything(Struct):
    """An answer of which nothing is looked at."""


class ControlPlane:
    """What one account says in one region. Every call raises `AwsRefused` or `TransportFailed`."""

    def __init__(
        self,
        transport: Transport,
        credentials: Keys | Bearer,
        region: str,
        *,
        endpoint: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        """Ask through a transport. `endpoint`: an origin that stands in for all of AWS's own."""
        self._transport = transport
        self._credentials = credentials
        self._region = region
        self._endpoint = endpoint
        self._now = now
        self._signer = Signer()
        self._ahead_s: float | None = None

    @property
    def ahead_s(self) -> float | None:
        """By how many seconds our clock is ahead of AWS's, by the last answer that had a date; None before it.

        A date counts whole seconds: what may be due to that, or to the way of the request, is no difference.
        """
        return self._ahead_s

    def origin(self, service: str) -> str:
        """Return where a service of this region is called: `bedrock`, `sts`, `servicequotas`."""
        domain = "amazonaws.com.cn" if self._region.startswith("cn-") else "amazonaws.com"
        return self._endpoint or f"https://{service}.{self._region}.{domain}"

    async def reach(self) -> None:
        """Ask for the models, and look at none of them: whether somebody answers, and at what time."""
        await self._get("/foundation-models?byProvider=none", _Anything)

    async def model(self, model: str) -> FoundationModel:
        """Return a model by its ID."""
        return (await self._get(f"/foundation-models/{quote(model, safe='')}", _Model)).model_details

    async def availability(self, model: str) -> Availability:
        """Return whether a model may be called, by its ID."""
        return await self._get(f"/foundation-model-availability/{quote(model, safe='')}", Availability)

    async def profile(self, profile: str) -> InferenceProfile:
        """Return an inference profile, by its ID or ARN."""
        return await self._get(f"/inference-profiles/{quote(profile, safe='')}", InferenceProfile)

    async def guardrail(self, identifier: str, version: str) -> GuardrailVersion:
        """Return a version of a guardrail."""
        path = f"/guardrails/{quote(identifier, safe='')}?guardrailVersion={quote(version, safe='')}"
        return await self._get(path, GuardrailVersion)

    async def logging(self) -> InvocationLogging | None:
        """Return what is kept of calls, None where nothing is."""
        return (await self._get("/logging/modelinvocations", _Logging)).logging_config

    async def caller(self) -> Caller:
        """Return who calls. Needs no permission; a Bedrock API key cannot ask."""
        body = b"Action=GetCallerIdentity&Version=2011-06-15"
        answer = await self._send("sts", HttpRequest("POST", self.origin("sts"), "/", _FORM, body))
        text = answer.decode("utf-8", "replace")
        return Caller(_element(text, "Account"), _element(text, "Arn"))

    async def quotas(self) -> list[ServiceQuota]:
        """Return Bedrock's quotas. A Bedrock API key cannot ask."""
        found: list[ServiceQuota] = []
        asked: dict[str, object] = {"ServiceCode": "bedrock", "MaxResults": 100}
        for _ in range(_MOST_PAGES):
            request = HttpRequest(
                "POST", self.origin("servicequotas"), "/", _QUOTAS, msgspec.json.encode(asked)
            )
            page = _decoded(await self._send("servicequotas", request), _Quotas)
            found += page.quotas
            if not page.next_token:
                break
            asked["NextToken"] = page.next_token
        return found

    async def _get(self, path: str, shape: type[A]) -> A:
        request = HttpRequest("GET", self.origin("bedrock"), path, _JSON)
        return _decoded(await self._send("bedrock", request), shape)

    async def _send(self, service: str, request: HttpRequest) -> bytes:
        """Return the body of an answer with status 200. Raises `AwsRefused`, `TransportFailed`, `NoCredentials`."""
        now = self._now()
        added = self._signer.sign(request, self._credentials, region=self._region, service=service, now=now)
        signed = structs.replace(request, headers={**request.headers, **added})
        async with self._transport.send(signed, _PATIENCE) as response:
            self._look_at_clock(response.headers.get("date", ""), now)
            body = await response.read()
            if response.status != 200:
                raise _refused(response.status, response.headers.get("x-amzn-errortype", ""), body)
            return body

    def _look_at_clock(self, date: str, sent: float) -> None:
        try:
            theirs = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        # They wrote it between our sending and our reading, cut to a whole second.
        first, last = sent - theirs - 1.0, self._now() - theirs
        self._ahead_s = first if first > 0 else min(last, 0.0)


def _decoded(body: bytes, shape: type[A]) -> A:
    try:
        return msgspec.json.decode(body, type=shape)
    except _UNREADABLE as error:
        raise AwsRefused(200, "", f"what cannot be read: {error}"[:_LONGEST]) from error


def _refused(status: int, kind: str, body: bytes) -> AwsRefused:
    """Read an error: JSON with its code in a header or in itself, or STS's XML."""
    if body.lstrip().startswith(b"<"):
        text = body.decode("utf-8", "replace")
        return AwsRefused(status, _element(text, "Code"), _shortened(_element(text, "Message")))
    try:
        error = msgspec.json.decode(body, type=_Error)
    except _UNREADABLE:
        error = _Error()
    code = (kind or error.type).partition(":")[0].rpartition("#")[2]
    return AwsRefused(status, _shortened(code), _shortened(error.message or error.upper))


def _element(text: str, name: str) -> str:
    """The text of the first element of a name, which has no elements in it."""
    found = re.search(rf"<{name}>([^<]*)</{name}>", text)
    return unescape(found[1]) if found else ""


def _shortened(said: str) -> str:
    line = " ".join(said.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
