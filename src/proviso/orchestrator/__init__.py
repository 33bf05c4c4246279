"""One request from start to finish, and the release that it runs under: compile(bundle) → CompiledRelease."""

from proviso.orchestrator.compilation import (
    answer_schemas,
    compile_release,
    compile_synonyms,
    compile_terms,
    refusal_texts,
)
from proviso.orchestrator.covers import covers
from proviso.orchestrator.prompts import Prompt, prompt_problems
from proviso.orchestrator.release import CompiledRelease, CompiledTerms
from proviso.orchestrator.run import Caller, Run
from proviso.orchestrator.serve import serve, stream

__all__ = [
    "REVISION",
    "Caller",
    "CompiledRelease",
    "CompiledTerms",
    "Prompt",
    "Run",
    "answer_schemas",
    "compile_release",
    "compile_synonyms",
    "compile_terms",
    "covers",
    "prompt_problems",
    "refusal_texts",
    "serve",
    "stream",
]

# Raised whenever this room would order the steps, render a prompt or cut an answer otherwise than before.
REVISION = 1
