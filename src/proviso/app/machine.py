"""Look at what a workspace stands on: the store, the disk under it, the extras that are installed."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from msgspec import Struct

from proviso.app.diagnosis import Check, disk, failed, file_system, listed, ok, skipped, warn
from proviso.app.wiring import opened
from proviso.contract import App, EnvironmentBinding
from proviso.errors import ProvisoError
from proviso.settings import Settings
from proviso.store import schema_versions

_MOUNTS: Final = Path("/proc/self/mountinfo")


class Machine(Struct, frozen=True):
    """What a diagnosis takes from the machine: its variables, its clock (seconds of UTC), its mounts."""

    environ: Mapping[str, str]
    now: Callable[[], float]
    mounts: str


def this_machine() -> Machine:
    """Return the machine that this runs on."""
    try:
        mounts = _MOUNTS.read_text("utf-8", "replace")
    except OSError:  # not Linux: the disk's kind is not told
        mounts = ""
    return Machine(os.environ, time.time, mounts)


def store_check(root: Path, settings: Settings) -> Check:
    """See whether the store can be reached and written to, and how far its tables are. Nothing is changed."""
    state = settings.state(root)
    try:
        parts = schema_versions(state, settings.store)
        if not any(part.was for part in parts):
            where = _writable(state) if not settings.store else "PostgreSQL"
            return ok("store", f"nothing is there yet; the first start makes it ({where})")
        behind = [part.name for part in parts if part.behind]
        if behind:
            what = f"{listed(behind)} will be taken forward by the next start"
            return warn("store", what, "run `proviso store migrate`")
        with opened(settings, root) as store, store.database.transaction() as statements:
            # Changes no row, and needs all that a change needs.
            statements.change("UPDATE pointers SET target = target WHERE name = ?", ("",))
            return ok("store", f"{store.database.name} can be read and written")
    except ProvisoError as error:
        return failed("store", error.message, error.fix)
    except OSError as error:
        fix = "give this user the right to write there, or set `PROVISO_HOME`"
        return failed("store", f"`{state}` cannot be written to: {error.strerror}", fix)


def _writable(state: Path) -> str:
    """Return the folder where the state is, or the one that it would be made in; raise `OSError` if that fails."""
    folder = next(one for one in (state, *state.absolute().parents) if one.exists())
    with TemporaryFile(dir=folder):
        return str(folder)


def disk_check(root: Path, settings: Settings, apps: Sequence[App] | None, machine: Machine) -> Check:
    """See whether the state outlives its container, where a tier promises records that do."""
    if settings.store:
        return ok("disk", "records are in PostgreSQL")
    if apps is None:
        return skipped("disk", "`workspace` failed, so nobody knows what its tiers promise")
    strict = [app.name for app in apps if app.policy.tiers[app.contract.tier].record_before_reply]
    state = settings.state(root).resolve()
    return disk(file_system(machine.mounts, str(state)), strict, settings.environment)


def extras_check(apps: Sequence[App], settings: Settings, binding: EnvironmentBinding) -> Check:
    """See whether the libraries are installed that this workspace needs besides Proviso's own."""
    wanted = list(_extras(apps, settings, binding))
    missing = sorted({extra for extra, library in wanted if find_spec(library) is None})
    if missing:
        fix = f"run `pip install 'proviso[{','.join(missing)}]'`"
        return failed("extras", f"{listed(missing)} is needed here, and not installed", fix)
    named = sorted({extra for extra, _ in wanted})
    return ok("extras", f"{listed(named)} is installed" if named else "none is needed here")


def _extras(
    apps: Sequence[App], settings: Settings, binding: EnvironmentBinding
) -> Iterator[tuple[str, str]]:
    """Yield each extra that is needed, with a library that it brings."""
    if settings.store:
        yield "postgres", "asyncpg"
    bedrock = binding.bedrock
    if bedrock is not None and bedrock.transport == "aiohttp":
        yield "bedrock", "aiohttp"
    if bedrock is not None and "botocore" in (
        bedrock.transport,
        "botocore" * (bedrock.credentials == "chain"),
    ):
        yield "bedrock", "botocore"
    if any(one.email is not None for app in apps for one in app.workspace.notifications.values()):
        yield "email", "apprise"
