"""The sources of an app: their documents, approvals and replacements, and which of them the contract uses."""

from collections.abc import Iterator

from proviso.contract.document import Path as Place
from proviso.contract.model import Contract
from proviso.contract.parts import Parts
from proviso.contract.vocabulary import is_day
from proviso.contract.wording import suggest
from proviso.contract.workspace import Source, Sources
from proviso.types import Problem


def source_problems(parts: Parts, sources: Sources) -> Iterator[Problem]:
    """Check each source by itself: dates, replacements and near-duplicates that exist."""
    for name, source in sources.sources.items():
        place: Place = ("sources", name)
        approval = source.approval
        if approval is not None and not is_day(approval.on):
            what = f"`{approval.on}` is a day that does not exist"
            yield parts.problem("sources", (*place, "approval", "on"), what, "correct the date")
        if approval is not None and approval.by == source.owner:
            what = f"`{approval.by}` owns the source, and nobody approves what is their own"
            yield parts.problem("sources", (*place, "approval", "by"), what, "have somebody else approve it")
        if name in parts.listing:
            yield from _documents(parts, name, source, parts.listing[name])
        yield from _circles(parts, name, source)


def used_source_problems(parts: Parts, contract: Contract, sources: Sources) -> Iterator[Problem]:
    """Check that the contract's sources are declared."""
    for index, name in enumerate(contract.inputs.sources):
        if name not in sources.sources:
            what = f"`{name}` is no source of sources.yaml"
            yield parts.problem(
                "contract", ("inputs", "sources", index), what, suggest(name, list(sources.sources))
            )


def _documents(parts: Parts, name: str, source: Source, listing: frozenset[str]) -> Iterator[Problem]:
    place: Place = ("sources", name)
    named: list[tuple[Place, str]] = []
    for old, new in source.superseded.items():
        named += [((*place, "superseded", old), path) for path in (old, new)]
    for i, group in enumerate(source.near_duplicates):
        named += [((*place, "near_duplicates", i, j), path) for j, path in enumerate(group)]
    for where, path in named:
        if path not in listing:
            what = f"`{path}` is no document of `{source.folder}`"
            fix = suggest(path, sorted(listing))
            yield parts.problem("sources", where, what, fix, of_key=path == where[-1])


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
