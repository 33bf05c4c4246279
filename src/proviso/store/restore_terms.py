"""What is asked of a restore, and what it answers."""

from msgspec import Struct

from proviso.errors import ProvisoError
from proviso.store.backup_manifest import Manifest


class StoreInUse(ProvisoError):
    """A process uses the store that was to be replaced."""

    code = "store_in_use"


class Wanted(Struct, frozen=True, kw_only=True):
    """How to restore. `now`: UTC microseconds since the epoch.

    `replace`: move aside what is there. `revoke_keys`: let no key be valid. `digest`: the manifest's SHA-256, if known.
    """

    now: int
    replace: bool = False
    revoke_keys: bool = False
    digest: str = ""


class Restored(Struct, frozen=True, kw_only=True):
    """What was restored. `keys`: how many are valid now; `aside`: where that is which stood there, "" if nothing."""

    manifest: Manifest
    keys: int
    revoked: tuple[str, ...]
    aside: str
