"""The sources of an app: their documents, approvals and replacements, and which of them the contract uses."""

from collections.abc import Iterator
from datetime import date, timedelta

from proviso.contract.document import Path as Place
from proviso.contract.model import Contract
from proviso.contract.partial import numbered, where_readable
from proviso.contract.parts import Parts
from proviso.contract.vocabulary import is_day
from proviso.contract.wording import suggest
from proviso.contract.workspace import Source, Sources
from proviso.types import Problem


@where_readable
def source_problems(parts: Parts, sources: Sources, today: date) -> Iterator[Problem]:
    """Check each source by itself: approvals, replacements and near-duplicates that exist."""
    for name, source in sources.sources.items():
        yield from _day(parts, name, source, today)
        yield from _approver(parts, name, source)
        if name in parts.listing:
            yield from _documents(parts, name, source, parts.listing[name])
        yield from _circles(parts, name, source)


@where_readable
def used_source_problems(parts: Parts, contract: Contract, sources: Sources) -> Iterator[Problem]:
    """Check that the contract's sources are declared."""
    for index, name in numbered(contract.inputs.sources):
        if name not in sources.sources:
            what = f"`{name}` is no source of sources.yaml"
            fix = suggest(name, list(sources.sources))
            yield parts.problem("contract", ("inputs", "sources", index), what, fix)


@where_readable
def _day(parts: Parts, name: str, source: Source, today: date) -> Iterator[Problem]:
    if source.approval is None:
        return
    day, place = source.approval.on, ("sources", name, "approval", "on")
    if not is_day(day):
        yield parts.problem("sources", place, f"`{day}` is a day that does not exist", "correct the date")
    elif date.fromisoformat(day) > today + timedelta(days=1):  # east of Greenwich tomorrow comes early
        what = f"`{day}` is in the future, and an approval has been given"
        yield parts.problem("sources", place, what, "write the day on which it was given")


@where_readable
def _approver(parts: Parts, name: str, source: Source) -> Iterator[Problem]:
    if source.approval is not None and source.approval.by == source.owner:
        what = f"`{source.approval.by}` owns the source, and nobody approves what is their own"
        place: Place = ("sources", name, "approval", "by")
        yield parts.problem("sources", place, what, "have somebody else approve it")


def _documents(parts: Parts, name: str, source: Source, listing: frozenset[str]) -> Iterator[Problem]:
    for where, path in (*_superseded(source), *_near_duplicates(source)):
        if path not in listing:
            place: Place = ("sources", name, *where)
            fix = suggest(path, sorted(listing))
            what = f"`{path}` is no document of `{source.folder}`"
            yield parts.problem("sources", place, what, fix, of_key=path == where[-1])


@where_readable
def _superseded(source: Source) -> Iterator[tuple[Place, str]]:
    for old, new in source.superseded.items():
        yield ("superseded", old), old
        yield ("superseded", old), new


@where_readable
def _near_duplicates(source: Source) -> Iterator[tuple[Place, str]]:
    for i, group in numbered(source.near_duplicates):
        for j, path in numbered(group):
            yield ("near_duplicates", i, j), path


@where_readable
def _circles(parts: Parts, name: str, source: Source) -> Iterator[Problem]:
    settled: set[str] = set()
    for start in source.superseded:
        way: dict[str, None] = {}
        current = start
        while current in source.superseded and current not in settled and current not in way:
            way[current] = None
            current = source.superseded[current]
        if current in way:
            what = f"`{current}` is superseded by itself in the end"
            place: Place = ("sources", name, "superseded", current)
            yield parts.problem("sources", place, what, "name the document that is in force")
        settled.update(way)
