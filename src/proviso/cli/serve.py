"""`proviso serve`: the apps of a workspace over HTTP, in this process or in several that it supervises."""

import sys
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from proviso.cli.terminal import stderr, workspace_option
from proviso.gateway import Board, Inherited, Line, Share, Supervisor, log_to_stderr
from proviso.settings import MOST_WORKERS, Settings, load_settings
from proviso.types import Environment, Purpose


@click.command("serve", epilog="\b\nExample:\n  proviso serve --port 8321 --workers 2")
@workspace_option
@click.option("--host", default=None, help="Default: PROVISO_HOST, or 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Default: PROVISO_PORT, or 8321.")
@click.option(
    "environment",
    "--env",
    type=click.Choice([e.value for e in Environment]),
    default=None,
    help="Default: PROVISO_ENV, or dev.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, MOST_WORKERS),
    default=None,
    help="Processes that serve. Default: PROVISO_WORKERS, or 1.",
)
@click.option("--log", is_flag=True, help="Log a line of JSON per request to stderr, without content.")
@click.option("--inherited", type=(int,) * 5, default=None, hidden=True, help="What a worker gets.")
def command(
    workspace: Path, log: bool, inherited: tuple[int, int, int, int, int] | None, **options: Any
) -> None:
    """Serve every app of the workspace over the OpenAI-compatible and the native API."""
    settings = load_settings().override(**options)
    log_to_stderr(on=log)
    if inherited is not None:
        work(workspace, settings, Inherited(*inherited))
    elif settings.workers > 1:
        sys.exit(supervise(workspace, settings, log=log))
    else:
        serve(workspace, settings)


def serve(workspace: Path, settings: Settings) -> None:
    """Serve in this process."""
    from proviso.app import Site, put_in_force  # noqa: PLC0415  a supervisor does without it: 30 MB

    put_in_force(workspace, settings)
    site = Site.attach(workspace, settings, Purpose.LIVE)
    apps = ", ".join(site.apps)
    site.server(lambda url: announce(apps, url, settings)).run()


def work(workspace: Path, settings: Settings, inherited: Inherited) -> None:
    """Serve as one of several, with what the supervisor has handed over."""
    from proviso.app import Site, put_in_force  # noqa: PLC0415  see above

    if inherited.leads:  # one that is started later serves what is in force, whatever the folder says by then
        put_in_force(workspace, settings)
    line = Line(inherited.line)
    site = Site.attach(workspace, replace(settings, listen_fd=inherited.listener), Purpose.LIVE)
    server = site.server(lambda _: line.follow(server, site.apps))
    server.share = Share(Board(inherited.board), inherited.place)
    server.run()


def supervise(workspace: Path, settings: Settings, *, log: bool) -> int:
    """Start workers and keep them; return the exit code."""
    # Safe path (`-P`): what lies in the current folder is not taken for a module.
    proviso = [sys.executable, "-P", "-m", "proviso.cli"]
    command = [*proviso, "serve", "-w", str(workspace), "--env", settings.environment.value]
    command += ["--log"] if log else []

    def worker(inherited: Inherited) -> list[str]:
        return [*command, "--inherited", *map(str, inherited)]

    return Supervisor(settings, worker, lambda url, apps: announce(apps, url, settings)).run()


def announce(apps: str, url: str, settings: Settings) -> None:
    """Say where the apps are served."""
    several = f", {settings.workers} workers" if settings.workers > 1 else ""
    stderr().print(f"serving {apps} on {url} ({settings.environment}{several}); stop with Ctrl-C")
