"""Text from HTML: the only module that knows selectolax."""

import re
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from proviso.retrieval.extracted import Extracted, as_title, clean, one_line
from proviso.retrieval.from_text import decode
from proviso.retrieval.tables import labelled_rows, looks_like_header

_CHARSET: Final = re.compile(rb"""<meta[^>]{0,200}charset\s{0,9}=\s{0,9}["']?([\w-]{1,40})""", re.IGNORECASE)
# No content, or content that no reader of the page sees.
_DROPPED: Final = [
    *("script", "style", "template", "noscript", "nav", "svg", "math", "iframe", "object", "embed", "canvas"),
    *("audio", "video", "map", "button", "select", "textarea"),
]
_STYLES: Final = ("display:none", "display: none", "visibility:hidden", "visibility: hidden")
_HIDDEN: Final = ", ".join(
    ["[hidden]", "[aria-hidden=true]", *[f"[style*='{style}' i]" for style in _STYLES]]
)
_HEADINGS: Final = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_BLOCKS: Final = frozenset(
    [
        *(
            "address",
            "article",
            "aside",
            "blockquote",
            "body",
            "caption",
            "center",
            "dd",
            "details",
            "dialog",
        ),
        *("div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr"),
        *("legend", "li", "main", "menu", "ol", "p", "pre", "search", "section", "summary", "table", "tbody"),
        *("td", "tfoot", "th", "thead", "tr", "ul"),
    ]
)
_MOST_COLUMNS: Final = 100
_BREAK: Final = "\x00"  # the parser leaves none in a text
_SAMPLE: Final = 2048


def from_html(content: bytes) -> Extracted:
    """The text of a page: its `main` where it has one; its title is the only `h1`, else the `title`."""
    tree = LexborHTMLParser(_decode(content))
    title = tree.css_first("title")
    named = as_title(title.text()) if title else ""
    tree.strip_tags(_DROPPED)
    for node in tree.css(_HIDDEN):
        node.decompose()
    mains = tree.css("main, [role=main]")
    root = mains[0] if len(mains) == 1 else tree.body
    if root is None:
        return Extracted(named, "")
    tops = [as_title(node.text(separator=" ")) for node in root.css("h1")]
    text = clean(_Blocks().read(root))
    return Extracted(tops[0] if len(tops) == 1 and tops[0] else named, text)


def _decode(content: bytes) -> str:
    declared = _CHARSET.search(content[:_SAMPLE])
    if declared and not content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        try:
            return content.decode(declared[1].decode("ascii"))
        except (LookupError, UnicodeDecodeError):
            return decode(content)
    return decode(content)


class _Blocks:
    """Walks a tree once, without recursion, and gathers its blocks."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._inline: list[str] = []
        self._mark = ""

    def read(self, root: LexborNode) -> str:
        """The text below a node."""
        pending: list[tuple[LexborNode, bool]] = [(root, False)]
        while pending:
            node, leaving = pending.pop()
            tag = node.tag or ""
            if node.is_text_node:
                self._inline.append(node.text_content or "")
            elif tag == "br":
                self._inline.append(_BREAK)
            elif leaving:
                self._flush()
                self._mark = ""
            elif self._enter(node, tag):
                if tag in _BLOCKS or tag in _HEADINGS:
                    pending.append((node, True))
                pending += [(child, False) for child in reversed(list(node.iter(include_text=True)))]
        self._flush()
        return "".join(self._out)

    def _enter(self, node: LexborNode, tag: str) -> bool:
        """Begin an element; False where it has been read whole."""
        if tag not in _BLOCKS and tag not in _HEADINGS:
            return not node.is_comment_node
        self._flush()
        if tag == "li" or tag in _HEADINGS:
            self._mark = _HEADINGS.get(tag, "- ")
        elif tag == "pre":
            self._out.append("\n\n" + node.text())
            return False
        elif tag == "table" and not _holds_tables(node):  # else it is there for the layout
            self._table(node)
            return False
        return True

    def _flush(self) -> None:
        lines = [one_line(line) for line in "".join(self._inline).split(_BREAK)]
        self._inline.clear()
        text = ("\n" if not self._mark else " ").join([line for line in lines if line])
        if not text:
            return
        listed = self._mark == "- " and bool(self._out) and self._out[-1].lstrip("\n").startswith("- ")
        self._out.append(("\n" if listed else "\n\n") + self._mark + text)
        self._mark = ""

    def _table(self, table: LexborNode) -> None:
        caption = table.css_first("caption")
        if caption is not None:
            self._out.append("\n\n" + one_line(caption.text(separator=" ")))
        rows = _grid(table.css("tr"))
        marked = [all(cell.tag == "th" for cell in _cells(row)) for row in table.css("tr")]
        header: list[str] = []
        if rows and (marked[0] or looks_like_header(rows[0], rows[1:])):
            header, rows = rows[0], rows[1:]
        self._out.append("\n\n" + "\n".join(labelled_rows(header, rows)))


def _holds_tables(table: LexborNode) -> bool:
    return any(found.mem_id != table.mem_id for found in table.css("table"))


def _cells(row: LexborNode) -> list[LexborNode]:
    return [cell for cell in row.iter() if cell.tag in {"td", "th"}]


def _grid(rows: list[LexborNode]) -> list[list[str]]:
    """The cells' texts, with a spanning cell repeated in each place that it covers."""
    grid: list[list[str]] = []
    below: dict[int, tuple[int, str]] = {}  # column → how many more rows it is covered, and with what
    for row in rows:
        line: list[str] = []
        for cell in _cells(row):
            _covered(below, line)
            text, down = one_line(cell.text(separator=" ")), _span(cell, "rowspan") - 1
            for _ in range(min(_span(cell, "colspan"), _MOST_COLUMNS - len(line))):
                if down:
                    below[len(line)] = (down, text)
                line.append(text)
        _covered(below, line)
        grid.append(line)
    return grid


def _span(cell: LexborNode, attribute: str) -> int:
    value = (cell.attributes.get(attribute) or "").strip()
    return max(1, min(int(value), 1000)) if value.isascii() and value.isdecimal() and len(value) < 9 else 1


def _covered(below: dict[int, tuple[int, str]], line: list[str]) -> None:
    while len(line) in below:
        rows, text = below.pop(len(line))
        if rows > 1:
            below[len(line)] = (rows - 1, text)
        line.append(text)
