"""Text from Markdown: front matter and comments dropped, tables row by row, the rest as it is written."""

import re
from typing import Final

from proviso.retrieval.extracted import Extracted, as_title, clean
from proviso.retrieval.tables import labelled_rows

_FENCE: Final = re.compile(r" {0,3}(```+|~~~+)")
_HEADING: Final = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)")
_TITLE: Final = re.compile(r"title:[ \t]*(.*)")
_UNDERLINE: Final = re.compile(r" {0,3}(=+|-+)[ \t]*")
_RULE: Final = re.compile(r":?-+:?")
_CELL_MARK: Final = re.compile(r"(?<!\\)\|")
_BLOCK_MARKS: Final = ("#", ">", "|", "-", "*", "+", "    ", "\t")


def from_markdown(text: str) -> Extracted:
    """The text of a Markdown document; its title is that of the front matter or the first heading."""
    title, lines = _without_front_matter(clean(text).split("\n"))
    lines = _blocks(_without_comments("\n".join(lines)).split("\n"))
    return Extracted(as_title(title or _first_heading(lines)), clean("\n".join(lines)))


def _without_front_matter(lines: list[str]) -> tuple[str, list[str]]:
    if lines[0] != "---":
        return "", lines
    for number, line in enumerate(lines[1:], 1):
        if line in {"---", "..."}:
            found = [
                match[1].strip("\"' ") for front in lines[1:number] if (match := _TITLE.fullmatch(front))
            ]
            return (found or [""])[0], lines[number + 1 :]
    return "", lines


def _without_comments(text: str) -> str:
    parts, at = [], 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start)) >= 0:
        parts.append(text[at:start])
        at = end + 3
    parts.append(text[at:])
    return "".join(parts)


def _blocks(lines: list[str]) -> list[str]:
    """The lines with underlined headings as `#` ones and tables as labelled rows, but for fenced code."""
    out: list[str] = []
    number, fence = 0, ""
    while number < len(lines):
        line = lines[number]
        following = lines[number + 1] if number + 1 < len(lines) else ""
        mark = _FENCE.match(line)
        if fence:
            fence = "" if mark and mark[1].startswith(fence) else fence
        elif mark:
            fence = mark[1]
        elif "|" in line and _is_rule(following, len(_cells(line))):
            number = _table(lines, number, out)
            continue
        elif _underlined(line, following, out):
            out.append(f"{'#' if '=' in following else '##'} {line.strip()}")
            number += 2
            continue
        out.append(line)
        number += 1
    return out


def _underlined(line: str, following: str, before: list[str]) -> bool:
    stands_alone = not before or not before[-1]
    starts_block = line.lstrip(" ").startswith(_BLOCK_MARKS) or line.startswith(_BLOCK_MARKS)
    return bool(line.strip() and stands_alone and not starts_block and _UNDERLINE.fullmatch(following))


def _cells(line: str) -> list[str]:
    line = line.strip()
    line = line[1:] if line.startswith("|") else line
    line = line[:-1] if line.endswith("|") and not line.endswith("\\|") else line
    return [cell.strip().replace("\\|", "|") for cell in _CELL_MARK.split(line)]


def _is_rule(line: str, columns: int) -> bool:
    cells = _cells(line)
    return "-" in line and len(cells) == columns and all(_RULE.fullmatch(cell) for cell in cells)


def _table(lines: list[str], number: int, out: list[str]) -> int:
    """Append the table whose header is line `number`; returns the number of the line after it."""
    header, end = _cells(lines[number]), number + 2
    while end < len(lines) and lines[end].strip() and "|" in lines[end]:
        end += 1
    rows = labelled_rows(header, [_cells(line) for line in lines[number + 2 : end]])
    out += ["", *rows, ""]
    return end


def _first_heading(lines: list[str]) -> str:
    fenced = False
    for line in lines:
        fenced ^= bool(_FENCE.match(line))
        if not fenced and (match := _HEADING.fullmatch(line)):
            return match[2].strip("# ")
    return ""
