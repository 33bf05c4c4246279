"""`proviso index`: extract, screen, chunk and index the approved sources of the apps."""

from pathlib import Path

import click
import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from proviso.app import index_apps
from proviso.cli.terminal import json_option, print_json, stderr, stdout, workspace_option
from proviso.settings import load_settings


@click.command("index", epilog="\b\nExample:\n  proviso index policy-qa")
@workspace_option
@click.argument("apps", nargs=-1)
@json_option
def command(workspace: Path, apps: tuple[str, ...], as_json: bool) -> None:
    """Build the snapshot of each app's approved sources (default: of every app). What cannot be read is listed."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=stderr(), transient=True) as progress:
        task = progress.add_task("indexing", total=None)
        built = index_apps(
            workspace,
            load_settings(),
            apps,
            lambda done, total, name: progress.update(
                task, completed=done, total=total, description=name[-40:]
            ),
        )
    if as_json:
        print_json({name: msgspec.to_builtins(item, enc_hook=str) for name, item in built.items()})
        return
    console = stdout()
    for name, item in built.items():
        console.print(
            f"[bold]{name}[/bold]: {item.documents} documents, {item.passages} passages, snapshot {item.digest[:12]}"
        )
        for document, reason in item.unreadable:
            console.print(f"  [yellow]not indexed[/yellow] {document}: {reason}", soft_wrap=True)
        for document, newer in item.superseded:
            console.print(f"  [dim]superseded[/dim] {document} by {newer}", soft_wrap=True)
