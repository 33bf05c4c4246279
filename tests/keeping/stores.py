"""Stores with runs in them, and what is in a folder of SQLite files, read without the code that is tested."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from proviso.ledger import Payload, RunFinished, RunStarted, decode, kind
from proviso.ledger.recorder import entry
from proviso.ledger.vault import Vault
from proviso.monitoring import Rollups
from proviso.store import (
    Control,
    Entry,
    KeyRow,
    Meaning,
    Named,
    Restored,
    Told,
    Wanted,
    make_backup,
    restore_backup,
)
from proviso.store.embedded import EmbeddedStore
from tests.ledger.samples import NOW, finished, new_run, payload, started


def quiet(_: str) -> None:
    """Show no progress."""


def entry_of(
    event: RunStarted | RunFinished, texts: Payload | None = None, vault: Vault | None = None
) -> Entry:
    """Return an event as a recorder would give it to the store."""
    return entry(event, Rollups(), vault.seal(texts) if vault is not None and texts is not None else None)


def fill(folder: Path, runs: int = 5, *, writers: int = 2) -> list[str]:
    """Make a store with finished runs of several writers, one open run, a key, a blob and pointers; return the runs."""
    store = EmbeddedStore.open(folder)
    control, made = Control(store.database), []
    journals = [store.journal() for _ in range(writers)]
    for journal in journals:
        names = [new_run() for _ in range(runs)]
        journal.append_now([entry_of(finished(run), payload(), Vault(control)) for run in names])
        made += names
    journals[0].append_now([entry_of(started(new_run()))])
    control.add_key(KeyRow("k1", b"d" * 32, "dana", ("staff",), ("user",), NOW, 2 * NOW))
    control.point("access", control.put(b"people"))
    control.subject("dana", "s1")
    snapshot = folder / "snapshots" / "policy-qa" / "abc" / "texts.bin"
    snapshot.parent.mkdir(parents=True)
    snapshot.write_bytes(b"proviso texts")
    (folder / "spool").mkdir()
    (folder / "spool" / "0a.spool").write_bytes(b"sealed")
    for journal in journals:
        journal.release()
    store.close()
    return made


def back_up(folder: Path, target: Path, url: str = "") -> Path:
    """Make a backup, and return where it is."""
    make_backup(folder, url, target, made_by="test", progress=quiet)
    return target


def restore(backup: Path, folder: Path, url: str = "", **how: Any) -> Restored:
    """Restore a backup."""
    return restore_backup(backup, folder, url, Wanted(**{"now": NOW, **how}), quiet)


def meaning() -> Meaning:
    """Return what the sample store's bytes mean: every event is text, and `access` leads to a blob."""

    def event(body: bytes) -> Told:
        told = decode(body)
        return Told(kind(told), told.at, getattr(told, "app", ""), getattr(told, "run", ""))

    return Meaning(event, lambda _, target: Named(blobs=(target,)), lambda *_: None)


def contents(folder: Path) -> dict[str, list[Any]]:
    """Return every row of every table of a folder's databases."""
    found = {}
    for path in sorted(folder.glob("*.db")):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (table,) in tables:
                rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()
                found[f"{path.name} {table}"] = sorted(rows, key=repr)
    return found


def change(path: Path, sql: str) -> None:
    """Change a database behind the store's back."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(sql)
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
