"""Proviso: a production contract for generative-AI applications, enforced, tested, watched and provable."""

__version__ = "0.1.0"
