"""The `proviso` command, one module per verb."""
