"""The database: SQLite files, their tables and migrations; later PostgreSQL."""

from proviso.store.archive import Archive, Rollup, Stored
from proviso.store.control import Control, KeyRow
from proviso.store.entry import AMOUNTS, NO_BUCKET, Amounts, Entry, Increment
from proviso.store.journal import Journal
from proviso.store.slots import Slot, dead_slots, take_slot, writers
from proviso.store.sqlite import NewerSchema

__all__ = [
    "AMOUNTS",
    "NO_BUCKET",
    "Amounts",
    "Archive",
    "Control",
    "Entry",
    "Increment",
    "Journal",
    "KeyRow",
    "NewerSchema",
    "Rollup",
    "Slot",
    "Stored",
    "dead_slots",
    "take_slot",
    "writers",
]
