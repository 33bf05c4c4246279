"""`proviso store`: the database taken forward, checked, backed up while it is used, and restored."""

import sys
from pathlib import Path

import click
import msgspec
from rich.markup import escape

from proviso.app import keeping
from proviso.cli.terminal import json_option, print_json, stderr, stdout, workspace_option
from proviso.settings import load_settings
from proviso.store import Finding, Part, Verdict

_COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}


@click.group("store", epilog="\b\nExample:\n  proviso store backup /backups/2026-03-02")
def command() -> None:
    """Take the database forward, check it, back it up while it is used, restore it.

    The database is the workspace's own folder, or what `PROVISO_STORE` names.
    """


@command.command("migrate", epilog="\b\nExample:\n  proviso store migrate --check-only")
@workspace_option
@click.option("--check-only", is_flag=True, help="Change nothing; exit 1 if there is something to do.")
@json_option
def migrate(workspace: Path, check_only: bool, as_json: bool) -> None:
    """Take the tables forward to this version. It happens on every start as well."""
    parts = keeping.store_schema(workspace, load_settings(), take_forward=not check_only)
    if as_json:
        print_json([{**msgspec.to_builtins(part), "behind": part.behind} for part in parts])
    else:
        for part in parts:
            stdout().print(_moved(part, check_only=check_only), soft_wrap=True)
    left = [part for part in parts if part.behind and (check_only or part.held)]
    sys.exit(bool(left))


def _moved(part: Part, *, check_only: bool) -> str:
    if not part.behind:
        return f"{part.name} {part.was}, nothing to do"
    said = f"{part.name} {part.was} → {part.wanted}"
    if check_only:
        return f"{said}, to be done"
    return f"{said}, when the server that uses it has started again" if part.held else said


@command.command("check", epilog="\b\nExample:\n  proviso store check --json")
@workspace_option
@json_option
def check(workspace: Path, as_json: bool) -> None:
    """Read every row, take every digest anew, and say what is not as it should be; nothing is changed.

    Exit 1 if something fails, 4 if the database cannot be read.
    """
    found = []
    for finding in keeping.check_state(workspace, load_settings()):
        found.append(finding)
        if not as_json:
            _print_finding(finding)
    if as_json:
        print_json(found)
    failed = [finding for finding in found if finding.verdict is Verdict.FAIL]
    sys.exit(4 if any(finding.unreadable for finding in failed) else bool(failed))


def _print_finding(finding: Finding) -> None:
    colour, console = _COLOURS[finding.verdict], stdout()
    line = f"[{colour}]{finding.verdict:4}[/{colour}]  {escape(finding.check)}: {escape(finding.said)}"
    console.print(line, soft_wrap=True)
    if finding.fix:
        console.print(f"      [green]fix:[/green] {escape(finding.fix)}", soft_wrap=True)


@command.command("backup", epilog="\b\nExample:\n  proviso store backup /backups/2026-03-02")
@workspace_option
@click.argument("target", metavar="TARGET", type=click.Path(path_type=Path))
@json_option
def backup(workspace: Path, target: Path, as_json: bool) -> None:
    """Write a backup into TARGET, a new folder or `.tar` file, while servers go on. It is there whole, or not at all.

    Keep the SHA-256 that it prints somewhere else: with it `restore` knows that nobody has changed the backup.
    """
    manifest, digest = keeping.back_up(workspace, load_settings(), target, _tell)
    if as_json:
        print_json({"target": str(target.absolute()), "sha256": digest, **msgspec.to_builtins(manifest)})
        return
    events = sum(written.events for written in manifest.writers.values())
    console = stdout()
    console.print(
        f"{target}: {events} events, {len(manifest.files)} files, {manifest.size:,} bytes", soft_wrap=True
    )
    console.print(f"sha256 {digest}", soft_wrap=True)


@command.command("restore", epilog="\b\nExample:\n  proviso store restore /backups/2026-03-02 --revoke-keys")
@workspace_option
@click.argument("source", metavar="BACKUP", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Move aside what is there. Nothing is deleted.")
@click.option("--revoke-keys", is_flag=True, help="Let no API key of the backup be valid.")
@click.option(
    "--digest", default="", metavar="SHA256", help="What `backup` printed; another backup is refused."
)
@json_option
def restore(
    workspace: Path, source: Path, replace: bool, revoke_keys: bool, digest: str, as_json: bool
) -> None:
    """Make BACKUP the state again, after every byte of it has been verified. No server may run.

    A key that was revoked after the backup is valid again: see `proviso keys list`, or use `--revoke-keys`.
    """
    wanted = keeping.wanted(replace=replace, revoke_keys=revoke_keys, digest=digest)
    done = keeping.restore(workspace, load_settings(), source, wanted, _tell)
    if as_json:
        print_json(done)
        return
    events = sum(written.events for written in done.manifest.writers.values())
    console = stdout()
    console.print(f"restored {events} events as of {done.manifest.at}", soft_wrap=True)
    console.print(f"keys: {done.keys} valid, {len(done.revoked)} revoked now")
    if done.aside:
        console.print(f"what was there is in {escape(done.aside)}", soft_wrap=True)


def _tell(said: str) -> None:
    stderr().print(f"  {escape(said)}", soft_wrap=True)
