"""Credentials, signer, event stream, HTTP towards AWS."""

from proviso.aws.event_stream import Event, EventStream
from proviso.aws.protocol import (
    Bearer,
    BrokenStream,
    CredentialSource,
    HttpRequest,
    HttpResponse,
    Keys,
    NoCredentials,
    Patience,
    TimedOut,
    Transport,
    TransportFailed,
)
from proviso.aws.signing import Signer

__all__ = [
    "Bearer",
    "BrokenStream",
    "CredentialSource",
    "Event",
    "EventStream",
    "HttpRequest",
    "HttpResponse",
    "Keys",
    "NoCredentials",
    "Patience",
    "Signer",
    "TimedOut",
    "Transport",
    "TransportFailed",
]
