"""`python -m proviso.cli`: the command where its entry point is not installed."""

from proviso.cli import main

main()
