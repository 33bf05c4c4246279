"""`proviso outbox`: the notifications on their way, the dead letters, another try."""

import datetime as dt
import sys
from pathlib import Path

import click
import msgspec
from rich.markup import escape

from proviso.app.notices import open_queue, try_destination
from proviso.cli.terminal import json_option, print_json, stdout, workspace_option
from proviso.outbox import DELIVERED, Held
from proviso.settings import load_settings


@click.group("outbox", epilog="\b\nExample:\n  proviso outbox list --dead")
def command() -> None:
    """Show the notifications on their way, send dead letters again, test a destination."""


@command.command("list", epilog="\b\nExample:\n  proviso outbox list --dead")
@workspace_option
@click.option("--dead", is_flag=True, help="Only those that were given up.")
@json_option
def listing(workspace: Path, dead: bool, as_json: bool) -> None:
    """List the newest 200 messages: waiting, delivered in the last 7 days, dead. Exit 1 if any is dead."""
    with open_queue(workspace, load_settings()) as queue:
        messages = queue.list("dead" if dead else "")
    if as_json:
        print_json([described(message) for message in messages])
    else:
        _print_table(messages)
    sys.exit(any(message.state == "dead" for message in messages))


def _print_table(messages: list[Held]) -> None:
    from rich.table import Table  # noqa: PLC0415  only this verb draws a table

    table = Table("message", "to", "topic", "at", "state", "attempts", "last failure", box=None)
    for message in messages:
        to = " ".join(part for part in (message.destination, message.address) if part)
        cells = (message.id, to, message.topic, _iso(message.at), message.state)
        table.add_row(*(escape(cell) for cell in cells), str(message.attempts), escape(message.reason))
    stdout().print(table)


@command.command("retry", epilog="\b\nExample:\n  proviso outbox retry --all-dead")
@workspace_option
@click.argument("message", metavar="[ID]", default="")
@click.option("--all-dead", is_flag=True, help="Every dead letter.")
def retry(workspace: Path, message: str, all_dead: bool) -> None:
    """Have a message sent again as soon as possible, with all its attempts before it."""
    if bool(message) == all_dead:
        raise click.UsageError("name one message, or `--all-dead`")
    with open_queue(workspace, load_settings()) as queue:
        if all_dead:
            stdout().print(f"dead letters to be sent again: {queue.retry_dead()}")
            return
        queue.retry(message)
    stdout().print(f"{message} is sent again by the next process that serves")


@command.command("test", epilog="\b\nExample:\n  proviso outbox test ops-hook")
@workspace_option
@click.argument("destination")
@json_option
def trial(workspace: Path, destination: str, as_json: bool) -> None:
    """Send a test to a destination of proviso.yaml now, and say what came of it. Exit 4 if it did not arrive."""
    receipts = try_destination(workspace, destination)
    if as_json:
        print_json([{"address": address, **msgspec.to_builtins(receipt)} for address, receipt in receipts])
    else:
        for address, receipt in receipts:
            to = f"{destination} {address}".strip()
            stdout().print(f"{escape(to)}: {receipt.verdict}  {escape(receipt.reason)}".rstrip())
    sys.exit(0 if all(receipt.verdict == DELIVERED for _, receipt in receipts) else 4)


def described(message: Held) -> dict[str, object]:
    """Return a message as plain values, with times in ISO 8601."""
    plain: dict[str, object] = msgspec.to_builtins(message)
    return {**plain, "at": _iso(message.at), "due": _iso(message.due)}


def _iso(micros: int) -> str:
    return dt.datetime.fromtimestamp(micros / 1_000_000, dt.UTC).isoformat(timespec="seconds")
