"""A price book as it is written: what an import changes in it, and its text."""

from collections.abc import Mapping

from msgspec import Struct

from proviso.contract.register import BookPrice, PriceBook

_HEADER = """\
# What providers ask for, in micro-dollars (millionths of a dollar) for a million tokens.
# `proviso models prices import` writes this file anew; comments that stand above the first key stay.
"""


class PriceChange(Struct, frozen=True):
    """One name whose price is new or another; None: the book did not have it."""

    name: str
    old: BookPrice | None
    new: BookPrice


def changes(book: PriceBook | None, prices: Mapping[str, BookPrice]) -> tuple[PriceChange, ...]:
    """Return what would change, by name. Prices that the book has and the import has not stay as they are."""
    old = book.prices if book is not None else {}
    return tuple(
        PriceChange(name, old.get(name), price)
        for name, price in sorted(prices.items())
        if old.get(name) != price
    )


def with_prices(
    book: PriceBook | None, prices: Mapping[str, BookPrice], *, source: str, updated: str
) -> PriceBook:
    """Return the next version of a book, with these prices."""
    version, old = (book.version, book.prices) if book is not None else (0, {})
    return PriceBook(version=version + 1, source=source, updated=updated, prices={**old, **prices})


def book_text(book: PriceBook, before: str = "") -> str:
    """Return a book as YAML; of the text before, the comments above the first key stay."""
    kept: list[str] = []
    for line in before.removeprefix("\ufeff").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            break
        kept.append(line)
    header = "\n".join(kept).strip()
    lines = [
        f"{header}\n" if header else _HEADER,
        f"version: {book.version}\nsource: {_quoted(book.source)}\nupdated: {book.updated}\nprices:",
    ]
    if not book.prices:
        lines[-1] += " {}"
    for name, price in sorted(book.prices.items()):
        amounts = ", ".join(f"{key}: {amount}" for key, amount in price if amount is not None)
        lines.append(f"\n  {_quoted(name)}: {{{amounts}}}")
    return "".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Return a text in double quotes, with YAML's escapes (YAML 1.2, §5.7) for what cannot be seen."""
    return '"' + "".join(map(_character, text)) + '"'


def _character(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08X}"
