"""The database: tables and migrations, in SQLite files or in PostgreSQL."""

from proviso.store.control import KEYS, Control, KeyRow, Tables
from proviso.store.entry import AMOUNTS, NO_BUCKET, Amounts, Entry, Increment
from proviso.store.news import NewsFeed
from proviso.store.opening import open_store
from proviso.store.protocol import Archive, Database, Journal, Rollup, Row, Statements, Store, Stored, Value
from proviso.store.schema import NewerSchema
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
    "Increment",
    "InvalidKey",
    "Journal",
    "KeyRow",
    "NewerSchema",
    "NewsFeed",
    "Rollup",
    "Row",
    "Seal",
    "Spool",
    "SpoolingJournal",
    "Statements",
    "Store",
    "Stored",
    "Tables",
    "Value",
    "open_store",
    "read_key",
]
