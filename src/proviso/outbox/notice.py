"""A notice: what happened, said once, for whoever subscribes to its topic."""

from collections.abc import Mapping

from msgspec import Struct

from proviso.errors import ProvisoError

_LONGEST = 200  # characters of one fact
_LARGEST = 2**53  # integers beyond it are not the same number everywhere (RFC 8785)


class InvalidNotice(ProvisoError):
    """A notice that its topic's template does not know: a fault of the code that made it."""

    code = "notice_invalid"


class Notice(Struct, frozen=True):
    """Something that others should hear of. `at`: UTC microseconds since the epoch.

    `facts` are exactly those that the topic's template names (`templates.py`): words of the deployment, IDs,
    digests and counts. Nothing that a caller wrote, and no secret, goes into a notice.
    """

    topic: str
    at: int
    facts: Mapping[str, str | int]


class Said(Struct, frozen=True):
    """A notice in words."""

    title: str
    text: str
    facts: Mapping[str, str | int]


def clean(name: str, value: str | int) -> str | int:
    """Return a fact as it may stand in a line of text: printable, on one line, at most 200 characters."""
    if isinstance(value, str):
        shown = "".join(char if char.isprintable() else " " for char in value).strip()
        return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"
    if isinstance(value, bool) or abs(value) >= _LARGEST:
        raise InvalidNotice(f"the fact `{name}` is not a whole number below 2^53", fix="report it")
    return value
