"""Sentences: where each begins and ends, by slicing, so that every offset is true."""

import re
from typing import Final

_ABBREVIATIONS: Final = frozenset(
    str.split(
        """
        adj adm al approx apr asst aug bros ca capt cf cmdr co col corp dec dept dist dr ed eds e.g eg esp
        est etc excl ext feb fig figs gen gov hon i.e ie inc incl jan jr jul jun lt ltd mar max messrs min
        mr mrs ms mt no nos nov oct op p para paras pp prof rep resp rev sec sect sen sep sept sgt sr st tel
        vol vols v vs bzw d.h evtl ggf inkl nr s str u.a usw vgl z.b zzgl abs art
        """
    )
)
# These never end a sentence, whatever follows.
_BINDING: Final = frozenset(
    str.split(
        """
        capt cf col dr e.g eg fig figs gen gov hon i.e ie lt messrs mr mrs ms mt pp prof rep rev sen sgt st v
        vgl vs z.b bzw d.h
        """
    )
)
# These are words as well: they are abbreviations only before a number (`No. 5`).
_BEFORE_NUMBERS: Final = frozenset(
    ["abs", "al", "art", "est", "etc", "ext", "mar", "max", "min", "no", "s", "str"]
)
# After an abbreviation or an initialism these words show that a new sentence has begun.
_OPENERS: Final = frozenset(
    str.split(
        """
        A All An And Any As At But By Each Every For He However If In It Its No Not Please She Some That The
        Their There These They This Those To We When Where Which While You Your Das Der Die Ein Eine Es
        """
    )
)
_CLOSERS: Final = "\"'”’»)\\]」』）】"
_MARKS: Final = r"(?:[ \t]?\[\d{1,3}\])*"
_BOUNDARY: Final = re.compile(
    rf"(?P<latin>[.!?…؟۔।]+[{_CLOSERS}]*{_MARKS})|(?P<cjk>[。！？｡]+[{_CLOSERS}]*{_MARKS})|(?P<line>\n)"
)
_ITEM_MARK: Final = (
    r"(?:[-*+•‣◦▪·–—][ \t]|\(?(?:\d{1,3}|[ivx]{1,5}|[A-Za-z])\)[ \t]|(?:\d{1,3}|[a-z])\.[ \t])"
)
_BLOCK: Final = re.compile(rf"[ \t\r]*(?:{_ITEM_MARK}|\#{{1,6}}[ \t]|>|\||={{3}}|-{{3}}|\n)")
_ONLY_MARK: Final = re.compile(r"\s*(?:[-*+>\#][ \t]*)*\(?(?:\d{1,3}(?:\.\d{1,3})*|[ivxIVX]{1,5}|[A-Za-z])\.")
_LONE_LINE: Final = re.compile(r"[ \t]*(?:\#{1,6}[ \t]|\|)")
_WORD: Final = re.compile(r"\w+")
_LAST_WORD: Final = re.compile(r"(?:[^\W\d_]\.)*[^\W_]{1,12}$")
_SPACE: Final = re.compile(r"\s*")
_LONGEST_HEADING: Final = 90
_LOOK_BACK: Final = 24


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """The sentences of a text as `[start, end)` in characters, in order, without outer white space.

    Nothing but white space stands between two spans. A heading, a list item and a table row (a line that
    starts with `|` or holds ` | `) are each at least one sentence; a row is exactly one. Reference marks like
    `[1]` belong to the sentence before them. Time is linear in the text's length.
    """
    spans: list[tuple[int, int]] = []
    start = _past_space(text, 0)
    row_until = _row_end(text, start)
    for boundary in _BOUNDARY.finditer(text):
        stop, end = boundary.span()
        if end <= start or stop < row_until:
            continue
        if boundary["line"]:
            end = stop
            if stop != row_until and not _line_ends(text, start, stop):
                continue
        elif boundary["latin"] and not _stop_ends(text, start, stop, end):
            continue
        spans.append((start, start + len(text[start:end].rstrip())))
        start = _past_space(text, end)
        # Only what begins a line can be a row: looking again within a line would take quadratic time.
        row_until = _row_end(text, start) if "\n" in text[end:start] else 0
    if start < len(text):
        spans.append((start, start + len(text[start:].rstrip())))
    return spans


def _past_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    assert match is not None  # `\s*` matches everywhere
    return match.end()


def _row_end(text: str, start: int) -> int:
    """Where the table row that begins here ends, or 0 where none does."""
    line_end = text.find("\n", start)
    line_end = len(text) if line_end < 0 else line_end
    is_row = text.startswith("|", start) or text.find(" | ", start, line_end) >= 0
    return line_end if is_row else 0


def _stop_ends(text: str, start: int, stop: int, end: int) -> bool:
    """Whether the stop at `[stop, end)` ends the sentence that began at `start`."""
    after = _past_space(text, end)
    if after == end < len(text):
        return False
    if after == len(text):
        return True
    following = text[after]
    if following.islower() or following in ",;:":
        return False
    if text[stop] != "." or text[stop + 1 : after].strip():
        return True
    if stop - start < _LOOK_BACK and _ONLY_MARK.fullmatch(text, start, end):
        return False
    return not _abbreviated(text, start, stop, after)


def _abbreviated(text: str, start: int, stop: int, after: int) -> bool:
    """Whether the point at `stop` belongs to an abbreviation inside a sentence."""
    last = _LAST_WORD.search(text, max(start, stop - _LOOK_BACK), stop)
    if last is None:
        return False
    word = last[0].lower()
    initials = "." in word or (len(word) == 1 and last[0] != word)
    if not initials and word not in _ABBREVIATIONS:
        return False
    following = _WORD.match(text, after)
    if word in _BINDING or following is None:
        return word in _BINDING
    if following[0][0].isdecimal():
        return True
    return following[0] not in _OPENERS and word not in _BEFORE_NUMBERS


def _line_ends(text: str, start: int, newline: int) -> bool:
    """Whether the sentence that began at `start` ends with the line that ends at `newline`."""
    after = newline + 1
    if _BLOCK.match(text, after) or _row_end(text, after):
        return True
    line_start = text.rfind("\n", start, newline) + 1
    if line_start > start:
        return False
    return bool(_LONE_LINE.match(text, start)) or _is_heading(text, start, newline)


def _is_heading(text: str, start: int, newline: int) -> bool:
    """A short line, broken before it was full, without a stop, and followed by a capital."""
    if newline - start > _LONGEST_HEADING or text[newline - 1] in ",;:-–":
        return False
    following = _WORD.match(text, newline + 1)
    if following is None or following[0][0].islower() or text[start].islower():
        return False
    next_end = text.find("\n", newline + 1)
    next_length = (len(text) if next_end < 0 else next_end) - newline - 1
    return newline - start + 1 + len(following[0]) <= next_length
