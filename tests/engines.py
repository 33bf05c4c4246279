"""Both engines of the store, for the suites that hold them to the same behaviour."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from proviso.store import Control, Store, open_store
from tests.postgres import query

ENGINES = ["sqlite", pytest.param("postgres", marks=pytest.mark.slow)]


class Engine:
    """Stores over the same data: each that is opened is what another process would have."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.folder = folder
        self.url = url
        self._opened: list[Store] = []

    def open(self) -> Store:
        """Open the data once more. Closed when the test ends."""
        self._opened.append(open_store(self.folder, self.url))
        return self._opened[-1]

    def control(self) -> Control:
        """Open the shared tables once more."""
        return Control(self.open().database)

    def shared_bytes(self) -> bytes:
        """Return what is stored of the shared tables, read without the code that is tested."""
        if not self.url:
            return b"".join(path.read_bytes() for path in self.folder.iterdir() if path.is_file())
        tables = query(self.url, "SELECT tablename FROM pg_tables WHERE schemaname = 'proviso'")
        return b"".join(
            repr(query(self.url, f"SELECT * FROM proviso.{table}")).encode() for (table,) in tables
        )

    def close(self) -> None:
        """Close all."""
        for store in self._opened:
            store.close()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Each engine in turn, with nothing in it. PostgreSQL is slow: `make test-slow`."""
    url = request.getfixturevalue("database_url") if request.param == "postgres" else ""
    opened = Engine(tmp_path, url)
    yield opened
    opened.close()


@pytest.fixture
def control(engine: Engine) -> Control:
    """The shared tables of an engine."""
    return engine.control()
