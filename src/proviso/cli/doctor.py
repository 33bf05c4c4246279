"""`proviso doctor`: what keeps apps from being served, and from calling their models, step by step."""

import asyncio
import sys
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.markup import escape

from proviso.app import doctoring
from proviso.app.diagnosis import Check, Result
from proviso.app.machine import this_machine
from proviso.cli.terminal import json_option, print_json, stdout, workspace_option
from proviso.settings import Settings, load_settings
from proviso.types import Environment

EPILOG = """\b
Example:
  proviso doctor --environment production --no-calls
Exit codes
  0  nothing failed; warnings do not fail    1  something failed"""
_COLOURS: Final = {Result.OK: "green", Result.WARN: "yellow", Result.FAILED: "red", Result.SKIPPED: "dim"}


@click.command("doctor", epilog=EPILOG)
@workspace_option
@click.argument("apps", nargs=-1)
@click.option(
    "--environment",
    type=click.Choice([one.value for one in Environment]),
    help="Whose models are looked at (default: `PROVISO_ENV`, else dev).",
)
@click.option("--no-calls", is_flag=True, help="Call no model. A call is a few tokens in each place.")
@json_option
def command(
    workspace: Path, apps: tuple[str, ...], environment: str | None, no_calls: bool, as_json: bool
) -> None:
    """Look at the workspace, the store, the disk, and all that calling the models of APPS (default: all) needs.

    For Bedrock: credentials, region, clock, identity, model access, lifecycle, profiles, guardrails, quotas, logging,
    and one real call of a few tokens for each model and region. Each step says what was seen and how to mend it.
    """
    settings = load_settings().override(host=None, port=None, environment=environment)
    found = asyncio.run(_look(workspace, settings, apps, calls=not no_calls, show=not as_json))
    if as_json:
        print_json(found)
    sys.exit(any(check.result is Result.FAILED for check in found))


async def _look(
    workspace: Path, settings: Settings, apps: tuple[str, ...], *, calls: bool, show: bool
) -> list[Check]:
    console, found = stdout(), []
    where = ""
    async for check in doctoring.diagnose(workspace, settings, apps, this_machine(), calls=calls):
        found.append(check)
        if show:
            if check.where != where:
                console.print(f"\n[bold]{escape(check.where)}[/bold]", soft_wrap=True)
                where = check.where
            draw(console, check)
    return found


def draw(console: Console, check: Check) -> None:
    """Print one check, and below it how to mend what is wrong."""
    colour = _COLOURS[check.result]
    console.print(
        f"[{colour}]{check.result:7}[/{colour}]  {check.step:11}  {escape(check.what)}", soft_wrap=True
    )
    if check.fix:
        console.print(f"{'':22}[green]fix:[/green] {escape(check.fix)}", soft_wrap=True)
