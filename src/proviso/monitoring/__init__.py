"""Signals: what is measured of every run; later alerts and feedback."""

from proviso.monitoring.covers import covers
from proviso.monitoring.rollups import Rollups

__all__ = ["Rollups", "covers"]
