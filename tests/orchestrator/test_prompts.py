"""Prompts: what they take is declared, what is wrong with one is found when the release is made."""

import pytest

from proviso.contract import parse_prompt
from proviso.errors import InvalidWorkspace
from proviso.orchestrator import Prompt
from proviso.orchestrator.prompts import PromptFailed
from proviso.types import Channel, Screened
from tests.orchestrator.made import PASSAGES, PROMPT


def prompt(user: str, variables: str = "question, passages") -> Prompt:
    head = f"---\nvariables: [{variables}]\n---\nAnswer.\n--- user\n"
    return Prompt(parse_prompt("prompts/answer.md", (head + user).encode()))


def problem(user: str, variables: str = "question, passages", line: int = 6) -> str:
    with pytest.raises(InvalidWorkspace) as caught:
        prompt(user, variables)
    (found,) = caught.value.problems
    assert (found.at.file, found.at.line) == ("prompts/answer.md", line)
    assert found.fix
    return found.what


def test_a_prompt_is_filled_with_question_and_numbered_passages() -> None:
    rendered = Prompt(parse_prompt("p.md", PROMPT)).render(Screened("Oslo?", Channel.USER), PASSAGES)
    assert rendered.system == "Answer from the passages alone."
    assert rendered.user.startswith(f"[1] {PASSAGES[0].text}\n[2] ")
    assert rendered.user.endswith("Oslo?")


def test_an_undeclared_variable_is_named() -> None:
    assert problem("{{ question }} {{ colour }}") == "`colour` is used but not declared"


def test_a_variable_that_nothing_supplies_is_named() -> None:
    assert "`colour`" in problem("{{ question }} {{ colour }}", "question, colour", line=2)


def test_a_template_that_does_not_parse_is_a_problem_of_its_file() -> None:
    assert "does not parse" in problem("\n\n{{ question }}\n{{ question | }}\n", line=9)


def test_every_problem_of_a_prompt_is_told_at_once() -> None:
    with pytest.raises(InvalidWorkspace) as caught:
        prompt("{{ one }}\n{{ two }}", "question, three")
    assert [found.at.line for found in caught.value.problems] == [2, 6, 7]


def test_what_a_question_says_is_text_and_never_a_template() -> None:
    hostile = Screened("{{ 7 * 7 }} {% raw %}", Channel.USER)
    assert prompt("{{ question }}", "question").render(hostile, ()).user == hostile.text


def test_a_misspelt_field_of_a_passage_is_found_before_it_is_served() -> None:
    loop = "{% for passage in passages %}{{ passage.numbr }}{% endfor %}{{ question }}"
    assert problem(loop).startswith("the template fails")


def test_an_unknown_filter_is_found_before_it_is_served() -> None:
    assert problem("{{ question|upperr }}{{ passages }}").startswith("the template fails")


def test_a_variable_that_is_declared_and_never_used_is_named() -> None:
    assert problem("{{ passages }}", line=2) == "`question` is declared but never used"


def test_a_template_that_fails_in_an_answer_does_not_show_what_it_was_given() -> None:
    made = prompt("{% for p in passages %}{{ 1 // (p.number - 2) }}{% endfor %}{{ question }}")
    with pytest.raises(PromptFailed) as caught:
        made.render(Screened("secret", Channel.USER), PASSAGES)
    assert "secret" not in str(caught.value)


def test_the_version_of_a_prompt_is_the_digest_of_its_bytes() -> None:
    one, other = parse_prompt("p.md", PROMPT), parse_prompt("p.md", PROMPT + b"\n")
    assert one.version != other.version
    assert one.version == parse_prompt("q.md", PROMPT).version
