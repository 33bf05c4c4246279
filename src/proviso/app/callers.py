"""Who is calling, and what they may do: keys and tokens under the people, roles and policies in force."""

import time
from collections.abc import Callable

from msgspec.structs import replace

from proviso.access import (
    AppResource,
    Authority,
    Identities,
    KeyRefused,
    Keys,
    Permission,
    Represented,
    RunResource,
    SigningKeys,
    Tokens,
    Verdict,
    signing_keys,
)
from proviso.app.providers import oidc_provider
from proviso.app.wiring import person
from proviso.contract import Access, Oidc, Workspace
from proviso.errors import Forbidden
from proviso.types import Environment, Principal, Purpose


class Callers:
    """Everyone who may call, as one process knows them. `now`: UTC microseconds since the epoch."""

    def __init__(self, keys: Keys, access: Access, environment: Environment, now: Callable[[], int]) -> None:
        self._ring = KeysToday(keys, access.workspace)
        self._people = PeopleToday(access.workspace)
        self._environment = environment
        self._now = now
        self.access = access
        self._authority = Authority.load(access.policies, environment=environment)
        self._identities, self._signing_keys = self._all_identities(access.workspace.identity.oidc)

    async def adopt(self, access: Access) -> None:
        """Go on under other people, roles and policies. Raises what is wrong with them; then nothing has changed."""
        authority = Authority.load(access.policies, environment=self._environment)
        left: SigningKeys | None = None
        if access.workspace.identity != self.access.workspace.identity:
            identities, keys = self._all_identities(access.workspace.identity.oidc)
            left, self._identities, self._signing_keys = self._signing_keys, identities, keys
        # No request sees half of it: nothing is awaited up to here.
        self.access, self._authority = access, authority
        self._ring.workspace = self._people.workspace = access.workspace
        self._ring.forget()
        self._identities.people_changed()
        if left is not None:
            await left.close()

    def _all_identities(self, oidc: Oidc | None) -> tuple[Identities, SigningKeys | None]:
        if oidc is None:
            return Identities(self._ring, _monotonic_us), None
        provider = oidc_provider(oidc)
        keys = signing_keys(provider, _monotonic_us)
        own = Tokens(provider, keys, self._people, self._now)
        delegated = Tokens(provider, keys, self._people, self._now, delegated=True)
        return Identities(self._ring, _monotonic_us, tokens=own, delegated=delegated), keys

    def known(self, bearer: str, user_token: str | None = None) -> Principal | None:
        """Return who is calling, from memory alone; None where `authenticate` must find out."""
        return self._identities.known(bearer, user_token)

    async def authenticate(self, bearer: str, peer: str, user_token: str | None = None) -> Principal:
        """Return who is calling from the address `peer`; raise as `Identities.authenticate` does."""
        return await self._identities.authenticate(bearer, peer, user_token)

    async def close(self) -> None:
        """Let go of the connection to the identity provider."""
        if self._signing_keys is not None:
            await self._signing_keys.close()

    def keys_changed(self) -> None:
        """Look every key up again."""
        self._ring.forget()

    def check(self, principal: Principal, app: AppResource, purpose: Purpose) -> None:
        """Raise `Forbidden` if the policies do not let somebody ask an app."""
        verdict = self._may_ask(principal, app, purpose)
        if not verdict.allowed:
            raise Forbidden(f"this caller may not ask `{app.name}`: {verdict.why}", fix="use another key")

    def may_ask(self, principal: Principal, app: AppResource, purpose: Purpose) -> bool:
        """Return whether the policies let somebody ask an app."""
        return self._may_ask(principal, app, purpose).allowed

    def _may_ask(self, principal: Principal, app: AppResource, purpose: Purpose) -> Verdict:
        if isinstance(principal, Represented):
            verdict = self._authority.decide(principal.service, Permission.ACT_FOR, app, purpose)
            if not verdict.allowed:
                return verdict
        return self._authority.decide(principal, Permission.ASK, app, purpose)

    def may_read(self, principal: Principal, run: RunResource, permission: Permission) -> bool:
        """Return whether the policies let somebody read a run."""
        return self._authority.decide(principal, permission, run).allowed


class KeysToday:
    """API keys with what the workspace still grants their holders: a key may narrow that, and never add to it."""

    def __init__(self, keys: Keys, workspace: Workspace) -> None:
        self.workspace = workspace
        self._keys = keys
        # Of keys that exist, by their IDs: as made, and as of today.
        self._today: dict[str, tuple[Principal, Principal]] = {}

    def known(self, bearer: str) -> Principal | None:
        """Return who holds a key, from memory alone."""
        made = self._keys.known(bearer)
        if made is None:
            return None
        known = self._today.get(made.key)
        return known[1] if known is not None and known[0] is made else None

    def authenticate(self, bearer: str) -> Principal:
        """Return who holds a key, from the store if need be; raise `KeyRefused`."""
        made, workspace = self._keys.authenticate(bearer), self.workspace
        today = _as_today(made, workspace)
        if workspace is self.workspace:
            self._today[made.key] = made, today
        return today

    def forget(self) -> None:
        """Look every key up again."""
        self._keys.forget()
        self._today.clear()


def _as_today(made: Principal, workspace: Workspace) -> Principal:
    known = workspace.people.get(made.user)
    if known is None or not known.active:
        raise KeyRefused("left", made.key)
    today = person(workspace, made.user)
    return replace(made, groups=made.groups & today.groups, roles=made.roles & today.roles)


class PeopleToday:
    """Who may come in with a token of the provider: everybody but those who have left, in the role of a user."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def roles(self, user: str) -> frozenset[str] | None:
        """Return the roles of a user of the provider; None for somebody who has left."""
        known = self.workspace.people.get(user)
        if known is None:
            return frozenset({"user"})
        return person(self.workspace, user).roles if known.active else None

    def is_group(self, name: str) -> bool:
        """Whether the workspace has a group of that name."""
        return name in self.workspace.groups


def _monotonic_us() -> int:
    return time.monotonic_ns() // 1000
