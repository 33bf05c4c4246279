"""Table rows as sentences of their own: each cell after the label of its column."""

from collections.abc import Sequence


def labelled_rows(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """One line a row, `City: Oslo | Per diem: 95 EUR`, so that a row says by itself what its numbers mean.

    Without a header the cells stand alone; empty cells are left out, and empty rows too. A header with a
    label that no cell bears is a row of its own, so that no word is lost.
    """
    borne = {column for row in rows for column, cell in enumerate(row) if cell}
    unborne = any(label and column not in borne for column, label in enumerate(header))
    lines = labelled_rows([], [header]) if unborne else []
    for row in rows:
        cells = [
            f"{header[column]}: {cell}" if column < len(header) and header[column] else cell
            for column, cell in enumerate(row)
            if cell
        ]
        if len(cells) > 1:
            lines.append(" | ".join(cells))
        elif cells:
            lines.append(f"| {cells[0]} |")
    return lines


def looks_like_header(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Whether the first row of a table that marks none labels the columns.

    It does when all its cells are filled, different and without digits, and a column holds numbers below or
    there are at least three columns: a table of two columns of words is as often pairs of name and value.
    """
    if not rest or not all(first) or len(set(first)) < len(first) or len(first) < 2:
        return False
    if any(_has_digit(cell) for cell in first):
        return False
    return len(first) > 2 or any(_has_digit(cell) for row in rest for cell in row)


def _has_digit(cell: str) -> bool:
    return any(character.isdecimal() for character in cell)
