"""`proviso check`: contracts, clause by clause: what controls, tests and watches each, who owns it, what is missing."""

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from proviso.app import check_apps
from proviso.cli.terminal import json_option, print_json, stdout, workspace_option
from proviso.governance import LEGS, Coverage
from proviso.settings import load_settings

EPILOG = """\b
Example:
  proviso check policy-qa
Exit codes
  0  valid, no gaps    1  valid, with gaps    2  invalid"""


@click.command("check", epilog=EPILOG)
@workspace_option
@click.argument("apps", nargs=-1)
@click.option(
    "-v", "--verbose", is_flag=True, help="Show what each clause states, and the names of what covers it."
)
@json_option
def command(workspace: Path, apps: tuple[str, ...], verbose: bool, as_json: bool) -> None:
    """Check the contracts of APPS (default: all) and print their gaps, orphans, coverage and stage."""
    reports = check_apps(workspace, load_settings(), apps)
    if as_json:
        print_json([as_dict(report) for report in reports])
    else:
        console = stdout()
        for report in reports:
            draw(console, report, words=verbose)
    sys.exit(0 if all(report.complete for report in reports) else 1)


def as_dict(report: Coverage) -> dict[str, object]:
    """Return the report as plain values, with each clause's missing legs and the coverage in percent."""
    plain: dict[str, object] = msgspec.to_builtins(report)
    plain["clauses"] = [{**msgspec.to_builtins(row), "missing": row.missing()} for row in report.rows]
    del plain["rows"]
    plain["coverage_percent"] = report.percent
    plain["percent_by_leg"] = {leg: report.share(leg) for leg in LEGS}
    plain["complete"] = report.complete
    return plain


def draw(console: Console, report: Coverage, *, words: bool) -> None:
    """Print one report: the table, then what else is missing, then the stage. `words` names what covers a clause."""
    console.print(f"\n[bold]{report.app}[/bold]  tier {report.tier}  {len(report.rows)} clauses\n")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("clause", overflow="fold", ratio=3 if words else None)
    for leg in (*LEGS, "evidence"):
        table.add_column(leg, overflow="fold", ratio=2 if words else None)
    for row in report.rows:
        clause = f"[cyan]{escape(row.clause)}[/cyan]" + (
            f"\n[dim]{escape(row.states)}[/dim]" if words else ""
        )
        legs = (_leg(leg, getattr(row, leg), words=words) for leg in LEGS)
        table.add_row(clause, *legs, row.evidence or "[dim]none[/dim]")
    console.print(table)
    for title, items in (("gap", report.gaps), ("orphan", report.orphans)):
        for item in items:
            console.print(f"[yellow]{title}[/yellow]  {escape(item)}", soft_wrap=True)
    by_leg = ", ".join(f"{leg} {report.share(leg)} %" for leg in LEGS)
    console.print(f"\ncontract coverage [bold]{report.percent} %[/bold] of clauses have all four ({by_leg})")
    for stage in report.stages:
        state = "[green]reached[/green]" if stage.reached else "[yellow]not yet[/yellow]"
        console.print(f"{stage.name} {state}  {stage.title}")
        if not stage.reached:
            for item in stage.missing:
                console.print(f"     missing: {escape(item)}", soft_wrap=True)
            break  # a later stage needs this one first


def _leg(leg: str, covered_by: str, *, words: bool) -> str:
    if not covered_by:
        return "[red]missing[/red]"
    return escape(covered_by) if words or leg == "owner" else "[green]yes[/green]"
