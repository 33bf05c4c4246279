"""Suites, assertions and statistics about a release. Empty until suites are built."""
