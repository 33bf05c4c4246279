"""`proviso apply`: put what the folder says in force; servers that run take it up within a second."""

import os
from pathlib import Path

import click

from proviso.app import Change, acting, put_in_force
from proviso.cli.terminal import json_option, print_json, stdout, workspace_option
from proviso.settings import load_settings

_WHAT = {"release": "release", "terms": "terms", "access": "people, roles and policies"}


@click.command("apply", epilog="\b\nExample:\n  proviso apply policy-qa --as li")
@workspace_option
@click.argument("apps", nargs=-1)
@click.option(
    "user",
    "--as",
    default="",
    help="Who does it. In `dev` a name is enough, elsewhere PROVISO_API_KEY says it.",
)
@json_option
def command(workspace: Path, apps: tuple[str, ...], user: str, as_json: bool) -> None:
    """Put apps (default: all), and people, roles and policies, in force as the folder has them.

    Without `--as` only what nobody must answer for: the first time, and apps in `dev`. A change of proviso.yaml,
    policy.yaml or policies.cedar needs somebody who may `change_access` under the version in force.
    """
    settings = load_settings()
    key = os.environ.get("PROVISO_API_KEY", "")
    actor = acting(workspace, settings, user, key) if user or key else None
    changes = put_in_force(workspace, settings, apps, actor)
    if as_json:
        print_json([described(change) for change in changes])
        return
    for change in changes:
        was = change.old[:12] or "nothing"
        of = f"{change.app}: " if change.app else ""
        stdout().print(f"{of}{_WHAT[change.what]} {was} → {change.new[:12]}", soft_wrap=True, highlight=False)
    if not changes:
        stdout().print("nothing to change: the folder is what is in force")


def described(change: Change) -> dict[str, str]:
    """Return a change as plain values."""
    return {"app": change.app, "what": change.what, "old": change.old, "new": change.new}
