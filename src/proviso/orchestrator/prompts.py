"""Prompts: a reviewed template with declared variables, compiled once; screened values in, a `Rendered` out.

The only module that knows the template engine. Values reach it as plain strings, lists and dicts, because it would
call public methods of anything richer.
"""

import re
from collections.abc import Callable, Sequence, Set

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

_SET = re.compile(r"\{%-?\s*(?:set|with)\s+(?P<name>\w+)\s*=(?P<value>.*?)%\}", re.DOTALL)
_WORD = re.compile(r"\w+")

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
    """Return all that is wrong with a prompt's templates, each with its line in the file, and nothing that follows."""
    problems: list[Problem] = []
    used: set[str] = set()
    parsed = True
    for source, first in ((file.system, file.system_line), (file.user, file.user_line)):
        try:
            names = set(Environment().undeclared_variables_in_str(source))
            Environment().add_template("", source)
        except TemplateError as error:
            problems.append(_problem_of(file, first, "does not parse", error))
            parsed = False
            continue
        used |= names
        undeclared = sorted(names - set(file.variables))
        what, fix = "is used but not declared", "add it to `variables`"
        problems += [
            _problem(file, _line(source, name, first), f"`{name}` {what}", fix) for name in undeclared
        ]
        problems += _failing(file, source, first, names - VARIABLES)
    return problems + _declarations(file, used if parsed else set(file.variables))


def _declarations(file: PromptFile, used: Set[str]) -> list[Problem]:
    problems = []
    for name in sorted(set(file.variables)):
        if name not in VARIABLES:
            what, fix = "is declared but nothing supplies it", "use `question` and `passages`"
        elif name not in used:
            what, fix = "is declared but never used", "use it in the template, or do not declare it"
        else:
            continue
        problems.append(_problem(file, 2, f"`{name}` {what}", fix))
    return problems


def _failing(file: PromptFile, source: str, first: int, unknown: Set[str]) -> list[Problem]:
    """Render a part with a sample: unknown filters and misspelt fields show only then.

    What fails is taken out and the rest is rendered again. What has an `unknown` variable in it is taken out and not
    told: that variable's own problem has been.
    """
    problems: list[Problem] = []
    sample = dict.fromkeys(unknown, ()) | _SAMPLE
    untold = set(unknown)
    for given in _SET.finditer(source):
        if _names(given["value"], untold):
            untold.add(given["name"])
    while True:
        try:
            Environment(undefined_behavior="strict").render_str(source, **sample)
        except TemplateError as error:
            if error.kind == "SyntaxError":
                return problems  # it parsed before something was taken out of it
            start, end = _expression(source, error)
            if not _names(source[start:end], untold):
                problems.append(_problem_of(file, first, "fails", error))
            if end <= start or not source.startswith("{{", start):
                return problems  # a tag: what depends on it cannot be told
            source = source[:start] + re.sub(r"[^\n]", " ", source[start:end]) + source[end:]
        else:
            return problems


def _names(text: str, names: Set[str]) -> bool:
    return not names.isdisjoint(_WORD.findall(text))


def _expression(source: str, error: TemplateError) -> tuple[int, int]:
    """Return where the expression or the tag that failed stands."""
    begin, stop = error.range or (0, 0)
    data = source.encode()
    place, end = len(data[:begin].decode()), len(data[:stop].decode())
    start = max(source.rfind(mark, 0, place) for mark in ("{{", "{%"))
    closing = source.find("}}" if source.startswith("{{", start) else "%}", end)
    return (start, closing + 2) if start >= 0 <= closing else (0, 0)


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


def _problem_of(file: PromptFile, first: int, what: str, error: TemplateError) -> Problem:
    what = f"the template {what}: {error.detail or error.message}"
    return _problem(file, first + (error.line or 1) - 1, what, "correct the template")


def _problem(file: PromptFile, line: int, what: str, fix: str) -> Problem:
    return Problem(Position(file.name, line, 1), "prompt", what, fix)
