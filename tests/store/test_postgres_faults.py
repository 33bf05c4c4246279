"""PostgreSQL that breaks while it is used: nothing waits for ever, and nothing is done twice."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proviso.errors import StoreUnavailable
from proviso.store import Control, open_store
from tests.postgres import PostgresServer, locked, query
from tests.store.wire import Wire, wired

pytestmark = pytest.mark.slow

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'proviso'"
LONG_S = 30.0  # 5 s, and a busy machine; who waits for ever is still there
_AGED_S = 1.2  # older than a connection may be to be used without a question


@pytest.fixture
def wire(database_url: str) -> Iterator[Wire]:
    with wired(database_url) as wire:
        yield wire


@pytest.fixture
def control(wire: Wire) -> Iterator[Control]:
    store = open_store(Path("/nowhere"), wire.url)
    control = Control(store.database)
    control.publish("a")
    assert control.news() == {"a": 1}
    yield control
    store.close()


def publish(control: Control, then: Callable[[], None]) -> None:
    """Publish in a transaction; something happens before it is committed."""
    with control.transaction() as tables:
        tables.publish("a")
        then()


def test_connections_that_were_cut_are_opened_anew(control: Control, database_url: str) -> None:
    query(database_url, CUT)
    assert control.news() == {"a": 1}
    control.publish("a")
    assert control.news() == {"a": 2}


def test_a_question_whose_answer_is_lost_is_asked_again(control: Control, wire: Wire) -> None:
    wire.fault = "answer"
    assert control.news() == {"a": 1}


def test_a_change_that_never_arrived_is_made_once(control: Control, wire: Wire) -> None:
    wire.fault = "request"
    control.publish("a")
    assert control.news() == {"a": 2}


def test_a_change_whose_beginning_was_not_answered_is_made_once(control: Control, wire: Wire) -> None:
    wire.fault = "answer"
    control.publish("a")
    assert control.news() == {"a": 2}


def test_a_change_whose_commit_was_not_answered_is_not_made_again(control: Control, wire: Wire) -> None:
    wire.spared, wire.fault = 2, "answer"  # BEGIN, the statement, then COMMIT
    with pytest.raises(StoreUnavailable, match="is not known"):
        control.publish("a")
    assert control.news() == {"a": 2}


def test_a_commit_without_an_answer_is_not_repeated_and_said_to_be_in_doubt(
    control: Control, wire: Wire
) -> None:
    with pytest.raises(StoreUnavailable, match="is not known"):
        publish(control, then=lambda: setattr(wire, "fault", "answer"))
    assert control.news() == {"a": 2}


def test_a_commit_that_never_arrived_is_undone_and_said_to_be_in_doubt(control: Control, wire: Wire) -> None:
    with pytest.raises(StoreUnavailable, match="is not known"):
        publish(control, then=lambda: setattr(wire, "fault", "request"))
    assert control.news() == {"a": 1}


def test_a_wire_that_was_dead_for_a_while_is_noticed_before_it_is_used(control: Control, wire: Wire) -> None:
    time.sleep(_AGED_S)
    wire.fault = "hold"  # the connection is there, and nothing comes through
    control.publish("a")
    assert control.news() == {"a": 2}


def test_a_server_that_restarts_is_used_again(control: Control, postgres: PostgresServer) -> None:
    postgres.restart()
    assert control.news() == {"a": 1}
    control.publish("a")
    postgres.kill()
    with pytest.raises(StoreUnavailable):
        control.publish("a")
    postgres.start()
    control.publish("a")
    assert control.news() == {"a": 3}


def timed(control: Control) -> float:
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable, match="did not answer"):
        control.publish("a")
    return time.monotonic() - begun


def test_a_server_that_hangs_holds_nobody_for_longer_than_said(
    control: Control, postgres: PostgresServer
) -> None:
    with postgres.frozen():
        assert timed(control) < LONG_S
    control.publish("a")


def test_a_lock_that_is_held_elsewhere_is_not_waited_for_for_ever(
    control: Control, database_url: str
) -> None:
    with locked(database_url, "proviso.news"):
        assert timed(control) < LONG_S
    assert control.news() == {"a": 1}


def test_a_process_that_stops_inside_a_transaction_lets_the_others_go_on(
    control: Control, database_url: str
) -> None:
    other = open_store(Path("/nowhere"), database_url)

    def stop() -> None:
        time.sleep(5.5)
        Control(other.database).publish("b")  # for the server has ended the transaction

    with pytest.raises(StoreUnavailable):
        publish(control, then=stop)
    assert Control(other.database).news() == {"a": 1, "b": 1}
    other.close()
