"""Prompts: a reviewed template with declared variables, compiled once; screened values in, a `Rendered` out.

The only module that knows the template engine. Values reach it as plain strings, lists and dicts, because it would
call public methods of anything richer.
"""

import re
from collections.abc import Callable, Sequence

from minijinja import Environment, TemplateError

from proviso.contract import PromptFile
from proviso.errors import InvalidWorkspace, Unavailable
from proviso.types import Passage, Position, Problem, Rendered, Screened, Turn

VARIABLES = frozenset({"question", "passages"})


# What a template is rendered with before it is served: a mistake in it must show in `check`, not in an answer.
_SAMPLE = {
    "question": "What is it?",
    "passages": [{"number": 1, "title": "A title", "document": "a.md", "text": "A text."}],
}

_QUESTION_MARK, _TEXT_MARK = "\ue000q\ue000", "\ue000t\ue000"  # of the private area: no template has them


class PromptFailed(Unavailable):
    """A template failed with what it was given, though it had not with a sample."""

    code = "prompt_failed"


class Prompt:
    """One version of a prompt, ready to render."""

    def __init__(self, file: PromptFile) -> None:
        self.name = file.name
        self.version = file.version
        self._environment = _environment(file)
        self.size = len(file.system.encode()) + len(file.user.encode())
        # How often both parts together show the question, and each passage.
        sample = [{"number": 1, "title": "", "document": "", "text": _TEXT_MARK}]
        shown = "".join(
            self._environment.render_template(part, question=_QUESTION_MARK, passages=sample)
            for part in ("system", "user")
        )
        self.shows_question, self.shows_passage = shown.count(_QUESTION_MARK), shown.count(_TEXT_MARK)

    def render(
        self, question: Screened, passages: Sequence[Passage], history: Sequence[Turn] = ()
    ) -> Rendered:
        """Fill the template. `history` must have been screened."""
        listed = [
            {"number": p.number, "title": p.title, "document": p.document, "text": p.text} for p in passages
        ]
        render: Callable[..., str] = self._environment.render_template
        try:
            system = render("system", question=question.text, passages=listed)
            user = render("user", question=question.text, passages=listed)
        except TemplateError as error:
            # The engine's message quotes what it was given: it stays out.
            raise PromptFailed(f"`{self.name}` cannot be rendered", fix="correct the template") from error
        return Rendered(
            system=system,
            user=user,
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
    problems += [
        _problem(file, 2, f"`{name}` is declared but nothing supplies it", "use `question` and `passages`")
        for name in sorted(set(file.variables) - VARIABLES)
    ]
    return problems or [*_unused(file), *_failing(file)]


def _unused(file: PromptFile) -> list[Problem]:
    names: set[str] = set()
    for source in (file.system, file.user):
        names |= set(Environment().undeclared_variables_in_str(source))
    what, fix = "is declared but never used", "use it in the template, or do not declare it"
    return [_problem(file, 2, f"`{name}` {what}", fix) for name in sorted(set(file.variables) - names)]


def _failing(file: PromptFile) -> list[Problem]:
    """Render both parts with a sample: unknown filters and misspelt fields show only then."""
    problems = []
    for source, first in ((file.system, file.system_line), (file.user, file.user_line)):
        environment = Environment(undefined_behavior="strict")
        try:
            environment.render_str(source, **_SAMPLE)
        except TemplateError as error:
            what = f"the template fails: {error.detail or error.message}"
            problems.append(_problem(file, first + (error.line or 1) - 1, what, "correct the template"))
    return problems


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
