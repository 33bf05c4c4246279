"""Whatever lies in a source's folder, it is listed with a reason, and the other documents are indexed."""

import os
from pathlib import Path

import pytest

from proviso.errors import UnreadableSource
from proviso.retrieval import sources
from proviso.retrieval.extracted import Extracted
from proviso.retrieval.isolation import IsolatedReader
from tests.retrieval.corpus import TRAVEL, build, source
from tests.retrieval.files import docx_of, pdf_of

GOOD: dict[str, str | bytes] = {
    "good.md": "A good document about Oslo.",
    "good.pdf": pdf_of("Another."),
    "good.docx": docx_of(("Normal", "Third.")),
}


def test_bad_documents_are_listed_and_the_good_ones_indexed(tmp_path: Path) -> None:
    bad: dict[str, str | bytes] = {
        "a.pdf": b"%PDF-1.4 broken",
        "b.docx": b"PK no zip",
        "c.xlsx": b"PK",
        "d.md": "",
        "e.txt": bytes(range(31)),
        "noend": "text",
    }
    built = build(tmp_path / "index", source(tmp_path / "travel", {**GOOD, **bad}))
    assert built.documents == 3
    assert [name for name, _ in built.unreadable] == [f"travel/{name}" for name in sorted(bad)]
    assert all(reason for _, reason in built.unreadable)


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.md").write_text("secret")
    travel = source(tmp_path / "travel", TRAVEL)
    (travel.folder / "file.md").symlink_to("../outside/secret.md")
    (travel.folder / "folder").symlink_to(tmp_path / "outside")
    (travel.folder / "loop").symlink_to(travel.folder)
    (travel.folder / "nowhere.md").symlink_to("missing.md")
    built = build(tmp_path / "index", travel)
    assert dict(built.unreadable) == {
        "travel/file.md": "the link leaves the source's folder",
        "travel/folder": "the link leaves the source's folder",
        "travel/loop": "linked folders are not followed",
        "travel/nowhere.md": "the link leads nowhere",
    }
    assert built.documents == 2


def test_pipes_and_huge_files_are_refused_without_being_read(tmp_path: Path) -> None:
    travel = source(tmp_path / "travel", TRAVEL)
    os.mkfifo(travel.folder / "pipe.md")
    with (travel.folder / "huge.txt").open("wb") as file:
        file.truncate(sources.MAX_BYTES + 1)
    reasons = dict(build(tmp_path / "index", travel).unreadable)
    assert reasons == {"travel/pipe.md": "it is not a regular file", "travel/huge.txt": "it is over 50 MB"}


def test_a_missing_folder_is_listed(tmp_path: Path) -> None:
    travel = source(tmp_path / "travel", TRAVEL)
    built = build(tmp_path / "index", travel, source(tmp_path / "gone", {}))
    assert built.unreadable == (("gone", "the folder does not exist"),)


def test_hidden_files_are_no_documents(tmp_path: Path) -> None:
    travel = source(tmp_path / "travel", {**TRAVEL, ".hidden.md": "x", ".git/a.md": "x", "~$lock.docx": "x"})
    built = build(tmp_path / "index", travel)
    assert (built.documents, built.unreadable) == (2, ())


def test_a_name_that_is_not_utf8_is_a_name_all_the_same(tmp_path: Path) -> None:
    travel = source(tmp_path / "travel", TRAVEL)
    Path(os.fsdecode(os.fsencode(travel.folder) + b"/\xff.md")).write_text("A text.")
    assert build(tmp_path / "index", travel).documents == 3


def test_one_name_in_two_unicode_forms_is_one_name(tmp_path: Path) -> None:
    one = build(tmp_path / "index", source(tmp_path / "a" / "travel", {"Zo\u00eb.md": "A text."}))
    other = build(tmp_path / "index", source(tmp_path / "b" / "travel", {"Zoe\u0308.md": "A text."}))
    assert one.digest == other.digest


def test_a_document_that_ends_its_reader_harms_no_other() -> None:
    with IsolatedReader() as reader:
        with pytest.raises(UnreadableSource, match="gave up"):
            reader.read("unknown format", b"ends the process")
        assert reader.read("html", b"<p>Read.</p>") == Extracted("", "Read.")


def test_a_document_that_takes_too_long_is_given_up() -> None:
    with IsolatedReader(seconds=0.0) as reader, pytest.raises(UnreadableSource, match="too long"):
        reader.read("html", b"<p>Read.</p>")
