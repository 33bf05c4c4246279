"""`proviso ask`: one question to one app, without a server; recorded like any other, with purpose `preview`."""

from pathlib import Path

import click

from proviso.app import ask
from proviso.cli.answers import as_dict, print_served
from proviso.cli.terminal import json_option, print_json, stdout, workspace_option
from proviso.settings import load_settings


@click.command("ask", epilog='\b\nExample:\n  proviso ask policy-qa "What is the per diem for Oslo?"')
@workspace_option
@click.argument("app")
@click.argument("question")
@click.option(
    "--as", "user", default=None, help="A person of proviso.yaml (default: the app's product owner)."
)
@json_option
def command(workspace: Path, app: str, question: str, user: str | None, as_json: bool) -> None:
    """Ask APP a QUESTION under its contract and print the answer with its citations, or the refused clause."""
    served = ask(workspace, load_settings(), app, question, user)
    if as_json:
        print_json(as_dict(served))
        return
    print_served(stdout(), served)
