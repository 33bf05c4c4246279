"""`proviso keys`: API keys, shown once, stored as hashes, revoked at once."""

import datetime as dt
import re
from pathlib import Path
from typing import Any

import click

from proviso.access import KeyInfo
from proviso.app import NewKey, create_key, open_keys, revoke_key
from proviso.cli.terminal import json_option, print_json, stdout, workspace_option
from proviso.settings import load_settings

_UNITS = {"h": "hours", "d": "days"}


class Lifetime(click.ParamType[dt.timedelta]):
    """A time such as `90d` or `12h`."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> dt.timedelta:
        """Return the time span; fail with what it takes."""
        found = re.fullmatch(r"([1-9]\d{0,4})([hd])", str(value))
        if found is None:
            self.fail(f"`{value}` is not a time; use for example `90d` or `12h`", param, ctx)
        return dt.timedelta(**{_UNITS[found[2]]: int(found[1])})


@click.group("keys", epilog="\b\nExample:\n  proviso keys create --user dana --expires 90d")
def command() -> None:
    """Create, list and revoke API keys."""


@command.command("create", epilog="\b\nExample:\n  proviso keys create --user dana --role user --expires 90d")
@workspace_option
@click.option("--user", required=True, help="A person of proviso.yaml.")
@click.option("--group", "groups", multiple=True, help="Default: the person's groups in proviso.yaml.")
@click.option(
    "--role", "roles", multiple=True, help="Default: the person's roles in proviso.yaml, and `user`."
)
@click.option("--expires", type=Lifetime(), default="90d", show_default=True)
@click.option("--service", is_flag=True, help="May ask for its users, each named by a signed token.")
@json_option
def create(workspace: Path, user: str, expires: dt.timedelta, as_json: bool, **options: Any) -> None:
    """Create a key. Its secret is shown once and stored only as a hash."""
    wanted = NewKey(user=user, lifetime=expires, **options)
    info, secret = create_key(workspace, load_settings(), wanted)
    made = described(info)
    if as_json:
        print_json({**made, "secret": secret})
        return
    console = stdout()
    kind = "service key" if wanted.service else "key"
    console.print(f"{kind} [bold]{made['key']}[/bold] for {user}, until {made['expires']}", soft_wrap=True)
    console.print(f"\n    {secret}\n", soft_wrap=True, markup=False)
    console.print("It is not shown again: keep it where secrets are kept.")


@command.command("list", epilog="\b\nExample:\n  proviso keys list")
@workspace_option
@json_option
def listing(workspace: Path, as_json: bool) -> None:
    """List the keys; never their secrets."""
    with open_keys(workspace, load_settings()) as keys:
        rows = [described(info) for info in keys.list()]
    if as_json:
        print_json(rows)
        return
    from rich.table import Table  # noqa: PLC0415  only this verb draws a table

    table = Table("key", "user", "groups", "roles", "service", "created", "expires", "state", box=None)
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    stdout().print(table)


@command.command("revoke", epilog="\b\nExample:\n  proviso keys revoke k7f3a2")
@workspace_option
@click.argument("key_id", metavar="KEY")
def revoke(workspace: Path, key_id: str) -> None:
    """Revoke a key: a running server stops accepting it within a second."""
    revoke_key(workspace, load_settings(), key_id)
    stdout().print(f"revoked {key_id}")


def described(info: KeyInfo) -> dict[str, object]:
    """Return a key as plain values, with times in ISO 8601."""
    now = int(dt.datetime.now(dt.UTC).timestamp() * 1_000_000)
    return {
        "key": info.id,
        "user": info.user,
        "groups": list(info.groups),
        "roles": list(info.roles),
        "service": info.service,
        "created": _iso(info.created),
        "expires": _iso(info.expires),
        "state": info.state(now),
    }


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return ", ".join(value) if isinstance(value, list) else str(value)


def _iso(micros: int) -> str:
    return dt.datetime.fromtimestamp(micros / 1_000_000, dt.UTC).isoformat(timespec="seconds")
