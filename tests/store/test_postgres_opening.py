"""Opening PostgreSQL: what cannot be used is said in words that help, soon, and never with a password."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from proviso.errors import ProvisoError, StoreUnavailable
from proviso.settings import InvalidSetting
from proviso.store import Control, NewerSchema, open_store
from proviso.store.postgres import Address
from tests.postgres import PostgresServer, query

pytestmark = pytest.mark.whole

NOWHERE = Path("/nowhere")


def refused(url: str) -> ProvisoError:
    """Open a store that cannot be opened, and return why; that must not take longer than it may."""
    begun = time.monotonic()
    with pytest.raises(ProvisoError) as caught:
        open_store(NOWHERE, url)
    assert time.monotonic() - begun < 30  # 5 s, and a busy machine; without a limit it would be a minute
    assert "hunter2" not in f"{caught.value!r} {caught.value}"
    return caught.value


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:hunter2@h/d",
        "postgresql:/u:hunter2@h/d",
        "postgresql://u:hunter2@h",
        "postgresql://u:hunter2@h:port/d",
        "postgresql://u:hunter2/x@h/d",
        "postgresql://u:hunter2?x@h/d",
        "postgresql://u:hunter2#x@h/d",
        "postgresql://u:hunter2@x@h/d",
        "postgresql://u:hunter2@[::1/d",
        "hunter2",
    ],
)
def test_a_url_that_cannot_be_read_without_a_doubt_is_refused(url: str) -> None:
    assert isinstance(refused(url), InvalidSetting)


def test_an_option_that_is_not_known_is_refused() -> None:
    assert isinstance(refused("postgresql://u:hunter2@h/d?sslmode=maybe"), InvalidSetting)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://u:hunter2@h:5432/d?sslmode=require", "postgresql://u@h:5432/d"),
        ("postgresql://h/d", "postgresql://h/d"),
        ("postgresql://u:hunter2@h:1,i:2/d", "postgresql://u@h:1,i:2/d"),
        ("postgresql:///d?host=/run/postgresql&password=hunter2", "postgresql:///run/postgresql/d"),
    ],
)
def test_the_name_of_a_database_has_no_password(url: str, name: str) -> None:
    address = Address(url)
    assert address.name == name
    assert "hunter2" not in repr(address)


def test_a_server_that_is_not_there_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        port = taken.getsockname()[1]
        error = refused(f"postgresql://u:hunter2@127.0.0.1:{port}/d")
    assert isinstance(error, StoreUnavailable)
    assert f"`postgresql://u@127.0.0.1:{port}/d` is not reached" in error.message


def test_a_server_that_does_not_answer_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = refused(f"postgresql://u:hunter2@127.0.0.1:{silent.getsockname()[1]}/d")
    assert "did not answer" in error.message


def test_a_server_that_is_something_else_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            with other.accept()[0] as client:
                client.recv(100)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        url = f"postgresql://u:hunter2@127.0.0.1:{other.getsockname()[1]}/d?sslmode=disable"
        assert isinstance(refused(url), StoreUnavailable)


@pytest.mark.slow
def test_a_wrong_password_is_said_and_not_repeated(postgres: PostgresServer) -> None:
    error = refused(postgres.url("postgres", password="hunter2"))
    assert "does not let this user in" in error.message


@pytest.mark.slow
def test_a_database_that_is_not_there_is_named(postgres: PostgresServer) -> None:
    error = refused(postgres.url("nothing"))
    assert error.message.endswith("/nothing` is no database of that server")
    assert "createdb" in error.fix


@pytest.mark.slow
def test_a_newer_schema_is_refused_and_left_alone(database_url: str) -> None:
    open_store(NOWHERE, database_url).close()
    query(database_url, "UPDATE proviso.schema_versions SET version = 99 WHERE part = 'runs'")
    with pytest.raises(NewerSchema, match="runs` has schema 99"):
        open_store(NOWHERE, database_url)


@pytest.mark.slow
def test_the_tables_of_others_in_the_same_database_are_left_alone(database_url: str) -> None:
    query(database_url, "CREATE TABLE public.keys(mine TEXT)")
    open_store(NOWHERE, database_url).close()
    assert query(database_url, "SELECT * FROM public.keys") == []
    assert query(database_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(1,)]


@pytest.fixture
def guest(postgres: PostgresServer, database_url: str) -> Iterator[str]:
    """A user of a database who may not make a schema in it."""
    postgres.run("CREATE ROLE guest LOGIN PASSWORD 'hunter2'")
    yield database_url.replace("postgres:", "guest:").replace(
        database_url.split(":")[2].split("@")[0], "hunter2"
    )
    query(database_url, "DROP OWNED BY guest")
    postgres.run("DROP ROLE guest")


@pytest.mark.slow
def test_a_user_who_may_not_make_the_schema_is_told_who_can(guest: str, database_url: str) -> None:
    assert "CREATE SCHEMA proviso AUTHORIZATION" in refused(guest).fix
    query(database_url, "CREATE SCHEMA proviso AUTHORIZATION guest")
    open_store(NOWHERE, guest).close()


@pytest.mark.slow
def test_a_commit_is_durable_whatever_the_database_says(database_url: str) -> None:
    query(database_url, "ALTER ROLE postgres SET synchronous_commit = off")
    store = open_store(NOWHERE, database_url)
    try:
        assert store.database.read("SELECT current_setting('synchronous_commit')") == [("on",)]
    finally:
        store.close()
        query(database_url, "ALTER ROLE postgres RESET synchronous_commit")


@pytest.mark.slow
def test_what_takes_no_changes_can_be_read_and_says_so(database_url: str) -> None:
    store = open_store(NOWHERE, database_url)
    Control(store.database).point("a", "b")
    store.close()
    name = database_url.rsplit("/", 1)[1]
    query(database_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    reading = open_store(NOWHERE, database_url)
    assert Control(reading.database).pointer("a") == "b"
    with pytest.raises(StoreUnavailable, match="takes no changes"):
        Control(reading.database).point("a", "c")
    with pytest.raises(StoreUnavailable, match="takes no changes"):
        reading.journal()
    reading.close()
