"""Text in and out: screening, masking, refused purposes, disallowed content, verification of drafts."""

from proviso.guardrails.answer_format import schema_problem
from proviso.guardrails.clauses import covers
from proviso.guardrails.guardrails import Guardrails, compile_guardrails
from proviso.guardrails.patterns import pattern_problem
from proviso.guardrails.streaming import ScreenStream

__all__ = [
    "REVISION",
    "Guardrails",
    "ScreenStream",
    "compile_guardrails",
    "covers",
    "pattern_problem",
    "schema_problem",
]

# Raised whenever this room's code would let through, mask or refuse something else than before, or cite another place.
REVISION = 3
