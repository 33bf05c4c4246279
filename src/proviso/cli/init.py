"""`proviso init`: make a workspace from an example."""

import shutil
from pathlib import Path

import click

from proviso.app import example_folder, example_names
from proviso.cli.terminal import json_option, print_json, stdout
from proviso.errors import ProvisoError


class FolderInUse(ProvisoError):
    """A workspace is only made in a new or empty folder."""

    code = "folder_in_use"


@click.command("init", epilog="\b\nExample:\n  proviso init my-ai --example policy-qa")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--example", type=click.Choice(example_names()), default="policy-qa", show_default=True)
@json_option
def command(folder: Path, example: str, as_json: bool) -> None:
    """Make a workspace in DIR from an example: contract, workflow, prompts, refusals, policy and documents."""
    make(folder, example)
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    if as_json:
        print_json({"workspace": str(folder), "files": files})
        return
    console = stdout()
    console.print(f"made [bold]{folder}[/bold] from the example [bold]{example}[/bold]: {len(files)} files")
    console.print(f"next:  cd {folder} && proviso index && proviso check")


def make(folder: Path, example: str) -> None:
    """Copy an example into a new or empty folder; raise `FolderInUse` otherwise."""
    if folder.exists() and any(folder.iterdir()):
        raise FolderInUse(f"`{folder}` is not empty", fix="name a new folder")
    shutil.copytree(example_folder(example), folder, dirs_exist_ok=True)
