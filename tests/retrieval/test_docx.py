"""Word files keep headings, lists and tables in their places; hostile ones are refused."""

import io
import zipfile

import pytest

from proviso.errors import UnreadableSource
from proviso.retrieval.from_docx import from_docx
from tests.retrieval.files import ROWS, docx_of


def test_headings_lists_and_tables_stand_in_their_places() -> None:
    content = docx_of(
        ("Title", "Per diem"),
        ("Heading 1", "Rates"),
        ("Normal", "These count."),
        ("List Bullet", "first"),
        ("List Bullet", "second"),
        table=ROWS,
        after="The end.",
    )
    rows = "City: Oslo | Per diem: 95 EUR\nCity: Lyon | Per diem: 68 EUR"
    assert from_docx(content).text == (
        f"# Per diem\n\n## Rates\n\nThese count.\n\n- first\n- second\n\n{rows}\n\nThe end."
    )


def test_the_title_is_the_title_paragraph() -> None:
    assert from_docx(docx_of(("Normal", "Intro."), ("Title", "Per diem"))).title == "Per diem"


def test_a_table_of_names_and_values_has_no_header() -> None:
    text = from_docx(docx_of(table=[("Owner", "Dana"), ("State", "Approved")])).text
    assert text == "Owner | Dana\nState | Approved"


def zipped(**parts: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a Word document"),
        (b"PK\x03\x04 broken", "not a Word document"),
        (zipped(a=b"x"), "not a Word document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "encrypted"),
        (zipped(**{f"part{number}": b"\0" * 45_000_000 for number in range(5)}), "unpacks to more than"),
    ],
)
def test_what_is_no_word_file_says_why(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableSource, match=reason):
        from_docx(content)


def test_entities_are_not_expanded() -> None:
    content = docx_of(("Normal", "&bomb;"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        for entry in old.infolist():
            part = old.read(entry)
            if entry.filename == "word/document.xml":
                declared = b'<!DOCTYPE w [<!ENTITY bomb SYSTEM "file:///etc/hostname">]>'
                part = part.replace(b"&amp;bomb;", b"&bomb;").replace(b"?>", b"?>" + declared, 1)
            new.writestr(entry, part)
    assert from_docx(buffer.getvalue()).text == ""
