"""Text in and out: sensitive fields, refused purposes, disallowed content, verification of drafts."""

from proviso.guardrails.guardrails import Guardrails, compile_guardrails
from proviso.guardrails.patterns import pattern_problem
from proviso.guardrails.streaming import ScreenStream

__all__ = ["REVISION", "Guardrails", "ScreenStream", "compile_guardrails", "pattern_problem"]

# Raised whenever this room's code would let through, mask or refuse something else than before.
REVISION = 1
