"""`proviso conformance`: the suite that every model's endpoint must pass, run against the one that is bound."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from msgspec import Struct
from rich.console import Console
from rich.markup import escape

from proviso.app.conforming import Trial, trials
from proviso.cli.terminal import json_option, print_json, stderr, stdout, workspace_option
from proviso.models import conformance
from proviso.settings import Settings, load_settings
from proviso.types import Environment

EPILOG = """\b
Example:
  proviso conformance small --environment pilot --live
Exit codes
  0  every check passed, or does not apply    1  one failed"""
_COLOURS: Final = {
    conformance.Verdict.PASS: "green",
    conformance.Verdict.FAIL: "red",
    conformance.Verdict.SKIPPED: "dim",
}
_MICRO: Final = 1_000_000


@click.command("conformance", epilog=EPILOG)
@workspace_option
@click.argument("model")
@click.option(
    "--environment",
    type=click.Choice([one.value for one in Environment]),
    help="Where it is called (default: `PROVISO_ENV`, else dev).",
)
@click.option("--live", is_flag=True, help="Call a model that somebody may charge for.")
@click.option("--yes", is_flag=True, help="Do not ask before calls that cost.")
@json_option
def command(
    workspace: Path, model: str, environment: str | None, live: bool, yes: bool, as_json: bool
) -> None:
    """Run the conformance suite against MODEL of models.yaml, in each place where an environment calls it.

    It says first what it will call and what that may cost at most. Only a place that may charge for calls, which is
    AWS itself or a server on another machine, wants `--live`; a simulator does not.
    """
    settings = load_settings().override(host=None, port=None, environment=environment)
    rows = asyncio.run(_try(workspace, settings, model, _Wish(live, not yes, as_json)))
    if as_json:
        print_json(rows)
    sys.exit(any(row.verdict is conformance.Verdict.FAIL for row in rows))


class _Wish(Struct, frozen=True):
    """What the options say. `asks`: whether to ask before calls that cost."""

    live: bool
    asks: bool
    as_json: bool


class Row(Struct, frozen=True):
    """What came of one check in one place."""

    model: str
    called: str
    region: str
    provider: str
    check: str
    verdict: conformance.Verdict
    seen: str


async def _try(workspace: Path, settings: Settings, model: str, wish: _Wish) -> list[Row]:
    rows: list[Row] = []
    async with trials(workspace, settings, model) as places:
        _announce(stderr() if wish.as_json else stdout(), places)
        _agree(places, wish)
        for place in places:
            target = place.target
            if not wish.as_json:
                stdout().print(f"\n[bold]{escape(_named(place))}[/bold]", soft_wrap=True)
            async for check, outcome in conformance.run(place.subject):
                row = Row(
                    target.name,
                    target.model,
                    target.region,
                    target.provider,
                    check.name,
                    outcome.verdict,
                    outcome.seen,
                )
                rows.append(row)
                if not wish.as_json:
                    _draw(stdout(), row)
    return rows


def _announce(console: Console, places: Sequence[Trial]) -> None:
    """Say what will be called, and what it may cost."""
    for place in places:
        most = place.bound
        cost = "nobody knows at what price" if place.micro_usd is None else _usd(place.micro_usd)
        told = f"at most {most.calls} calls, {most.input_tokens:,} tokens in and {most.output_tokens:,} out"
        console.print(
            f"{escape(_named(place))}: {told}; {cost if place.live else 'nobody charges for them'}",
            soft_wrap=True,
        )


def _usd(micro: int) -> str:
    return f"at most ${micro / _MICRO:.4f} by models.yaml and prices.yaml"


def _agree(places: Sequence[Trial], wish: _Wish) -> None:
    """Go on only with what may cost nothing, or is wanted."""
    costly = [place for place in places if place.live]
    if not costly:
        return
    if not wish.live:
        where = ", ".join(sorted({place.target.origin for place in costly}))
        raise click.UsageError(f"{where} may charge for calls: say that you want them with --live")
    if wish.asks:
        if wish.as_json:
            raise click.UsageError("--json asks nothing: say --yes as well")
        click.confirm("Call them?", abort=True)


def _named(place: Trial) -> str:
    target = place.target
    return f"{target.name} ({target.model}) in {target.region}, {target.provider} at {target.origin}"


def _draw(console: Console, row: Row) -> None:
    colour = _COLOURS[row.verdict]
    console.print(f"[{colour}]{row.verdict:7}[/{colour}]  {row.check:17}  {escape(row.seen)}", soft_wrap=True)
