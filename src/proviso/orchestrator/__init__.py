"""One request from start to finish, and the release that it runs under: compile(bundle) → CompiledRelease."""

from proviso.orchestrator.compilation import (
    DRAFTER,
    STRICT_LEASE_S,
    Models,
    answer_schemas,
    answering,
    compile_release,
    compile_synonyms,
    refusal_texts,
    under_terms,
)
from proviso.orchestrator.covers import covers
from proviso.orchestrator.prompts import Prompt, prompt_problems
from proviso.orchestrator.release import CompiledRelease, CompiledTerms
from proviso.orchestrator.run import Allowance, Caller, Run
from proviso.orchestrator.serve import serve, stream

__all__ = [
    "DRAFTER",
    "REVISION",
    "STRICT_LEASE_S",
    "Allowance",
    "Caller",
    "CompiledRelease",
    "CompiledTerms",
    "Models",
    "Prompt",
    "Run",
    "answer_schemas",
    "answering",
    "compile_release",
    "compile_synonyms",
    "covers",
    "prompt_problems",
    "refusal_texts",
    "serve",
    "stream",
    "under_terms",
]

# Raised whenever this room would order the steps, render a prompt or cut an answer otherwise than before.
REVISION = 1
