"""A policy file cut into its policies, each with its line: Cedar's own messages name none."""

import re
from collections.abc import Iterator

from msgspec import Struct

from proviso.types import Position, Problem

# Cedar's parser recurses: some hundred brackets inside each other end the process (measured: cedarpy 4.12.2 by 1,000
# in the main thread, a chain of 4,000 characters in a thread of 256 KB). These bounds leave ample room on both sides.
MOST_BYTES = 200_000
MOST_CHARS = 4_000
MOST_DEPTH = 32

# Comments, texts and what stands between them, as Cedar's own lexer has them.
_TOKEN = re.compile(r'//[^\r\n]*|"(?:\\.|[^"\\])*"?|[;(){}\[\]]|[^\s;(){}\[\]"/]+|/', re.DOTALL)


class Statement(Struct, frozen=True):
    """One policy as written, without what stands around it; `line` counts from 1."""

    text: str
    line: int
    depth: int  # of brackets inside each other, at the most

    def line_of(self, message: str) -> int:
        """Return the line that a message most probably speaks of: the first with a name that it quotes."""
        quoted = re.findall(r"`([^`]+)`", message) or [message.rpartition(": ")[2]]
        for name in quoted:
            if (at := self.text.find(name)) > 0:
                return self.line + self.text.count("\n", 0, at)
        return self.line


def statements(text: str) -> Iterator[Statement]:
    """Yield the policies of a file; one that lacks its `;` is yielded too, for the parser to complain of."""
    start, end, depth, deepest = -1, 0, 0, 0
    for token in _TOKEN.finditer(text):
        piece = token[0]
        if piece.startswith("//"):
            continue
        start, end = (token.start() if start < 0 else start), token.end()
        if piece in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif piece in ")]}":
            depth -= 1
        elif piece == ";":
            yield _statement(text, start, end, deepest)
            start, depth, deepest = -1, 0, 0
    if start >= 0:
        yield _statement(text, start, end, deepest)


def _statement(text: str, start: int, end: int, depth: int) -> Statement:
    return Statement(text[start:end], text.count("\n", 0, start) + 1, depth)


def size_problem(file: str, text: str) -> Problem | None:
    """Say if a file of policies is too large to be parsed safely."""
    if len(text.encode()) <= MOST_BYTES:
        return None
    return Problem(
        Position(file), "(file)", f"the file is over {MOST_BYTES:,} bytes", "keep fewer policies in it"
    )


def shape_problem(file: str, statement: Statement) -> Problem | None:
    """Say if a policy is too long or too deeply nested to be parsed safely."""
    at = Position(file, statement.line, 1)
    if len(statement.text) > MOST_CHARS:
        return Problem(
            at, "(policy)", f"the policy is over {MOST_CHARS:,} characters", "split it into several"
        )
    if statement.depth > MOST_DEPTH:
        return Problem(at, "(policy)", f"brackets are nested over {MOST_DEPTH} deep", "write it flatter")
    return None
