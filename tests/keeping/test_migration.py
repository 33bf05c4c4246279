"""Taking the tables forward on purpose."""

from pathlib import Path

import pytest

from proviso.store import NewerSchema, Part, migrate, schema_versions
from proviso.store.embedded import EmbeddedStore
from proviso.store.schema import CONTROL
from tests.keeping.stores import change, fill


def test_looking_changes_nothing(tmp_path: Path) -> None:
    assert schema_versions(tmp_path) == [Part("control", 0, len(CONTROL))]
    assert not [*tmp_path.iterdir()]


def test_what_was_behind_is_taken_forward(tmp_path: Path) -> None:
    assert [part.was for part in migrate(tmp_path)] == [0]
    assert [(part.was, part.behind) for part in schema_versions(tmp_path)] == [(len(CONTROL), False)]


def test_the_files_of_writers_that_have_ended_are_taken_forward_too(tmp_path: Path) -> None:
    fill(tmp_path, writers=1)
    change(tmp_path / "runs-w0.db", "PRAGMA user_version = 0")
    for table in ("events", "payloads", "open_runs", "cells", "rollups", "durations"):
        change(tmp_path / "runs-w0.db", f"DROP TABLE {table}")
    assert [part.name for part in migrate(tmp_path) if part.behind] == ["runs-w0"]
    assert not [part for part in schema_versions(tmp_path) if part.behind]


def test_the_file_of_a_running_writer_is_left_to_it(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path)
    journal = store.journal()
    assert [(part.name, part.held) for part in migrate(tmp_path)] == [("control", False), ("runs-w0", True)]
    journal.release()
    store.close()


@pytest.mark.parametrize("name", ["control.db", "runs-w0.db"])
def test_a_newer_schema_is_refused(tmp_path: Path, name: str) -> None:
    fill(tmp_path, writers=1)
    change(tmp_path / name, "PRAGMA user_version = 99")
    with pytest.raises(NewerSchema, match="99"):
        migrate(tmp_path)
