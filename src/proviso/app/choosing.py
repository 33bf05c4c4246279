"""The models of a workspace: which role gets which and why, what time does to them, what they cost."""

import os
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

from msgspec import Struct, structs

from proviso.app.wiring import rules
from proviso.contract import (
    Candidate,
    Choice,
    Finding,
    Imported,
    Outlook,
    PriceChange,
    PriceFileUnreadable,
    book_text,
    changes,
    findings,
    import_prices,
    load_outlook,
    with_prices,
)
from proviso.errors import InvalidWorkspace
from proviso.types import Problem

BOOK = "prices.yaml"
_SOURCE = "LiteLLM model_prices_and_context_window.json"


class Chosen(Struct, frozen=True):
    """The choice of each role of an app, and the other problems of its files."""

    roles: dict[str, Choice]
    problems: tuple[Problem, ...]

    @property
    def complete(self) -> bool:
        """Whether each role has a model, and each that is named is known and suits it."""
        return all(choice.names and _suiting(choice) == set(choice.names) for choice in self.roles.values())


class Review(Struct, frozen=True):
    """What is to be known of a register on a day."""

    on: date
    findings: tuple[Finding, ...]
    problems: int  # of the workspace's files, which `proviso check` tells

    @property
    def fails(self) -> bool:
        """Whether a release would name a model that does not answer any more."""
        return any(finding.severity == "fails" for finding in self.findings)


class PriceImport(Struct, frozen=True):
    """What an import changes in the price book, and its version afterwards."""

    changes: tuple[PriceChange, ...]
    missing: tuple[str, ...]
    version: int
    written: bool


def choose_models(root: Path, app: str) -> Chosen:
    """Return which models an app's roles get, with every candidate; raise `InvalidWorkspace` where nobody can know."""
    outlook = load_outlook(root, rules(), [app])
    if app not in outlook.choices:
        raise InvalidWorkspace(outlook.problems)
    return Chosen(outlook.choices[app], outlook.problems)


def review_models(root: Path, on: date | None = None) -> Review:
    """Return what is to be known of a workspace's models on a day (default: today, UTC)."""
    now = load_outlook(root, rules())
    day = on or rules().today
    then = now if on is None else load_outlook(root, structs.replace(rules(), today=day))
    found = (
        *_vacant(then),
        *findings(then.models, then.prices, _users(then), day),
        *_replaced(now, then),
        *_uncallable(then),
    )
    return Review(day, found, len(now.problems))


def import_price_file(root: Path, file: Path, *, write: bool) -> PriceImport:
    """Take the prices of a register's models from LiteLLM's price file; write the price book only if asked to.

    Raises `PriceFileUnreadable`, and `InvalidWorkspace` where register or price book cannot be read.
    """
    outlook = load_outlook(root, rules())
    try:
        imported: Imported = import_prices(file.read_bytes(), outlook.models)
    except OSError as error:
        what = f"`{file}` cannot be read: {error.strerror}"
        raise PriceFileUnreadable(what, fix="name a file that can") from None
    changed = changes(outlook.prices, imported.prices)
    version = outlook.prices.version if outlook.prices is not None else 0
    if not write or not changed:
        return PriceImport(changed, imported.missing, version, written=False)
    today = datetime.now(UTC).date().isoformat()
    book = with_prices(outlook.prices, imported.prices, source=_SOURCE, updated=today)
    path = root / BOOK
    _replace(path, book_text(book, path.read_text("utf-8") if path.exists() else ""))
    return PriceImport(changed, imported.missing, book.version, written=True)


def _users(outlook: Outlook) -> dict[str, tuple[str, ...]]:
    """Return, by model, the apps and roles that have chosen it."""
    users: dict[str, tuple[str, ...]] = {}
    for app, roles in outlook.choices.items():
        for role, choice in roles.items():
            for name in choice.names:
                users[name] = (*users.get(name, ()), f"{app} ({role})")
    return users


def _vacant(outlook: Outlook) -> list[Finding]:
    return [
        Finding(
            "fails", role, (f"{app} ({role})",), "no model suits it", f"see `proviso models choose {app}`"
        )
        for app, roles in outlook.choices.items()
        for role, choice in roles.items()
        if not _suiting(choice, whatever_the_day=True)
    ]


def _suiting(choice: Choice, *, whatever_the_day: bool = False) -> set[str]:
    """Return the models of a role that are in the register and suit it; or would, if they were not at their end."""
    return {
        one.name
        for one in choice.candidates
        if one.place is not None
        and all(whatever_the_day and ground.rule == "end-of-life" for ground in one.grounds)
    }


def _replaced(now: Outlook, then: Outlook) -> list[Finding]:
    """Return the roles that would have other models on the day: each is another release, to be tested and approved."""
    found: list[Finding] = []
    for app, roles in then.choices.items():
        for role, choice in roles.items():
            before = now.choices[app][role].names if app in now.choices else choice.names
            if choice.names and choice.names != before:
                what = f"the choice will be {_listed(choice.names)} instead of {_listed(before)}"
                fix = "have that release tested and approved before the day"
                found.append(Finding("warns", role, (f"{app} ({role})",), what, fix))
    return found


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _uncallable(outlook: Outlook) -> list[Finding]:
    """Return the chosen models that an environment of proviso.yaml does not know how to call."""
    workspace, users = outlook.workspace, _users(outlook)
    found: list[Finding] = []
    for name in sorted(users.keys() & outlook.models.models.keys()):
        provider = outlook.models.models[name].provider
        if provider != "extractive" and workspace and not workspace.environments:
            what, fix = "no environment says where to call it", "add `environments` to proviso.yaml"
            found.append(Finding("warns", name, users[name], what, fix))
        for environment, binding in workspace.environments.items() if workspace else ():
            bound = binding.bedrock is not None if provider == "bedrock" else name in binding.openai
            if provider != "extractive" and not bound:
                what = f"`{environment}` does not say where to call it"
                fix = f"add it to `environments.{environment}.{provider}` of proviso.yaml"
                found.append(Finding("warns", name, users[name], what, fix))
    return found


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=".prices-", delete=False
    ) as new:
        try:
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
            mode = path.stat().st_mode if path.exists() else 0o644
            Path(new.name).chmod(mode & 0o777)
            Path(new.name).replace(path)
        except BaseException:
            Path(new.name).unlink(missing_ok=True)
            raise


def verdict(candidate: Candidate) -> str:
    """Return a candidate's standing in one or two words."""
    if candidate.place is None:
        return "ruled out" if candidate.grounds else "suits"
    if candidate.grounds:
        return "does not suit"
    return "answers" if candidate.place == 1 else f"stands in ({candidate.place - 1})"
