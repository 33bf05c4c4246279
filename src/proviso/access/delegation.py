"""A service that asks for somebody else: it names its user by a signed token, and by nothing else."""

from proviso.errors import Forbidden
from proviso.types import Principal

USER_TOKEN_HEADER = b"x-proviso-user-token"

_ASKS = frozenset({"user"})


class ServicePrincipal(Principal, frozen=True):
    """The holder of a service key. Only a key that was made as one gives this."""


def check_service(principal: Principal) -> ServicePrincipal:
    """Return a service; raise `Forbidden` for anybody else who names a user."""
    if not isinstance(principal, ServicePrincipal):
        raise Forbidden(
            "only a service key may name its user",
            fix=f"leave `{USER_TOKEN_HEADER.decode()}` out, or use a service key",
        )
    return principal


def on_behalf(service: Principal, user: Principal) -> Principal:
    """Return the user with his groups, asking through a service's key; raise `Forbidden` if it is none.

    What both may is left of the roles, and at most `user`: neither side gains by the other's duties.
    """
    key = check_service(service).key
    return Principal(user.user, user.groups, service.roles & user.roles & _ASKS, key)
