"""Prompts: a reviewed template with declared variables, compiled once; screened values in, a `Rendered` out.

The only module that knows the template engine. Values reach it as plain strings, lists and dicts, because it would
call public methods of anything richer.
"""

import re
from collections.abc import Callable, Sequence

from minijinja import Environment, TemplateError

from proviso.contract import PromptFile
from proviso.errors import InvalidWorkspace
from proviso.types import Passage, Position, Problem, Rendered, Screened, Turn

VARIABLES = frozenset({"question", "passages"})


class Prompt:
    """One version of a prompt, ready to render."""

    def __init__(self, file: PromptFile) -> None:
        self.name = file.name
        self.version = file.version
        self._environment = _environment(file)

    def render(
        self, question: Screened, passages: Sequence[Passage], history: Sequence[Turn] = ()
    ) -> Rendered:
        """Fill the template. `history` must have been screened."""
        listed = [
            {"number": p.number, "title": p.title, "document": p.document, "text": p.text} for p in passages
        ]
        render: Callable[..., str] = self._environment.render_template
        return Rendered(
            system=render("system", question=question.text, passages=listed),
            user=render("user", question=question.text, passages=listed),
            history=tuple(history),
            question=question,
            passages=tuple(passages),
            prompt=self.name,
            version=self.version,
        )


def prompt_problems(file: PromptFile) -> list[Problem]:
    """Return what is wrong with a prompt's templates, each with its line in the file."""
    problems: list[Problem] = []
    for source, first in ((file.system, file.system_line), (file.user, file.user_line)):
        try:
            names = Environment().undeclared_variables_in_str(source)
            Environment().add_template("", source)
        except TemplateError as error:
            what = f"the template does not parse: {error.detail or error.message}"
            problems.append(_problem(file, first + (error.line or 1) - 1, what, "correct the template"))
            continue
        problems += [
            _problem(
                file,
                _line(source, name, first),
                f"`{name}` is used but not declared",
                "add it to `variables`",
            )
            for name in sorted(set(names) - set(file.variables))
        ]
    return problems + [
        _problem(file, 2, f"`{name}` is declared but nothing supplies it", "use `question` and `passages`")
        for name in sorted(set(file.variables) - VARIABLES)
    ]


def _environment(file: PromptFile) -> Environment:
    """Parse both parts now, so that a broken template is found when the release is built, not when it is asked."""
    if problems := prompt_problems(file):
        raise InvalidWorkspace(problems)
    environment = Environment(auto_escape_callback=lambda _: False, undefined_behavior="strict")
    environment.add_template("system", file.system)
    environment.add_template("user", file.user)
    return environment


def _line(source: str, name: str, first: int) -> int:
    """Return the line of the first place in a template where a name stands as a word."""
    found = re.search(rf"\b{re.escape(name)}\b", source)
    return first + source.count("\n", 0, found.start() if found else 0)


def _problem(file: PromptFile, line: int, what: str, fix: str) -> Problem:
    return Problem(Position(file.name, line, 1), "prompt", what, fix)
