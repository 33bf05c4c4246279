"""`proviso budget`: what is left of the limits in force, in all processes together."""

import datetime as dt
from pathlib import Path

import click

from proviso.app import standings
from proviso.budgets import Kind, Standing
from proviso.cli.terminal import json_option, print_json, stdout, workspace_option
from proviso.settings import load_settings


@click.command("budget", epilog="\b\nExample:\n  proviso budget policy-qa")
@workspace_option
@click.argument("app", required=False, default="")
@json_option
def command(workspace: Path, app: str, as_json: bool) -> None:
    """Show what is left of an app's limits (default: of every app) in this minute or day (UTC).

    `leased` is what servers hold and may still use or give back; of `*` those are shown that are in use. In JSON
    money is micro-dollars.
    """
    found = standings(workspace, load_settings(), app)
    if as_json:
        print_json([described(one) for of_app in found.values() for one in of_app])
    else:
        for name, of_app in found.items():
            _print_table(name, of_app)


def _print_table(app: str, found: list[Standing]) -> None:
    from rich.markup import escape  # noqa: PLC0415  only this verb draws a table
    from rich.table import Table  # noqa: PLC0415  only this verb draws a table

    table = Table("clause", "for", "spent", "leased", "remaining", "of", "resets", box=None, title=app)
    for one in found:
        amounts = (one.spent, one.leased, one.remaining, one.limit.amount)
        shown = (_amount(one.limit.kind, amount) for amount in amounts)
        table.add_row(escape(one.limit.clause), escape(str(one.limit.scope)), *shown, _iso(one.resets))
    stdout().print(table)


def described(one: Standing) -> dict[str, object]:
    """Return a limit's standing as plain values."""
    limit, scope = one.limit, one.limit.scope
    return {
        "clause": limit.clause,
        "app": scope.app,
        "group": scope.group,
        "key": scope.key,
        "model": scope.model,
        "purpose": scope.purpose.value,
        "kind": limit.kind.value,
        "window": limit.window.value,
        "amount": limit.amount,
        "spent": one.spent,
        "leased": one.leased,
        "remaining": one.remaining,
        "resets": _iso(one.resets),
    }


def _amount(kind: Kind, amount: int) -> str:
    return f"${amount / 1_000_000:,.6f}" if kind is Kind.MICRO_USD else f"{amount:,}"


def _iso(micros: int) -> str:
    return dt.datetime.fromtimestamp(micros / 1_000_000, dt.UTC).isoformat(timespec="seconds")
