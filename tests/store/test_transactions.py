"""Transactions: what several threads and processes change together is as if they had come one after the other."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from proviso.errors import StoreUnavailable
from proviso.store import Control
from tests.engines import Engine

_COUNT = """
import sys
from pathlib import Path
from proviso.store import Control, open_store
control = Control(open_store(Path(sys.argv[1]), sys.argv[2]).database)
for _ in range(20):
    with control.transaction() as tables:
        tables.point("count", str(int(tables.pointer("count") or 0) + 1))
control.database.close()
"""


def count(control: Control) -> None:
    for _ in range(5):
        with control.transaction() as tables:
            tables.point("count", str(int(tables.pointer("count") or 0) + 1))


def test_threads_that_add_to_one_number_lose_none(control: Control) -> None:
    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(count, control) for _ in range(8)]:
            done.result()
    assert control.pointer("count") == "40"


def test_processes_that_add_to_one_number_lose_none(engine: Engine, control: Control) -> None:
    command = [sys.executable, "-c", _COUNT, str(engine.folder), engine.url]
    children = [subprocess.Popen(command) for _ in range(3)]
    assert [child.wait(60) for child in children] == [0] * 3
    assert control.pointer("count") == "60"


def test_a_change_of_another_process_waits_for_the_end_of_a_transaction(
    engine: Engine, control: Control
) -> None:
    other = engine.control()
    with ThreadPoolExecutor(1) as thread:
        with control.transaction() as tables:
            tables.point("a", "first")
            waiting = thread.submit(other.point, "a", "second")
            with pytest.raises(TimeoutError):
                waiting.result(0.2)
        waiting.result()
    assert control.pointer("a") == "second"


def point_and_fail(control: Control) -> None:
    with control.transaction() as tables:
        tables.point("a", "b")
        tables.statements.change("INSERT INTO nothing VALUES(1)")


def test_a_statement_that_fails_undoes_the_whole(control: Control) -> None:
    with pytest.raises(StoreUnavailable):
        point_and_fail(control)
    assert control.pointer("a") == ""
    control.point("a", "c")


def test_a_sum_is_a_whole_number(control: Control) -> None:
    control.publish("a")
    control.publish("b")
    (found,) = control.database.read("SELECT sum(version), count(*), max(topic) FROM news")
    assert found == (2, 2, "b")
    assert type(found[0]) is int


def test_a_question_mark_in_quotes_is_no_place_for_a_value(control: Control) -> None:
    control.point("what?", "that")
    assert control.database.read("SELECT target FROM pointers WHERE name = 'what?' AND target = ?", ("that",))


def test_rows_can_be_taken_and_returned_in_one_statement(control: Control) -> None:
    control.point("a", "b")
    assert control.database.read("DELETE FROM pointers WHERE name = ? RETURNING target", ("a",)) == [("b",)]
    assert control.pointer("a") == ""


def test_a_number_that_does_not_fit_is_refused(control: Control) -> None:
    with pytest.raises(StoreUnavailable):
        control.database.change("INSERT INTO news VALUES(?,?)", ("a", 2**70))
    assert control.news() == {}


def test_a_closed_store_says_so(control: Control) -> None:
    control.database.close()
    control.database.close()
    with pytest.raises(StoreUnavailable):
        control.pointer("a")
    with pytest.raises(StoreUnavailable), control.transaction():
        pass
