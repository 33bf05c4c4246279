"""A service that asks for somebody else: it names its user by a signed token, and by nothing else."""

from proviso.errors import Forbidden
from proviso.types import Principal

USER_TOKEN_HEADER = b"x-proviso-user-token"

_ASKS = frozenset({"user"})


class ServicePrincipal(Principal, frozen=True):
    """The holder of a service key. Only a key that was made as one gives this."""


class Represented(Principal, frozen=True):
    """A user for whom a service asks. What either may not do, the two may not do together."""

    service: ServicePrincipal


def check_service(principal: Principal) -> ServicePrincipal:
    """Return a service; raise `Forbidden` for anybody else who names a user."""
    if not isinstance(principal, ServicePrincipal):
        raise Forbidden(
            "only a service key may name its user",
            fix=f"leave `{USER_TOKEN_HEADER.decode()}` out, or use a service key",
        )
    return principal


def on_behalf(service: Principal, user: Principal) -> Represented:
    """Return the user with his groups, asking through a service's key; raise `Forbidden` if it is none.

    What both may is left of the roles, and at most `user`: neither side gains by the other's duties.
    """
    asks = check_service(service)
    return Represented(user.user, user.groups, asks.roles & user.roles & _ASKS, asks.key, asks)
