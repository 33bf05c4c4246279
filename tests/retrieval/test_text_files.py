"""Plain text is read in the encoding that it is in."""

import pytest

from proviso.errors import UnreadableSource
from proviso.retrieval.from_text import from_text

TEXT = "Größe: 5 €\nZoë reist."


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_the_encoding_is_found(encoding: str) -> None:
    assert from_text(TEXT.encode(encoding)).text == TEXT


def test_line_ends_and_control_characters_are_cleaned() -> None:
    assert (
        from_text(b"One\r\ntwo\x0cthree\x00 four\xc2\xad  \n\n\n\nfive\n").text
        == "One\ntwo\nthree four\n\nfive"
    )


@pytest.mark.parametrize("content", [bytes(range(32)) * 50, b"\x7fELF\x02\x01\x01" + b"\x00\x01" * 20])
def test_bytes_that_are_no_text_are_refused(content: bytes) -> None:
    with pytest.raises(UnreadableSource, match="not text"):
        from_text(content)


@pytest.mark.parametrize(
    ("text", "title"), [("Travel\n\nRule.", "Travel"), ("A rule.\nMore.", ""), ("Travel", "")]
)
def test_a_short_first_line_is_the_title(text: str, title: str) -> None:
    assert from_text(text.encode()).title == title
