"""The command `bedrock-simulator`."""

import asyncio
import signal
import ssl
from pathlib import Path

import click

from bedrock_simulator.scenario import Scenario
from bedrock_simulator.scenario_file import load_scenario
from bedrock_simulator.simulator import Simulator

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--port", default=0, show_default="a free one", type=click.IntRange(0, 65535), help="Port to listen on."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--scenario", type=_FILE, help="What to be: models, answers, quotas, faults (YAML).")
@click.option(
    "--tls", nargs=2, type=_FILE, metavar="CERT KEY", help="Serve HTTPS with this certificate and key (PEM)."
)
def main(port: int, host: str, scenario: Path | None, tls: tuple[Path, Path] | None) -> None:
    """Run an Amazon Bedrock endpoint on this machine, for tests.

    boto3, aiobotocore and other AWS clients work with it unchanged. Without a scenario the credentials are
    test/test and the model is simulator.echo-v1:0, in any region.
    """
    try:
        told = Scenario() if scenario is None else load_scenario(scenario)
        simulator = Simulator(told, host=host, port=port, tls=None if tls is None else _context(*tls))
        asyncio.run(_serve(simulator))
    except ValueError as error:  # what is wrong with the scenario, by place and fix
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"cannot listen on `{host}:{port}`: {error.strerror or error}") from error


async def _serve(simulator: Simulator) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    async with simulator:
        variables = " ".join(f"{name}={value}" for name, value in simulator.environment.items())
        click.echo(f"{simulator.url}  {variables}")
        await stop.wait()


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        told = f"`{certificate}` and `{key}` are no certificate and its key: give two PEM files that belong together"
        raise click.ClickException(told) from error
    return context
