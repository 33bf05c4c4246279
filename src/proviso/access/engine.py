"""The seam to whatever evaluates policies: a query goes in, a finding comes out; no trust is put in either."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from proviso.access.resources import Entity, Uid

ALLOW = "Allow"
DENY = "Deny"


class Query(Struct, frozen=True):
    """One question to the policies, with every entity that they may look at."""

    principal: Uid
    action: str
    resource: Uid
    context: Mapping[str, Any]
    entities: Sequence[Entity]


class Finding(Struct, frozen=True):
    """What an engine says, unjudged: a word such as `Allow`, the policies that determined it, and every error."""

    decision: str
    policies: tuple[str, ...]
    errors: tuple[str, ...]


class Engine(Protocol):
    """Anything that evaluates policies. It may raise whatever it likes: that is a denial."""

    def evaluate(self, query: Query) -> Finding:
        """Return what the policies say to this."""
