"""What time does to a register: models that end soon or have ended, prices that have grown old, what is not pinned."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Literal

from msgspec import Struct

from proviso.contract.register import ModelRegister, PriceBook, RegisteredModel
from proviso.contract.vocabulary import is_day

NOTICE = timedelta(days=90)
PRICES_KEEP = timedelta(days=180)

Severity = Literal["fails", "warns", "notes"]


class Finding(Struct, frozen=True):
    """One thing to know of a model or of the price book: how grave it is, whom it concerns, and the fix."""

    severity: Severity
    subject: str  # a model's name, or `prices.yaml`
    used_by: tuple[str, ...]  # `app (role)`, of those whom it concerns now
    what: str
    fix: str


def findings(
    register: ModelRegister, book: PriceBook | None, used: Mapping[str, tuple[str, ...]], on: date
) -> tuple[Finding, ...]:
    """Return what is to be known of a register on a day. `used`: by model, the apps and roles that have chosen it.

    Only a model that is in use can fail: an entry that nobody uses may stay until somebody takes it out.
    """
    found = [
        one for name, model in register.models.items() for one in _model(name, model, used.get(name, ()), on)
    ]
    return (*found, *_book(book, on))


def _model(name: str, model: RegisteredModel, used_by: tuple[str, ...], on: date) -> Iterator[Finding]:
    yield from _life(name, model, used_by, on)
    if model.provider == "openai":
        what = "its server decides what answers under this ID: that cannot be pinned"
        yield Finding(
            "notes", name, used_by, what, "keep its server on one version, and say so in `trade_off`"
        )
    for called in model.called:
        if "latest" in called.casefold():
            what = f"`{called}` is a moving name: that cannot be pinned"
            yield Finding("warns", name, used_by, what, "write the ID with its date or version")


def _life(name: str, model: RegisteredModel, used_by: tuple[str, ...], on: date) -> Iterator[Finding]:
    life = model.lifecycle
    ends = date.fromisoformat(life.end_of_life) if life.end_of_life and is_day(life.end_of_life) else None
    fix = "choose another model, and have the release tested and approved"
    if life.status == "end-of-life" or (ends is not None and ends <= on):
        since = f" since {ends}" if ends is not None and ends <= on else ""
        what = f"it is at the end of its life{since}"
        yield Finding("fails" if used_by else "notes", name, used_by, what, fix)
    elif ends is not None and ends - on <= NOTICE:
        yield Finding("warns", name, used_by, f"it ends on {ends}, in {(ends - on).days} days", fix)
    elif life.status == "legacy":
        what = "its provider calls it legacy" + (
            f"; it ends on {ends}" if ends else ", and the day of its end is not known"
        )
        yield Finding("warns" if used_by and not ends else "notes", name, used_by, what, fix)


def _book(book: PriceBook | None, on: date) -> Iterator[Finding]:
    if book is not None and is_day(book.updated) and on - date.fromisoformat(book.updated) > PRICES_KEEP:
        days = (on - date.fromisoformat(book.updated)).days
        what = f"its prices are of {book.updated}, {days} days old"
        yield Finding("warns", "prices.yaml", (), what, "run `proviso models prices import FILE --write`")
