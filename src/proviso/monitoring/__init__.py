"""Signals: what is measured of every run; later alerts and feedback."""
