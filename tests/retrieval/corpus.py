"""Folders of documents, and what a snapshot of them needs."""

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from proviso.retrieval import Built, Found, Index, Query, Source, build_snapshot
from proviso.retrieval.documents import Progress, Screen
from proviso.types import Action, Channel, Decision, Mask, Refusal, Screened

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOTELS = """# Hotels

A room in Oslo may cost NOK 1,900 per night.

## City tax

City tax is paid in addition.
"""
TRAINS = """Trains
First class is paid on journeys of over four hours. Seats are reserved by the desk.
"""
RECEIPTS = "<h1>Receipts</h1><p>Keep every receipt for 90 days. Send it to the expense desk.</p>"
TRAVEL = {"hotels.md": HOTELS, "trains.txt": TRAINS}
EXPENSES = {"receipts.html": RECEIPTS}


def source(
    folder: Path,
    documents: Mapping[str, str | bytes],
    *,
    approved_by: str = "sam",
    superseded: Mapping[str, str] | None = None,
) -> Source:
    """A source named after its new folder, holding the documents."""
    for name, content in documents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Source(
        name=folder.name,
        folder=folder,
        title=folder.name.title(),
        classification="internal",
        readers=("staff",),
        approved_by=approved_by,
        approved_on="2026-01-15",
        superseded=superseded or {},
    )


def pass_all(text: str, channel: Channel) -> Screened:
    """A screening that finds nothing."""
    return Screened(text, channel)


def mask_secret(text: str, channel: Channel) -> Screened:
    """A screening that masks the word `secret`."""
    decision = Decision("inputs.sensitive.mask.SECRET", Action.MASK, "SECRET", channel, text.count("secret"))
    # The placeholder is two characters longer than the word.
    masks = [
        Mask(place.start() + 2 * number, place.end() + 2 * number + 2, *place.span())
        for number, place in enumerate(re.finditer("secret", text))
    ]
    return Screened(
        text.replace("secret", "[SECRET]"), channel, (decision,) if decision.count else (), tuple(masks)
    )


def refuse_secret(text: str, channel: Channel) -> Screened | Refusal:
    """A screening that refuses the word `secret`."""
    return (
        Refusal("inputs.sensitive.block.SECRET", "blocked_input", "")
        if "secret" in text
        else Screened(text, channel)
    )


def silent(done: int, total: int, document: str) -> None:
    """No progress."""


def build(into: Path, *sources: Source, screen: Screen = pass_all, progress: Progress = silent) -> Built:
    """A snapshot of the sources."""
    return build_snapshot(sources, into, screen=screen, now=NOW, progress=progress)


def search(index: Index, text: str, *sources: str, context: str = "", limit: int = 5) -> Found:
    """What the index finds among the sources."""
    return asyncio.run(index.search(Query(text, context), sources=frozenset(sources), limit=limit))
