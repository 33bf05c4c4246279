"""The database: tables and migrations, in SQLite files or in PostgreSQL."""

from proviso.store.backup import Progress, TargetTaken, make_backup
from proviso.store.backup_manifest import Manifest, encode_manifest
from proviso.store.check import Meaning, Named, Told, check_store
from proviso.store.control import KEYS, Control, KeyRow, Tables
from proviso.store.entry import AMOUNTS, NO_BUCKET, Amounts, Entry, Increment
from proviso.store.finding import Finding, Verdict
from proviso.store.migration import migrate, schema_versions
from proviso.store.news import NewsFeed, awake_and_asleep
from proviso.store.opening import open_store
from proviso.store.protocol import Archive, Database, Journal, Rollup, Row, Statements, Store, Stored, Value
from proviso.store.restore import restore_backup
from proviso.store.restore_terms import Restored, StoreInUse, Wanted
from proviso.store.schema import NewerSchema
from proviso.store.schema_part import Part
from proviso.store.sealing import InvalidKey, Seal, read_key
from proviso.store.spool import Spool
from proviso.store.spooling import SpoolingJournal

__all__ = [
    "AMOUNTS",
    "KEYS",
    "NO_BUCKET",
    "Amounts",
    "Archive",
    "Control",
    "Database",
    "Entry",
    "Finding",
    "Increment",
    "InvalidKey",
    "Journal",
    "KeyRow",
    "Manifest",
    "Meaning",
    "Named",
    "NewerSchema",
    "NewsFeed",
    "Part",
    "Progress",
    "Restored",
    "Rollup",
    "Row",
    "Seal",
    "Spool",
    "SpoolingJournal",
    "Statements",
    "Store",
    "StoreInUse",
    "Stored",
    "Tables",
    "TargetTaken",
    "Told",
    "Value",
    "Verdict",
    "Wanted",
    "awake_and_asleep",
    "check_store",
    "encode_manifest",
    "make_backup",
    "migrate",
    "open_store",
    "read_key",
    "restore_backup",
    "schema_versions",
]
