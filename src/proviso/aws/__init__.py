"""Credentials, signer, event stream, HTTP towards AWS."""

from proviso.aws.credentials import BearerFile, BearerKey, ChainCredentials, StaticKeys
from proviso.aws.event_stream import Event, EventStream
from proviso.aws.opening import open_transport
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
    TransportFull,
)
from proviso.aws.signing import Signer

__all__ = [
    "Bearer",
    "BearerFile",
    "BearerKey",
    "BrokenStream",
    "ChainCredentials",
    "CredentialSource",
    "Event",
    "EventStream",
    "HttpRequest",
    "HttpResponse",
    "Keys",
    "NoCredentials",
    "Patience",
    "Signer",
    "StaticKeys",
    "TimedOut",
    "Transport",
    "TransportFailed",
    "TransportFull",
    "open_transport",
]
