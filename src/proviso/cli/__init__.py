"""The `proviso` command, one module per verb."""

from proviso.cli.group import main

__all__ = ["main"]
