"""Is all that is stored as it should be? Every row is read and every digest taken anew; nothing is changed."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from proviso.errors import ProvisoError
from proviso.store.check_folder import check_databases, check_folder, check_spool
from proviso.store.finding import Finding, Verdict, doubted, judged
from proviso.store.view import Reading, View, open_view

_BACKUP = "restore the store from a backup: `proviso store restore`"
_EXAMPLES = 3

_SEQUENCES = "SELECT count(*), coalesce(min(sequence), 0), coalesce(max(sequence), 0) FROM events"
_EVENTS = "SELECT sequence, kind, at, app, run, body FROM events ORDER BY sequence"
_ORPHANS = "SELECT count(*) FROM {table} AS t LEFT JOIN events USING(sequence) WHERE events.at IS NULL"
_UNLABELLED = "SELECT count(*) FROM rollups LEFT JOIN cells ON cells.id = cell WHERE cells.id IS NULL"


class Told(Struct, frozen=True):
    """What an event's body says of itself, and the blobs that it names."""

    kind: str
    at: int
    app: str
    run: str
    blobs: tuple[str, ...] = ()


class Named(Struct, frozen=True):
    """What a pointer leads to: blobs, and snapshots as (app, digest)."""

    blobs: tuple[str, ...] = ()
    snapshots: tuple[tuple[str, str], ...] = ()


class Meaning(Struct, frozen=True):
    """What stored bytes mean, which other rooms know. Each raises `ProvisoError` for what is not as it should be."""

    event: Callable[[bytes], Told]
    pointer: Callable[[str, str], Named]
    verify_snapshot: Callable[[str, str], object]


def check_store(folder: Path, url: str, meaning: Meaning) -> Iterator[Finding]:
    """Yield what is found, check by check. It never raises `ProvisoError`: what cannot be read is a finding."""
    if url and not folder.is_dir():
        said = f"`{folder}` is not there, so nothing can be served from this machine"
        yield Finding("folder", Verdict.WARN, said, "run `proviso index`, or restore a backup here")
    else:
        yield from check_folder(folder)
    if url:
        from proviso.store.check_postgres import check_server  # noqa: PLC0415  an extra, and 60 ms to import

        before = check_server(url)
    else:
        before = check_databases(folder)
    readable = True
    for finding in before:
        readable = readable and not finding.unreadable
        yield finding
    yield from check_spool(folder)
    if readable:
        yield from _contents(folder, url, meaning)


def _contents(folder: Path, url: str, meaning: Meaning) -> Iterator[Finding]:
    try:
        with open_view(folder, url) as view:
            yield from _Contents(view, meaning).findings()
    except ProvisoError as error:
        yield Finding("contents", Verdict.FAIL, error.message, error.fix, unreadable=True)


class _Contents:
    """The checks that read tables, the same for both engines."""

    def __init__(self, view: View, meaning: Meaning) -> None:
        self._view = view
        self._meaning = meaning
        self._named: set[str] = set()  # blobs to which something leads
        self._snapshots: dict[tuple[str, str], str] = {}

    def findings(self) -> Iterator[Finding]:
        """Yield what is found: of each writer, then of what they share."""
        living = self._view.living
        for writer, tables in self._view.writers.items():
            yield _sequences(writer, tables)
            yield self._events(writer, tables)
            yield _references(writer, tables)
            yield _open_runs(writer, tables, writer in living)
        yield self._pointers()
        yield self._blobs()
        yield from self._snapshots_found()

    def _events(self, writer: str, tables: Reading) -> Finding:
        wrong, count = _Examples(), 0
        for sequence, *row, body in tables.rows(_EVENTS):
            count += 1
            try:
                told = self._meaning.event(_as_bytes(body))
            except ProvisoError as error:
                wrong.add(f"{sequence}: {error.message}")
                continue
            if [told.kind, told.at, told.app, told.run] != row:
                wrong.add(f"{sequence}: its row says another thing than its body")
            self._named.update(told.blobs)
        return judged(f"events of {writer}", bool(wrong), wrong.said(f"{count} can be read"), _BACKUP)

    def _pointers(self) -> Finding:
        wrong, count = _Examples(), 0
        for name, target in self._view.control.rows("SELECT name, target FROM pointers ORDER BY name"):
            count += 1
            try:
                named = self._meaning.pointer(name, target)
            except ProvisoError as error:
                wrong.add(f"`{name}`: {error.message}")
                continue
            self._named.update(named.blobs)
            for snapshot in named.snapshots:
                self._snapshots[snapshot] = name
        return judged(
            "pointers", bool(wrong), wrong.said(f"{count} can be read"), "run `proviso apply` again"
        )

    def _blobs(self) -> Finding:
        wrong, found = _Examples(), set()
        for digest, body in self._view.control.rows("SELECT digest, body FROM blobs"):
            found.add(digest)
            if hashlib.sha256(_as_bytes(body)).hexdigest() != digest:
                wrong.add(f"`{digest}` has another digest")
        for digest in sorted(self._named - found):
            wrong.add(f"`{digest[:80]}` is named and not there")
        said = wrong.said(f"{len(found)} have their digest, {len(self._named)} of them are named")
        return judged("blobs", bool(wrong), said, _BACKUP)

    def _snapshots_found(self) -> Iterator[Finding]:
        for (app, digest), name in self._snapshots.items():
            said = f"`{digest[:12]}`, to which `{name}` leads, has its digest"
            try:
                self._meaning.verify_snapshot(app, digest)
            except ProvisoError as error:
                yield Finding(f"snapshot of {app}", Verdict.FAIL, f"`{name}`: {error.message}", error.fix)
            else:
                yield Finding(f"snapshot of {app}", Verdict.OK, said)


def _sequences(writer: str, tables: Reading) -> Finding:
    ((count, first, last),) = tables.rows(_SEQUENCES)
    check = f"sequence of {writer}"
    if missing := last - first + 1 - count if count else 0:
        return Finding(check, Verdict.FAIL, f"{missing} between {first} and {last} are missing", _BACKUP)
    cut = count > 0 and first != 1
    said = f"{first} to {last}, without a hole" if count else "nothing written yet"
    return doubted(check, cut, said, f"see that a retention time has ended what came before {first}")


def _references(writer: str, tables: Reading) -> Finding:
    wrong = []
    for table in ("payloads", "open_runs"):
        ((lost,),) = tables.rows(_ORPHANS.format(table=table))
        wrong += [f"{lost} of `{table}` have no event"] if lost else []
    ((lost,),) = tables.rows(_UNLABELLED)
    wrong += [f"{lost} of `rollups` have no labels"] if lost else []
    said = "; ".join(wrong) or "every payload, open run and sum has what it belongs to"
    return judged(f"references of {writer}", bool(wrong), said, _BACKUP)


def _open_runs(writer: str, tables: Reading, living: bool) -> Finding:  # noqa: FBT001  one of two states
    ((count,),) = tables.rows("SELECT count(*) FROM open_runs")
    ended = "" if living else ", and their process has ended"
    said = f"{count} have started and not finished{ended}" if count else "none is left"
    fix = "start a server: it records them as gaps"
    return doubted(f"open runs of {writer}", bool(count) and not living, said, fix)


def _as_bytes(value: object) -> bytes:
    """Return what stands where bytes should be: SQLite lets anything stand there."""
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


class _Examples:
    """Counts what is wrong, and keeps a few examples."""

    def __init__(self) -> None:
        self._count = 0
        self._kept: list[str] = []

    def __bool__(self) -> bool:
        return self._count > 0

    def add(self, said: str) -> None:
        """Note one more."""
        self._count += 1
        if len(self._kept) < _EXAMPLES:
            self._kept.append(said)

    def said(self, otherwise: str) -> str:
        """Say what is wrong, or the other thing."""
        more = f"; and {self._count - len(self._kept)} more" if self._count > len(self._kept) else ""
        return "; ".join(self._kept) + more if self else otherwise
