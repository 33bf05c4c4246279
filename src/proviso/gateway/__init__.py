"""The HTTP door: authenticate, limit, decode, answer, explain errors."""

from proviso.gateway.gateway import Gateway
from proviso.gateway.openapi import openapi
from proviso.gateway.parts import Parts, PendingRun, ReleaseCard
from proviso.gateway.server import CannotListen, Server, log_to_stderr, run_server

__all__ = [
    "CannotListen",
    "Gateway",
    "Parts",
    "PendingRun",
    "ReleaseCard",
    "Server",
    "log_to_stderr",
    "openapi",
    "run_server",
]
