"""`docs/bedrock.md` shows the matrix that these tests go by."""

from pathlib import Path

from tests.bedrock.matrix import table

PAGE = Path(__file__).parents[2] / "docs" / "bedrock.md"


def test_the_page_has_the_matrix() -> None:
    assert "\n".join(table()) in PAGE.read_text("utf-8")
