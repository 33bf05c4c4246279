"""Which release serves this caller: an in-memory table, replaced whole when routing changes."""

from collections.abc import Iterable

from proviso.errors import UnknownApp
from proviso.orchestrator import CompiledRelease
from proviso.types import Principal


class Routing:
    """The releases in force, by app. `resolve` is one look-up; a caller who may not use an app learns nothing of it."""

    def __init__(self, releases: Iterable[CompiledRelease]) -> None:
        self._table = {release.app: release for release in releases}

    def resolve(self, app: str, principal: Principal) -> CompiledRelease:
        """Return the release that serves this caller; raise `UnknownApp`."""
        release = self._table.get(app)
        if release is None or not _may_use(release, principal):
            raise UnknownApp(f"no app `{app[:64]}`", fix="`GET /v1/models` lists the apps that you may use")
        return release

    @property
    def apps(self) -> list[str]:
        """The names of all apps, sorted."""
        return sorted(self._table)

    def run_readers(self, app: str) -> frozenset[str]:
        """Return the roles that may read any run of an app; none for an app that is not served here."""
        release = self._table.get(app)
        return release.terms.runs_readable_by if release else frozenset()

    def usable(self, principal: Principal) -> list[CompiledRelease]:
        """Return the releases that this caller may use, by app."""
        return [self._table[app] for app in sorted(self._table) if _may_use(self._table[app], principal)]


def _may_use(release: CompiledRelease, principal: Principal) -> bool:
    # Someone who can read none of an app's sources could only ever be told "no evidence".
    return not release.terms.readers or bool(release.terms.readable(principal))
