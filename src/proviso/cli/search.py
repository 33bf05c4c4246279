"""`proviso search`: the passages that a question finds, as one reader may see them."""

from pathlib import Path

import click
import msgspec
from rich.markup import escape

from proviso.app import search
from proviso.cli.terminal import json_option, print_json, stdout, workspace_option
from proviso.settings import load_settings


@click.command("search", epilog='\b\nExample:\n  proviso search policy-qa "per diem Oslo"')
@workspace_option
@click.argument("app")
@click.argument("question")
@click.option(
    "--as", "user", default=None, help="A person of proviso.yaml (default: the app's product owner)."
)
@click.option("--limit", type=click.IntRange(1, 20), default=5, show_default=True)
@json_option
def command(workspace: Path, app: str, question: str, user: str | None, limit: int, as_json: bool) -> None:
    """Show the passages that QUESTION finds in APP's approved sources, with document, version and approval."""
    found, lineage = search(workspace, load_settings(), app, question, user=user, limit=limit)
    if as_json:
        rows = [
            {**msgspec.to_builtins(item, enc_hook=str), "text": passage.text, "number": passage.number}
            for passage, item in zip(found.passages, lineage, strict=True)
        ]
        print_json({"empty": found.empty, "passages": rows})
        return
    console = stdout()
    if found.empty:
        console.print(f"nothing found: {found.empty}")
    for passage, item in zip(found.passages, lineage, strict=True):
        console.print(f"[bold]{passage.number}. {escape(passage.title)}[/bold]")
        console.print(
            f"   [dim]{escape(passage.source)}/{escape(passage.document)} {passage.start}–{passage.end} · version "
            f"{passage.version[:12]} · "
            f"approved by {item.approved_by} on {item.approved_on} · fetched {item.fetched_at}[/dim]",
            soft_wrap=True,
        )
        console.print("   " + escape(" ".join(passage.text.split())[:400]), soft_wrap=False)
