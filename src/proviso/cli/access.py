"""`proviso access`: who may do what, and which policy says so."""

import sys
from pathlib import Path
from textwrap import indent

import click
import msgspec
from rich.console import Console
from rich.markup import escape

from proviso.access import Permission, Reason
from proviso.app import Explained, Named, explain_access
from proviso.cli.terminal import json_option, print_json, stdout, workspace_option
from proviso.settings import load_settings


class ResourceName(click.ParamType[Named]):
    """A resource such as `app:policy-qa`."""

    name = "resource"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Named:
        """Return its kind and its name; fail with what it takes."""
        kind, _, name = str(value).partition(":")
        if str(value) == "workspace":
            return "workspace", ""
        if not name or kind not in ("app", "run"):
            self.fail(f"`{value}` is no resource; use `app:NAME`, `run:ID` or `workspace`", param, ctx)
        return ("app", name) if kind == "app" else ("run", name.lower())


@click.group("access", epilog="\b\nExample:\n  proviso access explain dana ask app:policy-qa")
def command() -> None:
    """Explain who may do what."""


@command.command("explain", epilog="\b\nExample:\n  proviso access explain dana change_terms app:policy-qa")
@workspace_option
@click.argument("user")
@click.argument(
    "action", type=click.Choice([permission.value for permission in Permission]), metavar="ACTION"
)
@click.argument("resource", type=ResourceName())
@click.option("--folder", is_flag=True, help="As the folder has it, and not as it is in force.")
@json_option
def explain(workspace: Path, user: str, action: str, resource: Named, folder: bool, as_json: bool) -> None:
    """Say whether USER may do ACTION on RESOURCE, and which policies decide it.

    ACTION is a permission of `docs/access.md`, such as `ask`; RESOURCE is `app:NAME`, `run:ID` or `workspace`. What is
    in force decides, or the folder where nothing is yet. Exit code 0: allowed, 1: denied.
    """
    done = explain_access(workspace, load_settings(), user, Permission(action), resource, folder=folder)
    if as_json:
        print_json({**msgspec.to_builtins(done.explanation), "version": done.version})
    else:
        draw(stdout(), done)
    sys.exit(0 if done.explanation.allowed else 1)


def draw(console: Console, done: Explained) -> None:
    """Draw the verdict, who asks, the policies that decide, and of which version they are."""
    found = done.explanation
    verdict = "[green]allowed[/green]" if found.allowed else "[red]denied[/red]"
    asked = escape(f"{found.user} · {found.permission} · {found.resource}")
    console.print(f"{verdict}  {asked}", soft_wrap=True)
    groups, roles = ", ".join(found.groups) or "none", ", ".join(found.roles) or "none"
    console.print(f"  groups: {escape(groups)}; roles: {escape(roles)}", soft_wrap=True)
    console.print(f"  why: {escape(found.fault or found.why)}", soft_wrap=True)
    of = "what is in force" if done.version == "in force" else "the folder, which is not in force by that"
    console.print(f"  by: {of}", soft_wrap=True)
    for reason in found.decided_by:
        _draw(console, "decided by", reason)
    for reason in found.would_permit:
        _draw(console, "permitted to others by", reason)


def _draw(console: Console, how: str, reason: Reason) -> None:
    console.print(f"\n{how} [bold]{escape(reason.id)}[/bold] ({escape(reason.at)})", soft_wrap=True)
    if reason.words:
        console.print(f"  {escape(reason.words)}", soft_wrap=True)
    console.print(indent(reason.text, "    "), style="dim", markup=False, soft_wrap=True)
