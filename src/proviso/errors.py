"""Everything that can go wrong, as one tree.

    ProvisoError
    ├── InvalidWorkspace        what a team wrote is wrong: every problem at once
    │   └── UnreadableSource    a document that cannot be indexed
    ├── NotReady                a step that must come first has not been done (no index, no key)
    ├── GateClosed              the environment does not serve this release
    ├── Tampered                stored bytes no longer match their digest
    ├── RequestError            the caller's request cannot be answered as it is
    │   ├── Unauthenticated · Forbidden · UnknownApp · UnknownRun · NotFound
    │   ├── BadRequest · TooLarge · MethodNotAllowed
    │   └── TooMany             too much at once or in all: try again after a time
    └── Unavailable             something the answer needs is out of reach
        ├── ModelUnavailable
        └── StoreUnavailable

Each class has a stable `code`, an HTTP `status` and an `exit` code of the command line, and a heading in
`docs/errors.md`. An error's object becomes problem+json over HTTP and one line on the command line.
"""

from collections.abc import Sequence
from typing import ClassVar

from proviso.types import Position, Problem


class ProvisoError(Exception):
    """The root: a message in lower case, and the one thing to do about it."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    exit: ClassVar[int] = 2

    def __init__(self, message: str, *, fix: str = "", at: Position | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.at = at

    def __str__(self) -> str:
        place = f"{self.at}: " if self.at else ""
        return f"{place}{self.message}" + (f"; {self.fix}" if self.fix else "")


class InvalidWorkspace(ProvisoError):
    """What a team wrote is wrong. `problems` has all of it, in the order of files and lines."""

    code = "workspace_invalid"
    status = 422

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.at.file, p.at.line, p.at.column)))
        count = len(self.problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''}", fix="see each problem's own fix")

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class UnreadableSource(ProvisoError):
    """A document that cannot be indexed; the others are."""

    code = "source_unreadable"
    status = 422


class NotReady(ProvisoError):
    """A step that must come first has not been done."""

    code = "not_ready"
    status = 503


class GateClosed(ProvisoError):
    """The environment does not serve this release."""

    code = "gate_closed"
    status = 503
    exit = 1


class Tampered(ProvisoError):
    """Stored bytes no longer match their digest."""

    code = "tampered"
    status = 500
    exit = 4


class RequestError(ProvisoError):
    """The caller's request cannot be answered as it is."""

    code = "bad_request"
    status = 400


class BadRequest(RequestError):
    """A body that is not what the route takes; `where` is a JSON path such as `$.messages[0].content`."""

    def __init__(self, message: str, *, where: str = "$", fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.where = where


class TooLarge(RequestError):
    """A body over the server's limit."""

    code = "too_large"
    status = 413


class Unauthenticated(RequestError):
    """No identity, or one that is not valid (any more)."""

    code = "unauthenticated"
    status = 401


class Forbidden(RequestError):
    """A known caller who may not do this."""

    code = "forbidden"
    status = 403


class NotFound(RequestError):
    """No such route."""

    code = "not_found"
    status = 404


class UnknownApp(NotFound):
    """No app of that name that this caller may use."""

    code = "unknown_app"


class UnknownRun(NotFound):
    """No run of that ID that this caller may read."""

    code = "unknown_run"


class MethodNotAllowed(RequestError):
    """The route exists, the method does not."""

    code = "method_not_allowed"
    status = 405


class TooMany(RequestError):
    """Too much at once, or in all: it may be tried again after `retry_after_s` seconds, at least 1."""

    code = "too_many"
    status = 429

    def __init__(self, message: str, *, retry_after_s: int, fix: str = "") -> None:
        super().__init__(message, fix=fix or f"try again in {retry_after_s} s")
        self.retry_after_s = max(1, retry_after_s)


class Unavailable(ProvisoError):
    """Something that the answer needs is out of reach; nothing was answered."""

    code = "unavailable"
    status = 503
    exit = 4


class ModelUnavailable(Unavailable):
    """The model did not answer."""

    code = "model_unavailable"


class StoreUnavailable(Unavailable):
    """The store did not take the record, so the answer was not given."""

    code = "store_unavailable"
