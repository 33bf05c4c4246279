"""Calls to other systems under rules. Empty until tools are built."""
