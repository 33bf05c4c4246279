"""Who is calling: an API key, an OIDC token, or a service key with the token of the user it asks for."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from proviso.access.attempts import Attempts
from proviso.access.claims import TokenRefused
from proviso.access.delegation import ServicePrincipal, check_service, on_behalf
from proviso.access.keys import KeyRefused
from proviso.access.lockout import Lockout
from proviso.access.tokens import Tokens
from proviso.errors import Forbidden
from proviso.types import Principal

_KEY_PREFIX = "pv_"


class KeyRing(Protocol):
    """API keys. Holders of service keys are `ServicePrincipal`."""

    def known(self, bearer: str) -> Principal | None:
        """Return who holds a key, from memory alone; None for one that must be looked up, or is not valid."""

    def authenticate(self, bearer: str) -> Principal:
        """Return who holds a key, from wherever keys are kept: it may block. Raises `KeyRefused`."""


class Identities:
    """Every way to say who is calling. Ask `known` first: it costs microseconds and needs no loop.

    `tokens` are callers' own, `delegated` those by which services name their users; without a provider there are
    neither. `clock`: monotonic microseconds. A name that nobody signed counts nowhere.
    """

    def __init__(
        self,
        keys: KeyRing,
        clock: Callable[[], int],
        *,
        tokens: Tokens | None = None,
        delegated: Tokens | None = None,
    ) -> None:
        self._keys = keys
        self._tokens = tokens
        self._delegated = delegated
        lockout = Lockout(clock)
        self._callers = Attempts(self._verify, lockout, clock)
        self._users = Attempts(self._verify_user, lockout, clock, counted=False)

    def known(self, bearer: str, user_token: str | None = None) -> Principal | None:
        """Return who is calling, from memory alone; None where `authenticate` must find out."""
        caller = self._known(bearer)
        if user_token is None or caller is None:
            return caller
        if self._delegated is None or not isinstance(caller, ServicePrincipal):
            return None
        user = self._delegated.known(user_token)
        return None if user is None else on_behalf(caller, user)

    async def authenticate(self, bearer: str, peer: str, user_token: str | None = None) -> Principal:
        """Return who is calling from the address `peer`.

        `user_token` is what came in the header `x-proviso-user-token`, if it came. Raises `Unauthenticated`,
        `Forbidden` if the caller may not name a user, `TooManyAttempts`, and `Unavailable` where keys are out of reach.
        """
        caller = self._known(bearer)
        if caller is None:
            caller = await self._callers.check(bearer, peer)
        if user_token is None:
            return caller
        service = check_service(caller)
        if self._delegated is None:
            raise Forbidden("no identity provider is set up", fix="leave the user's token out")
        user = self._delegated.known(user_token)
        return on_behalf(service, user or await self._users.check(user_token, peer))

    def people_changed(self) -> None:
        """Work out anew what people of tokens may do: the workspace has changed."""
        for tokens in (self._tokens, self._delegated):
            if tokens is not None:
                tokens.people_changed()
        for attempts in (self._callers, self._users):  # who was refused may be somebody now
            attempts.forget_refusals()

    def _known(self, bearer: str) -> Principal | None:
        if bearer.startswith(_KEY_PREFIX):
            return self._keys.known(bearer)
        return None if self._tokens is None else self._tokens.known(bearer)

    async def _verify(self, bearer: str) -> Principal:
        if bearer.startswith(_KEY_PREFIX):
            return await asyncio.to_thread(self._keys.authenticate, bearer)
        if self._tokens is None or bearer.count(".") != 2:
            raise KeyRefused("malformed")
        return await self._tokens.verify(bearer)

    async def _verify_user(self, token: str) -> Principal:
        if self._delegated is None:
            raise TokenRefused("malformed")
        return await self._delegated.verify(token)
