"""API keys: shown once, stored as SHA-256, known from memory until news of a change comes.

A key is `pv_<public id>_<secret>` with 256 random bits of secret. A fast hash is enough for those: nobody
can try 2^256, and a slow one (made for passwords, which are guessable) would cost 300 ms a request.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable

from msgspec import Struct

from proviso.access.delegation import ServicePrincipal
from proviso.access.names import InvalidIdentity, check_groups, check_roles, check_user
from proviso.errors import NotFound, Unauthenticated
from proviso.store import KEYS, Control, KeyRow, Tables
from proviso.types import Principal

_PREFIX = "pv_"
_ID_CHARS = 12
_SECRET_BYTES = 32
_SECRET_AT = len(_PREFIX) + _ID_CHARS + 1
_LENGTH = _SECRET_AT + 43  # 32 bytes in URL-safe base64 without padding

_NOBODY = bytes(32)


class KeyRefused(Unauthenticated):
    """A key that is not valid. Callers all get the same words; `cause` and `key` are for the log.

    `cause` is `malformed`, `unknown`, `wrong_secret`, `revoked` or `expired`; `key` a public ID, perhaps
    of nobody.
    """

    def __init__(self, cause: str, key: str = "") -> None:
        super().__init__("the API key is not valid", fix="use a key that `proviso keys create` has made")
        self.cause = cause
        self.key = key


class UnknownKey(NotFound):
    """No key of that ID."""

    code = "unknown_key"


class KeyInfo(Struct, frozen=True):
    """What may be shown of a key. Times are UTC microseconds since the epoch."""

    id: str
    user: str
    groups: tuple[str, ...]
    roles: tuple[str, ...]
    created: int
    expires: int
    revoked: int | None
    service: bool

    def state(self, now: int) -> str:
        """Return `valid`, `expired` or `revoked`."""
        if self.revoked is not None:
            return "revoked"
        return "valid" if now < self.expires else "expired"


Also = Callable[[Tables, KeyInfo], None]


class _Verified(Struct, frozen=True, gc=False):
    digest: bytes
    expires: int
    principal: Principal


class Keys:
    """The keys of a store. `now` gives UTC microseconds since the epoch."""

    def __init__(self, control: Control, now: Callable[[], int]) -> None:
        self._control = control
        self._now = now
        # Only keys that exist get in, so guessing does not grow it.
        self._verified: dict[str, _Verified] = {}
        self._forgotten = 0  # how often: what was read before is not kept after

    def create(
        self,
        user: str,
        groups: Iterable[str],
        roles: Iterable[str],
        expires: int,
        *,
        service: bool = False,
        also: Also | None = None,
    ) -> tuple[KeyInfo, str]:
        """Make a key that is valid until `expires`; return it and its secret form, stored nowhere.

        A `service` key may ask for other people, whom a signed token names. `also` is done in the same transaction.
        """
        who, members, duties = check_user(user), check_groups(groups), check_roles(roles)
        now = self._now()
        if not now < expires < 2**53:
            raise InvalidIdentity("the key would expire at once", fix="let it expire in the future")
        while True:
            key = secrets.token_hex(_ID_CHARS // 2)
            whole = f"{_PREFIX}{key}_{secrets.token_urlsafe(_SECRET_BYTES)}"
            row = KeyRow(key, _digest(whole), who, members, duties, now, expires, service=service)
            with self._control.transaction() as tables:
                if tables.add_key(row):
                    if also is not None:
                        also(tables, _info(row))
                    return _info(row), whole

    def list(self) -> list[KeyInfo]:
        """Return all keys, revoked and expired ones too, the oldest first."""
        return [_info(row) for row in self._control.all_keys()]

    def revoke(self, key: str, also: Also | None = None) -> KeyInfo:
        """Revoke a key; every process that serves hears of it within a second. Raises `UnknownKey`.

        `also` is done in the same transaction, if the key was not revoked before.
        """
        with self._control.transaction() as tables:
            changed, row = tables.revoke_key(key, self._now()), tables.key(key)
            if changed and row is not None:
                tables.publish(KEYS)
                if also is not None:
                    also(tables, _info(row))
        self._verified.pop(key, None)
        if row is None:
            raise UnknownKey(f"no key has the ID `{key}`", fix="see `proviso keys list`")
        return _info(row)

    def forget(self) -> None:
        """Look every key up again: some of them may have been revoked."""
        self._forgotten += 1
        self._verified.clear()

    def known(self, bearer: str) -> Principal | None:
        """Return who holds a key, from memory alone; None for one that must be looked up, or is not valid."""
        known = self._verified.get(bearer[len(_PREFIX) : _SECRET_AT - 1])
        if known is None or not bearer.isascii() or not hmac.compare_digest(_digest(bearer), known.digest):
            return None
        return known.principal if self._now() < known.expires else None

    def authenticate(self, bearer: str) -> Principal:
        """Return who holds a key; on an event loop call it in a thread, where `known` knows nothing.

        Raises `KeyRefused`, or `StoreUnavailable` if keys cannot be read.
        """
        known = self.known(bearer)
        return known if known is not None else self._look_up(bearer)

    def _look_up(self, bearer: str) -> Principal:
        key, now = bearer[len(_PREFIX) : _SECRET_AT - 1], self._now()
        if (
            len(bearer) != _LENGTH
            or not bearer.isascii()
            or not bearer.startswith(_PREFIX)
            or bearer[_SECRET_AT - 1] != "_"
        ):
            raise KeyRefused("malformed")
        before = self._forgotten
        row = self._control.key(key)
        # An unknown ID takes the same steps as a wrong secret.
        right = hmac.compare_digest(_digest(bearer), _NOBODY if row is None else row.digest)
        if row is None:
            raise KeyRefused("unknown", key)
        if not right:
            raise KeyRefused("wrong_secret", key)
        if row.revoked is not None:
            raise KeyRefused("revoked", key)
        if now >= row.expires:
            raise KeyRefused("expired", key)
        holder = ServicePrincipal if row.service else Principal
        principal = holder(row.user, frozenset(row.groups), frozenset(row.roles), key)
        if before == self._forgotten:
            self._verified[key] = _Verified(row.digest, row.expires, principal)
        return principal


def _digest(whole: str) -> bytes:
    return hashlib.sha256(whole.encode("ascii")).digest()


def _info(row: KeyRow) -> KeyInfo:
    return KeyInfo(
        row.id, row.user, row.groups, row.roles, row.created, row.expires, row.revoked, row.service
    )
