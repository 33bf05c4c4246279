"""The HTTP door: authenticate, limit, decode, answer, explain errors."""

from proviso.gateway.gateway import Gateway
from proviso.gateway.line import Line
from proviso.gateway.openapi import openapi
from proviso.gateway.parts import Parts, PendingRun, ReleaseCard
from proviso.gateway.server import CannotListen, Server, log_to_stderr, run_server
from proviso.gateway.share import Board, Share
from proviso.gateway.supervisor import Inherited, Supervisor

__all__ = [
    "Board",
    "CannotListen",
    "Gateway",
    "Inherited",
    "Line",
    "Parts",
    "PendingRun",
    "ReleaseCard",
    "Server",
    "Share",
    "Supervisor",
    "log_to_stderr",
    "openapi",
    "run_server",
]
