"""The versions of the tables in PostgreSQL, and taking them forward on purpose."""

from proviso.store.loop_thread import LoopThread
from proviso.store.postgres import Address
from proviso.store.postgres_schema import PARTS, migrate
from proviso.store.schema import refuse_newer
from proviso.store.schema_part import Part
from proviso.store.view_postgres import PATIENCE_S, Session

_VERSIONS = "SELECT part, version FROM proviso.schema_versions"


def versions(url: str) -> list[Part]:
    """Return the parts of the schema, and change nothing."""
    address = Address(url)
    session = Session(address)
    try:
        made = session.one("SELECT to_regclass('proviso.schema_versions') IS NOT NULL")
        known = {str(part): int(version) for part, version in session.fetch(_VERSIONS)} if made else {}
    finally:
        session.close()
    for part, steps in PARTS.items():
        refuse_newer(f"{address.name} {part}", known.get(part, 0), len(steps))
    return [Part(part, known.get(part, 0), len(steps)) for part, steps in PARTS.items()]


def take_forward(url: str) -> None:
    """Take the tables to this version."""
    thread = LoopThread("migrate")
    try:
        thread.call(migrate(Address(url)), PATIENCE_S)
    finally:
        thread.close()
