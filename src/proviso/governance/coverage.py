"""Contract coverage: for each clause its control, suite, signal, owner and evidence; and what is missing.

Pure: the rooms say what they cover, the workspace says who is there; this adds it up.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from proviso.contract import App, Clause, Kind, clauses, nearest, roles_of

OWN_FILES = ("contract.yaml", "workflow.yaml", "sources.yaml")
LEGS = ("control", "suite", "signal", "owner")


class Row(Struct, frozen=True):
    """One clause. An empty string says that the leg is missing."""

    clause: str
    states: str
    control: str
    suite: str
    signal: str
    owner: str
    evidence: str

    def missing(self) -> list[str]:
        """Return the legs that this clause lacks."""
        return [leg for leg in LEGS if not getattr(self, leg)]


class Stage(Struct, frozen=True):
    """P1 to P3, whether it is reached, and what is missing for it."""

    name: str
    title: str
    reached: bool
    missing: tuple[str, ...]


class Coverage(Struct, frozen=True):
    """The gap report of one app. `percent` is the share of clauses with all four legs, of all clauses."""

    app: str
    tier: str
    rows: tuple[Row, ...]
    gaps: tuple[str, ...]  # what is missing besides the legs of clauses
    orphans: tuple[str, ...]
    stages: tuple[Stage, ...]

    @property
    def percent(self) -> int:
        """Whole clauses in percent, rounded down: 100 means all."""
        return self.share(*LEGS)

    def share(self, *legs: str) -> int:
        """Return the percentage of clauses that have all these legs, rounded down."""
        if not self.rows:
            return 0
        return 100 * sum(all(getattr(row, leg) for leg in legs) for row in self.rows) // len(self.rows)

    @property
    def complete(self) -> bool:
        """No gap and no orphan."""
        return not self.gaps and not self.orphans and all(not row.missing() for row in self.rows)


class Standing(Struct, frozen=True):
    """What exists besides the files: has the app's snapshot been built, and is it of today's documents."""

    snapshot: str
    stale: bool


def measure(
    app: App,
    standing: Standing,
    *,
    controls: Mapping[str, str],
    suites: Mapping[str, str],
    signals: Mapping[str, str],
    files: Iterable[str],
) -> Coverage:
    """Add up what covers each clause. `files` are the app's files by path in its folder."""
    rows = tuple(_row(app, clause, controls, suites, signals) for clause in clauses(app.contract))
    gaps = tuple(_gaps(app, standing))
    return Coverage(
        app=app.name,
        tier=app.contract.tier,
        rows=rows,
        gaps=gaps,
        orphans=(*_unused(app, files), *_idle(app)),
        stages=_stages(rows, gaps, standing),
    )


def _row(
    app: App,
    clause: Clause,
    controls: Mapping[str, str],
    suites: Mapping[str, str],
    signals: Mapping[str, str],
) -> Row:
    person = getattr(app.contract.owners, clause.owner) or ""
    return Row(
        clause=clause.path,
        states=clause.value_text,
        control=controls.get(clause.path, ""),
        suite=suites.get(clause.path, ""),
        signal=signals.get(clause.path, ""),
        owner=person if _present(app, person) else "",
        evidence="",  # none before suites can be run
    )


def _present(app: App, person: str) -> bool:
    known = app.workspace.people.get(person)
    return known is not None and known.active


def _vacancy(app: App, label: str, person: str | None, kind: Kind, path: str) -> Iterable[str]:
    """Say why nobody answers for something: where they should be named, and who was probably meant."""
    if not person:
        yield f"{label}: nobody is named ({app.position(path, kind)})"
        return
    if _present(app, person):
        return
    what = f"`{person}` has left (`active: false` in proviso.yaml)"
    if person not in app.workspace.people:
        near = nearest(person, [name for name, one in app.workspace.people.items() if one.active])
        what = f"`{person}` is no person of proviso.yaml" + (f"; did you mean `{near}`?" if near else "")
    yield f"{label}: {what} ({app.position(path, kind)})"


def _gaps(app: App, standing: Standing) -> Iterable[str]:
    owners = app.contract.owners
    for role in ("product", "technical", "risk", "on_call"):
        path = f"owners.{role}"
        yield from _vacancy(app, path, getattr(owners, role), "contract", path)
    if not owners.cost_centre:
        yield f"owners.cost_centre: none is named ({app.position('owners.cost_centre')})"
    if not owners.escalation:
        yield f"owners.escalation: no path is named ({app.position('owners.escalation')})"
    yield from _source_gaps(app)
    for role, names in roles_of(app).items():
        for name in names:
            path = f"models.{name}.owner"
            yield from _vacancy(app, f"{path} ({role})", app.models.models[name].owner, "models", path)
    if not standing.snapshot:
        yield "index: no snapshot has been built; run `proviso index`"
    elif standing.stale:
        yield "index: the documents or the sensitive fields have changed since it was built; run `proviso index`"


def _source_gaps(app: App) -> Iterable[str]:
    for name in app.contract.inputs.sources:
        source, place = app.sources.sources[name], f"sources.{name}"
        if source.approval is None:
            yield f"{place}.approval: nobody has approved it, so it is not searched"
        else:
            path = f"{place}.approval.by"
            yield from _vacancy(app, f"{place}.approval", source.approval.by, "sources", path)
        yield from _vacancy(app, f"{place}.owner", source.owner, "sources", f"{place}.owner")


def _unused(app: App, files: Iterable[str]) -> Iterable[str]:
    """Files in the app's folder that nothing names."""
    used = {*OWN_FILES, *app.files}
    return sorted(f"apps/{app.name}/{path}: nothing names it" for path in files if path not in used)


def _idle(app: App) -> Iterable[str]:
    """Sources that no clause names. (A model role that none names is invalid already.)"""
    for name in app.sources.sources:
        if name not in app.contract.inputs.sources:
            yield f"sources.{name}: no clause names it"


def _stages(rows: Sequence[Row], gaps: Sequence[str], standing: Standing) -> tuple[Stage, ...]:
    legs = [f"{sum(leg in row.missing() for row in rows)} clauses without a {leg}" for leg in LEGS]
    lacking = [text for text in legs if not text.startswith("0 ")]
    first = () if standing.snapshot else ("an index: run `proviso index`",)
    return (
        Stage("P1", "experiment: does it work?", not first, first),
        Stage(
            "P2",
            "production: does it work within rules, cost and time?",
            False,  # noqa: FBT003  no release can be approved before change control exists
            (
                *lacking,
                *(f"gap: {gap}" for gap in gaps),
                "evidence from what will serve",
                "approvals",
                "a live release",
            ),
        ),
        Stage(
            "P3",
            "operations: can we run it, change it and prove it?",
            False,  # noqa: FBT003  it takes thirty days live
            (
                "stage P2",
                "30 days live with signals within promise",
                "a rollback drill",
                "a verified audit pack",
            ),
        ),
    )
