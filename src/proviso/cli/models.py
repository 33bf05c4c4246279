"""`proviso models`: which model each role gets and why, what time does to the register, what models cost."""

import datetime as dt
import sys
from pathlib import Path

import click
import msgspec
from rich.markup import escape

from proviso.app.choosing import (
    Chosen,
    PriceImport,
    Review,
    choose_models,
    import_price_file,
    review_models,
    verdict,
)
from proviso.cli.terminal import json_option, print_json, stdout, workspace_option
from proviso.contract import BookPrice, Candidate, Choice

_COLOURS = {"fails": "red", "warns": "yellow", "notes": "dim"}


@click.group("models", epilog="\b\nExample:\n  proviso models choose policy-qa")
def command() -> None:
    """Show which model each role gets and why, check the register, import prices."""


CHOOSE = """\b
Example:
  proviso models choose policy-qa
Exit codes
  0  each role has a model that suits it    1  one has not    2  invalid"""


@command.command("choose", epilog=CHOOSE)
@workspace_option
@click.argument("app")
@json_option
def choose(workspace: Path, app: str, as_json: bool) -> None:
    """Show which models each role of APP gets: every model of the register, taken or ruled out, and why.

    What a request of full length costs: all of the context that the role needs, and its longest reply.
    """
    chosen = choose_models(workspace, app)
    if as_json:
        print_json({role: choice_as_dict(choice) for role, choice in chosen.roles.items()})
    else:
        _draw_choice(chosen)
    sys.exit(0 if chosen.complete else 1)


def choice_as_dict(choice: Choice) -> dict[str, object]:
    """Return a choice as plain values."""
    candidates = [
        {**msgspec.to_builtins(one), "verdict": verdict(one)} for one in sorted(choice.candidates, key=_order)
    ]
    return {"by": choice.by, "names": choice.names, "candidates": candidates}


def _draw_choice(chosen: Chosen) -> None:
    from rich.table import Table  # noqa: PLC0415  only a table needs it

    table = Table("role", "model", "verdict", "a full request", "why", box=None, pad_edge=False)
    for role, choice in chosen.roles.items():
        for one in sorted(choice.candidates, key=_order):
            table.add_row(role, one.name, _coloured(one), _usd(one.micro_usd), escape(_why(one, choice)))
    stdout().print(table)
    _point_to_problems(len(chosen.problems))


def _why(one: Candidate, choice: Choice) -> str:
    """Return why a model is taken, with what that gains and costs in the register's words, or why it is not."""
    if one.grounds:
        return "; ".join(f"{ground.rule}: {ground.what}" for ground in one.grounds)
    if one.place is None:
        return "others go before it"
    taken = "named in the workflow" if choice.by == "named" else f"by the rule `{choice.by}`"
    return f"{taken}; trade-off: {one.trade_off}"


def _order(one: Candidate) -> tuple[int, int, str]:
    return one.place or sys.maxsize, len(one.grounds), one.name


def _coloured(one: Candidate) -> str:
    colour = "red" if one.grounds and one.place else "green" if one.place else "dim"
    return f"[{colour}]{verdict(one)}[/{colour}]"


CHECK = """\b
Example:
  proviso models check --on 2027-01-31
Exit codes
  0  no chosen model is at its end, and each role has one    1  not so    2  invalid"""


@command.command("check", epilog=CHECK)
@workspace_option
@click.option(
    "--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="A day to look from (default: today, UTC)."
)
@json_option
def check(workspace: Path, day: dt.datetime | None, as_json: bool) -> None:
    """Warn of models that end within 90 days, fail those in use past it; name old prices and what is not pinned."""
    review = review_models(workspace, day.date() if day else None)
    if as_json:
        print_json(review)
    else:
        _draw_review(review)
    sys.exit(1 if review.fails else 2 if review.problems else 0)


def _draw_review(review: Review) -> None:
    console = stdout()
    for one in review.findings:
        users = f"  used by {', '.join(one.used_by)}" if one.used_by else ""
        level = f"[{_COLOURS[one.severity]}]{one.severity}[/{_COLOURS[one.severity]}]"
        line = f"{level}  [cyan]{escape(one.subject)}[/cyan]  {escape(one.what + users)}"
        console.print(line, soft_wrap=True)
        console.print(f"       [green]fix:[/green] {escape(one.fix)}", soft_wrap=True)
    counts = {level: sum(one.severity == level for one in review.findings) for level in _COLOURS}
    console.print(f"on {review.on}: " + ", ".join(f"{count} {level}" for level, count in counts.items()))
    _point_to_problems(review.problems)


def _point_to_problems(count: int) -> None:
    if count:
        stdout().print(f"{count} problem{'s' if count > 1 else ''} in the files: see `proviso check`")


@command.group("prices", epilog="\b\nExample:\n  proviso models prices import prices.json")
def prices() -> None:
    """Keep the price book."""


IMPORT = "\b\nExample:\n  proviso models prices import model_prices_and_context_window.json --write"


@prices.command("import", epilog=IMPORT)
@workspace_option
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--write", is_flag=True, help="Write prices.yaml, with a raised version.")
@json_option
def import_(workspace: Path, file: Path, write: bool, as_json: bool) -> None:
    """Take the prices of the register's Bedrock models from LiteLLM's price FILE, and show what would change.

    Prices of models that the file does not know stay as they are.
    """
    done = import_price_file(workspace, file, write=write)
    if as_json:
        print_json(import_as_dict(done))
    else:
        _draw_import(done)


def import_as_dict(done: PriceImport) -> dict[str, object]:
    """Return an import as plain values."""
    changed = [
        {"name": one.name, "old": one.old and one.old.model_dump(), "new": one.new.model_dump()}
        for one in done.changes
    ]
    return {
        "changes": changed,
        "missing": done.missing,
        "version": done.version,
        "written": done.written,
    }


def _draw_import(done: PriceImport) -> None:
    from rich.table import Table  # noqa: PLC0415  only a table needs it

    table = Table(
        "model", "was", "is", box=None, pad_edge=False, title="US dollars for a million tokens: in / out"
    )
    for one in done.changes:
        table.add_row(escape(one.name), _price(one.old) if one.old else "–", _price(one.new))
    console = stdout()
    if done.changes:
        console.print(table)
    for name in done.missing:
        console.print(f"[yellow]missing[/yellow]  {escape(name)}: the file does not know it", soft_wrap=True)
    if done.written:
        console.print(f"prices.yaml is now version {done.version}")
    else:
        console.print("nothing was written: add `--write`" if done.changes else "the prices are as they were")


def _price(price: BookPrice) -> str:
    amounts = [price.input, price.output, price.cache_read, price.cache_write]
    shown = [f"{amount / 1_000_000:g}" for amount in amounts if amount is not None]
    return " / ".join(shown[:2]) + (f" (cache {', '.join(shown[2:])})" if shown[2:] else "")


def _usd(micro_usd: int | None) -> str:
    return "unknown" if micro_usd is None else f"${micro_usd / 1_000_000:,.6f}"
