"""Taking the tables forward on purpose; it happens on every start as well."""

import contextlib
import sqlite3
from pathlib import Path

from proviso.store.schema import CONTROL, RUNS, Step, refuse_newer
from proviso.store.schema_part import Part
from proviso.store.slots import dead_slots, writers
from proviso.store.sqlite import connect, translated


def schema_versions(folder: Path, url: str = "") -> list[Part]:
    """Return the parts of a store's schema, and change nothing; raise `NewerSchema` or `StoreUnavailable`."""
    if url:
        from proviso.store.migration_postgres import versions  # noqa: PLC0415  an extra, and 60 ms to import

        return versions(url)
    parts = [Part("control", _version(folder / "control.db", CONTROL), len(CONTROL))]
    parts += [
        Part(f"runs-{writer}", _version(folder / f"runs-{writer}.db", RUNS), len(RUNS))
        for writer in writers(folder)
    ]
    return parts


def migrate(folder: Path, url: str = "") -> list[Part]:
    """Take the tables forward; return what each part was before. Raises `NewerSchema` or `StoreUnavailable`."""
    before = schema_versions(folder, url)
    if url:
        from proviso.store.migration_postgres import take_forward  # noqa: PLC0415  as above

        take_forward(url)
        return before
    connect(folder / "control.db", CONTROL).close()
    free = set()
    for slot in dead_slots(folder):
        try:
            connect(slot.database, RUNS).close()
            free.add(f"runs-{slot.name}")
        finally:
            slot.release()
    return [Part(p.name, p.was, p.wanted, p.name not in free | {"control"}) for p in before]


def _version(path: Path, steps: tuple[Step, ...]) -> int:
    """Return the schema's version of a database that others may use; 0 where there is none."""
    if not path.exists():
        return 0
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with (
        translated(path),
        contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection,
    ):
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    refuse_newer(str(path), version, len(steps))
    return version
