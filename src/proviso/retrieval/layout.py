"""Laid-out lines as blocks: paragraphs, headings, list items and table rows of a printed page."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from proviso.retrieval.extracted import one_line
from proviso.retrieval.tables import labelled_rows, looks_like_header

_GAP: Final = re.compile(r" {3,}")
_CELL: Final = re.compile(r"\S+(?: {1,2}\S+)*")
_DIGITS: Final = re.compile(r"\d+")
_ITEM: Final = re.compile(r"(?:[-*+•‣▪·–]|\(?\d{1,3}[.)]|\(?[a-z]\)) ")
_HYPHENATED: Final = re.compile(r"[a-zß-ÿ]-$")
_LONGEST_HEADING: Final = 80
_SHORT: Final = 0.6  # of the page's width: such a line ends before it is full
_LONG_CELL: Final = 28  # characters: longer on average, columns are text beside text

Cell = tuple[int, str]


def running_lines(pages: Sequence[Sequence[str]]) -> frozenset[str]:
    """Headers and footers: what stands, but for its digits, at an edge of two pages and of half of them."""
    edges: Counter[str] = Counter()
    for page in pages:
        lines = [line for line in page if line.strip()]
        edges.update({_shape(line) for line in [*lines[:1], *lines[-1:]]})
    return frozenset(shape for shape, count in edges.items() if count > 1 and count * 2 >= len(pages))


def blocks(lines: Sequence[str], running: frozenset[str]) -> list[str]:
    """The blocks of a page in reading order, its running lines left out; table rows are one block."""
    written = [number for number, line in enumerate(lines) if line.strip()]
    edges = {written[0], written[-1]} if written else set()
    kept = [line for number, line in enumerate(lines) if number not in edges or _shape(line) not in running]
    if _is_columns(kept):
        kept = _column_by_column(kept)
    width = max((len(line.strip()) for line in kept if not _GAP.search(line.strip())), default=0)
    found: list[str] = []
    for tabular, group in groupby(_paragraphs(kept), key=_is_tabular):
        if tabular:
            found.append("\n".join(_rows([line for paragraph in group for line in paragraph])))
        else:
            found += [_prose(paragraph, width) for paragraph in group]
    return [
        f"## {block}" if _is_heading(block) and number + 1 < len(found) else block
        for number, block in enumerate(found)
    ]


def _shape(line: str) -> str:
    return _DIGITS.sub("0", one_line(line))


def _paragraphs(lines: Sequence[str]) -> list[list[str]]:
    """Runs of lines between empty ones; a table's rows and the prose around them stand apart."""
    found: list[list[str]] = []
    before: bool | None = None
    for line in lines:
        if not line.strip():
            before = None
            continue
        # A line that only goes on under a column belongs to the row above it.
        tabular = _is_tabular([line]) or (before is True and line.startswith("   "))
        if tabular is before:
            found[-1].append(line)
        else:
            found.append([line])
        before = tabular
    return found


def _is_tabular(paragraph: Sequence[str]) -> bool:
    return bool(_GAP.search(paragraph[0].strip()))


def _is_columns(lines: Sequence[str]) -> bool:
    """Whether most lines hold text beside text, as in a journal: that is no table."""
    written = [line.strip() for line in lines if line.strip()]
    split = [_GAP.split(line) for line in written if _GAP.search(line)]
    lengths = [len(cell) for cells in split for cell in cells]
    return len(split) * 2 > len(written) and sum(lengths) > _LONG_CELL * len(lengths)


def _column_by_column(lines: Sequence[str]) -> list[str]:
    """Two columns one below the other, parted where most right-hand cells begin."""
    starts = Counter(cells[1][0] for line in lines if len(cells := _cells(line)) > 1)
    middle = starts.most_common(1)[0][0]
    left, right = [], []
    for line in lines:
        left.append(" ".join(text for start, text in _cells(line) if start < middle - 1))
        right.append(" ".join(text for start, text in _cells(line) if start >= middle - 1))
    return [*left, "", *right]


def _cells(line: str) -> list[Cell]:
    return [(match.start(), match[0]) for match in _CELL.finditer(line)]


def _rows(lines: Sequence[str]) -> list[str]:
    table = [_cells(line) for line in lines]
    starts = [start for start, _ in max(table, key=len)]
    rows: list[list[str]] = []
    for cells in table:
        row = [""] * len(starts)
        for start, text in cells:
            column = min(range(len(starts)), key=lambda column: abs(starts[column] - start))
            row[column] = f"{row[column]} {text}".strip()
        if rows and not row[0]:  # a cell that was broken into lines
            rows[-1] = [f"{above} {below}".strip() for above, below in zip(rows[-1], row, strict=True)]
        else:
            rows.append(row)
    if looks_like_header(rows[0], rows[1:]):
        return labelled_rows(rows[0], rows[1:])
    return labelled_rows([], rows)


def _prose(lines: Sequence[str], width: int) -> str:
    """The lines as running text: a new line only before a list item and after a line that ends early."""
    text = ""
    before = ""
    for raw in lines:
        line = one_line(raw)
        if not text:
            text = line
        elif _ITEM.match(line) or (len(before) < _SHORT * width and line[0].isupper() and before[-1] != ","):
            text += "\n" + line
        elif _HYPHENATED.search(before) and line[0].islower():
            text = text[:-1] + line
        else:
            text += " " + line
        before = line
    return text


def _is_heading(block: str) -> bool:
    if len(block) > _LONGEST_HEADING or "\n" in block or "|" in block or block[-1] in ".!?:;,":
        return False
    return block[0].isupper() or (block[0].isdecimal() and any(word.isalpha() for word in block.split()[:2]))
