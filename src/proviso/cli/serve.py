"""`proviso serve`: the apps of a workspace over HTTP."""

from pathlib import Path

import click

from proviso.app import Site
from proviso.cli.terminal import stderr, workspace_option
from proviso.gateway import log_to_stderr
from proviso.settings import load_settings
from proviso.types import Environment, Purpose


@click.command("serve", epilog="\b\nExample:\n  proviso serve --port 8321")
@workspace_option
@click.option("--host", default=None, help="Default: PROVISO_HOST, or 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Default: PROVISO_PORT, or 8321.")
@click.option(
    "--env",
    type=click.Choice([e.value for e in Environment]),
    default=None,
    help="Default: PROVISO_ENV, or dev.",
)
@click.option("--log", is_flag=True, help="Log a line of JSON per request to stderr, without content.")
def command(workspace: Path, host: str | None, port: int | None, env: str | None, log: bool) -> None:
    """Serve every app of the workspace over the OpenAI-compatible and the native API."""
    settings = load_settings().override(host=host, port=port, environment=env)
    site = Site.open(workspace, settings, Purpose.LIVE)
    apps = ", ".join(site.apps)

    def announce(url: str) -> None:
        stderr().print(f"serving {apps} on {url} ({settings.environment}); stop with Ctrl-C")

    log_to_stderr(on=log)
    site.server(announce).run()
