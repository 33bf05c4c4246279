"""`proviso schema`: JSON Schemas of the files that a team writes, for editors."""

import click

from proviso.cli.terminal import print_json
from proviso.contract import FILES, Kind, json_schema


@click.command("schema", epilog="\b\nExample:\n  proviso schema contract > contract.schema.json")
@click.argument("kind", type=click.Choice(list(FILES)))
def command(kind: Kind) -> None:
    """Print the JSON Schema of a file: contract, workflow, sources, policy, models, prices or workspace."""
    print_json(json_schema(kind))
