"""Prompts: a reviewed template with declared variables, compiled once; screened values in, a `Rendered` out.

The only module that knows the template engine. Values reach it as plain strings, lists and dicts, because it would
call public methods of anything richer.
"""

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


def _environment(file: PromptFile) -> Environment:
    """Parse both parts now, so that a broken template is found when the release is built, not when it is asked."""
    environment = Environment(auto_escape_callback=lambda _: False, undefined_behavior="strict")
    for part, source in (("system", file.system), ("user", file.user)):
        try:
            environment.add_template(part, source)
            used = set(environment.undeclared_variables_in_str(source))
        except TemplateError as error:
            raise _invalid(
                file, f"the template does not parse: {error.message}", "correct the template"
            ) from None
        if undeclared := sorted(used - set(file.variables)):
            names = ", ".join(f"`{name}`" for name in undeclared)
            raise _invalid(file, f"{names} is used but not declared", "add it to `variables` at the top")
    if unknown := sorted(set(file.variables) - VARIABLES):
        raise _invalid(
            file, f"`{unknown[0]}` is declared but nothing supplies it", "use `question` and `passages`"
        )
    return environment


def _invalid(file: PromptFile, what: str, fix: str) -> InvalidWorkspace:
    return InvalidWorkspace([Problem(Position(file.name), "prompt", what, fix)])
