"""The passages in a prompt: numbered ones, tagged ones, documents and search results."""

import re
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

Block = dict[str, Any]

_NUMBERED: Final = re.compile(r"^[ \t]*\[(\d{1,4})\](?:[ \t]+(.*))?$", re.MULTILINE)
_OPENING: Final = re.compile(r"<(passage|document|doc|source|excerpt|chunk)\b([^<>]{0,500})>", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(r"""([\w-]{1,30})\s*=\s*(?:"([^"]{0,300})"|'([^']{0,300})')""")
_TITLE: Final = re.compile(r"<title>([^<]{0,300})</title>", re.IGNORECASE)
_INNER: Final = re.compile(r"</?[\w-]{1,30}>")
QUESTION: Final = re.compile(
    r"^[ \t]*(?:user )?(?:question|query|frage)[ \t]*:[ \t]*", re.IGNORECASE | re.MULTILINE
)
_QUESTION_TAG: Final = re.compile(r"<(question|query)>", re.IGNORECASE)
_READABLE: Final = frozenset(("txt", "md", "csv", "html"))


class Passage(Struct, frozen=True):
    """A passage that may be quoted. `parts`: the texts of it, as they lie in its block; most have one.

    `place` says how a citation points to it: by its mark `[number]` in the text, or by a citation block whose
    `index` counts documents, or search results, from 0.
    """

    number: str
    title: str
    parts: tuple[str, ...]
    place: Literal["mark", "characters", "chunks", "search"] = "mark"
    index: int = 0
    source: str = ""

    @property
    def text(self) -> str:
        """All of its text."""
        return "\n".join(self.parts)


class Prompted(Struct, frozen=True):
    """A text taken apart: its passages, and what stands outside them."""

    passages: tuple[Passage, ...]
    rest: str


def in_text(text: str) -> Prompted:
    """Take `[1] Title` passages, or those in `<passage>`, `<document>`, `<source>` … tags, out of a text."""
    tagged = list(_tagged(text))
    if tagged:
        return Prompted(tuple(passage for passage, _, _ in tagged), _without(text, tagged))
    marks = list(_NUMBERED.finditer(text))
    if not marks:
        return Prompted((), text)
    end = _end_of_passages(text, marks[-1].end())
    found = []
    for mark, following in zip(marks, [*[m.start() for m in marks[1:]], end], strict=True):
        title, body = (mark[2] or "").strip(), text[mark.end() : following].strip()
        found.append(Passage(mark[1], title, (body or title,)))
    return Prompted(tuple(found), f"{text[: marks[0].start()]}\n{text[end:]}".strip())


def in_blocks(blocks: Sequence[Block]) -> Iterator[Passage]:
    """Yield the documents and the search results among content blocks, numbered from 1 in their order."""
    documents = results = 0
    for block in blocks:
        number = str(documents + results + 1)
        if document := block.get("document"):
            yield _document(document, number, documents)
            documents += 1
        elif result := block.get("searchResult"):
            yield _result(result, number, results)
            results += 1


def _document(document: Block, number: str, index: int) -> Passage:
    source = document["source"]
    cited = bool(document.get("citations", {}).get("enabled"))
    parts = document_parts(document)
    chunked = "content" in source
    place: Literal["mark", "characters", "chunks"] = (
        ("chunks" if chunked else "characters") if cited else "mark"
    )
    return Passage(number, document["name"], parts, place, index)


def document_parts(document: Block) -> tuple[str, ...]:
    """Return the texts of a document block; none of a PDF, an Office file or what lies in S3: nobody reads them."""
    source = document["source"]
    if "text" in source:
        return (source["text"],)
    if "content" in source:
        return tuple(part.get("text", "") for part in source["content"])
    if "bytes" in source and document.get("format") in _READABLE:
        return (blob(source["bytes"]).decode("utf-8", "replace"),)
    return ()


def blob(value: bytes | str) -> bytes:
    """Return the bytes of a blob, which JSON has as base64."""
    if isinstance(value, bytes):
        return value
    try:
        return a2b_base64(value)
    except (NotBase64, ValueError):
        return value.encode()


def _result(result: Block, number: str, index: int) -> Passage:
    cited = bool(result.get("citations", {}).get("enabled"))
    parts = tuple(part["text"] for part in result["content"])
    return Passage(number, result["title"], parts, "search" if cited else "mark", index, result["source"])


def _tagged(text: str) -> Iterator[tuple[Passage, int, int]]:
    """Yield the passages in tags, each with where its element begins and ends. Linear in the text."""
    lower = text.lower()
    place = count = 0
    unclosed: set[str] = set()
    while opening := _OPENING.search(text, place):
        name = opening[1].lower()
        place = opening.end()
        closing = -1 if name in unclosed else lower.find(f"</{name}>", place)
        if closing < 0:
            unclosed.add(name)
            continue
        count += 1
        yield _element(opening[2], text[place:closing], count), opening.start(), closing + len(name) + 3
        place = closing + len(name) + 3


def _element(attributes: str, inside: str, count: int) -> Passage:
    given = {name.lower(): one or other for name, one, other in _ATTRIBUTE.findall(attributes)}
    number = next((given[name] for name in ("id", "index", "number", "n") if given.get(name)), str(count))
    heading = _TITLE.search(inside)
    title = given.get("title") or given.get("name") or (heading[1] if heading else "")
    body = _INNER.sub("", inside.replace(heading[0], "") if heading else inside).strip()
    return Passage(number, title.strip(), (body,))


def _without(text: str, tagged: Sequence[tuple[Passage, int, int]]) -> str:
    pieces, place = [], 0
    for _, start, end in tagged:
        pieces.append(text[place:start])
        place = end
    return "".join([*pieces, text[place:]]).strip()


def _end_of_passages(text: str, start: int) -> int:
    """Return where the last numbered passage ends: before a question, named as one or the last paragraph."""
    ends = [
        found.start() for found in (QUESTION.search(text, start), _QUESTION_TAG.search(text, start)) if found
    ]
    if ends:
        return min(ends)
    last = text.rfind("\n\n", start)
    return last if last >= 0 and text.rstrip().endswith("?") else len(text)


def question_in(rest: str) -> str:
    """Return the question in what stands outside the passages; all of it where none is marked as one."""
    if tag := list(_QUESTION_TAG.finditer(rest)):
        inside = rest[tag[-1].end() :]
        closing = inside.lower().find(f"</{tag[-1][1].lower()}>")
        return inside[: closing if closing >= 0 else len(inside)].strip()
    if marked := list(QUESTION.finditer(rest)):
        return rest[marked[-1].end() :].split("\n\n", 1)[0].strip()
    return rest.strip()
