"""One form of backup for both engines: from files into PostgreSQL and back, nothing is lost and nothing is added."""

import asyncio
import time
from pathlib import Path

import pytest

from proviso.errors import StoreUnavailable, Tampered
from proviso.store import StoreInUse, TargetTaken, Verdict, check_store, migrate, open_store
from proviso.store.schema import CONTROL, RUNS
from proviso.store.sqlite import connect
from proviso.store.tables import columns
from tests.keeping.stores import back_up, change, contents, entry_of, fill, meaning, restore
from tests.ledger.samples import finished, new_run
from tests.postgres import query
from tests.waiting import happens

pytestmark = pytest.mark.slow

_SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'proviso%' ORDER BY 1"
_COLUMNS = (
    "SELECT relname, attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0"
    " WHERE relnamespace = 'proviso'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"
)


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    fill(tmp_path / "state", runs=300, writers=3)
    return back_up(tmp_path / "state", tmp_path / "backup")


def test_a_way_into_postgres_and_back_changes_nothing(
    backup: Path, tmp_path: Path, database_url: str
) -> None:
    restore(backup, tmp_path / "here", database_url)
    second = back_up(tmp_path / "here", tmp_path / "second", database_url)
    restore(second, tmp_path / "there")
    assert contents(tmp_path / "there") == contents(tmp_path / "state")
    assert (tmp_path / "there/snapshots/policy-qa/abc/texts.bin").read_bytes() == b"proviso texts"


def test_a_writer_goes_on_in_postgres_where_the_restored_one_ended(
    backup: Path, tmp_path: Path, database_url: str
) -> None:
    restore(backup, tmp_path / "here", database_url)
    store = open_store(tmp_path / "here", database_url)
    journal = store.journal()
    assert (journal.writer, len(journal.open_runs())) == ("w0", 1)
    journal.append_now([entry_of(finished(new_run()))])
    journal.release()
    store.close()
    assert query(database_url, "SELECT sequence FROM proviso.writers ORDER BY name") == [
        (302,),
        (300,),
        (300,),
    ]


def test_every_table_of_postgres_is_in_a_backup(tmp_path: Path, database_url: str) -> None:
    migrate(tmp_path, database_url)
    there: dict[str, set[str]] = {}
    for table, column in query(database_url, _COLUMNS):
        there.setdefault(table, set()).add(column)
    control, runs = connect(tmp_path / "control.db", CONTROL), connect(tmp_path / "runs-w0.db", RUNS)
    here = {table: set(names) for table, names in columns(control).items()}
    here |= {table: {*names, "writer"} for table, names in columns(runs).items()}
    control.close()
    runs.close()
    assert {*there} - {*here} == {"schema_versions", "writers"}
    assert all(there[table] - names <= {"at"} for table, names in here.items())


def test_a_restored_database_passes_its_check(backup: Path, tmp_path: Path, database_url: str) -> None:
    restore(backup, tmp_path / "here", database_url)
    failed = [
        item
        for item in check_store(tmp_path / "here", database_url, meaning())
        if item.verdict is Verdict.FAIL
    ]
    assert failed == []


@pytest.mark.parametrize(
    ("sql", "check"),
    [
        ("DELETE FROM proviso.events WHERE writer = 'w1' AND sequence = 3", "sequence of w1"),
        ("DELETE FROM proviso.events WHERE writer = 'w1' AND sequence = 3", "references of w1"),
        ("UPDATE proviso.writers SET sequence = 1 WHERE name = 'w2'", "number of w2"),
        ("UPDATE proviso.blobs SET body = 'x'", "blobs"),
        ("DROP TABLE proviso.events_%today%", "partition of events"),
    ],
)
def test_what_is_wrong_in_postgres_is_found(
    backup: Path, tmp_path: Path, database_url: str, sql: str, check: str
) -> None:
    restore(backup, tmp_path / "here", database_url)
    query(database_url, sql.replace("%today%", time.strftime("%Y%m%d", time.gmtime())))
    found = {item.check: item.verdict for item in check_store(tmp_path / "here", database_url, meaning())}
    assert found[check] is Verdict.FAIL


def test_a_database_with_rows_stays_unless_it_is_to_be_replaced(
    backup: Path, tmp_path: Path, database_url: str
) -> None:
    restore(backup, tmp_path / "here", database_url)
    with pytest.raises(TargetTaken):
        restore(backup, tmp_path / "here", database_url)
    done = restore(backup, tmp_path / "here", database_url, replace=True)
    assert query(database_url, _SCHEMAS) == [("proviso",), (done.aside,)]
    assert query(database_url, f"SELECT count(*) FROM {done.aside}.events") == [(901,)]


def test_nothing_is_restored_where_a_writer_of_any_machine_runs(
    backup: Path, tmp_path: Path, database_url: str
) -> None:
    store = open_store(tmp_path / "here", database_url)
    journal = store.journal()
    with pytest.raises(StoreInUse):
        restore(backup, tmp_path / "here", database_url, replace=True)
    journal.release()
    store.close()


def test_a_restore_that_fails_leaves_what_was_there(backup: Path, tmp_path: Path, database_url: str) -> None:
    restore(backup, tmp_path / "here", database_url)
    change(tmp_path / "state/runs-w0.db", "INSERT INTO payloads VALUES(9999, 's1', x'00')")  # of no event
    torn = back_up(tmp_path / "state", tmp_path / "torn")
    with pytest.raises(Tampered, match="payloads"):
        restore(torn, tmp_path / "here", database_url, replace=True)
    assert query(database_url, _SCHEMAS) == [("proviso",)]
    assert query(database_url, "SELECT count(*) FROM proviso.events") == [(901,)]


def test_a_server_that_is_not_there_gives_no_backup(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        back_up(tmp_path / "state", tmp_path / "backup", "postgresql://u:p@127.0.0.1:1/none")
    assert not [*tmp_path.iterdir()]


async def test_a_backup_of_postgres_under_load_has_every_run_acknowledged_before_it(
    tmp_path: Path, database_url: str
) -> None:
    store = open_store(tmp_path, database_url)
    journal, said = store.journal(), list[str]()

    async def write() -> None:
        while True:
            run = new_run()
            await journal.append(entry_of(finished(run)))
            said.append(run)

    load = [asyncio.create_task(write()) for _ in range(8)]
    await happens(lambda: len(said) > 20)
    before = set(said)
    await asyncio.to_thread(back_up, tmp_path, tmp_path.parent / "backup", database_url)
    for task in load:
        task.cancel()
    await journal.close()
    store.close()
    rows = contents(tmp_path.parent / "backup")["runs-w0.db events"]
    assert before <= {row[4] for row in rows}
    assert [row[0] for row in sorted(rows)] == list(range(1, len(rows) + 1))
