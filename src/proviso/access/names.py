"""The names of people, groups and roles: what may stand in a key, a policy or a record."""

import re
from collections.abc import Iterable

from proviso.errors import ProvisoError

ROLES = frozenset({"user", "author", "owner", "reviewer", "risk", "operator", "auditor", "admin"})

MOST_GROUPS = 32  # each is a cell of the rollups for every run

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}", re.ASCII)


class InvalidIdentity(ProvisoError):
    """A user, group or role that cannot be."""

    code = "identity_invalid"
    status = 422


def check_user(user: str) -> str:
    """Return the user; raise `InvalidIdentity`."""
    return _check("user", user)


def check_groups(groups: Iterable[str]) -> tuple[str, ...]:
    """Return the groups sorted, each once; raise `InvalidIdentity`."""
    checked = tuple(sorted({_check("group", group) for group in groups}))
    if len(checked) > MOST_GROUPS:
        raise InvalidIdentity(f"{len(checked)} groups are too many", fix=f"give at most {MOST_GROUPS}")
    return checked


def check_roles(roles: Iterable[str]) -> tuple[str, ...]:
    """Return the roles sorted, each once; raise `InvalidIdentity`."""
    chosen = set(roles)
    if unknown := sorted(chosen - ROLES):
        raise InvalidIdentity(f"`{unknown[0]}` is no role", fix=f"use {', '.join(sorted(ROLES))}")
    return tuple(sorted(chosen))


def _check(what: str, name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise InvalidIdentity(
            f"`{name[:140]}` is no name of a {what}",
            fix="use up to 128 letters, digits and . _ @ + -, with a letter or a digit first",
        )
    return name
