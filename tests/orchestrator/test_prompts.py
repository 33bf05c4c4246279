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


def every_problem(user: str, variables: str = "question, passages") -> list[tuple[int, str]]:
    with pytest.raises(InvalidWorkspace) as caught:
        prompt(user, variables)
    assert all(found.at.file == "prompts/answer.md" and found.fix for found in caught.value.problems)
    return [(found.at.line, found.what) for found in caught.value.problems]


def problem(user: str, variables: str = "question, passages", line: int = 6) -> str:
    ((at, what),) = every_problem(user, variables)
    assert at == line
    return what


def test_a_prompt_is_filled_with_question_and_numbered_passages() -> None:
    rendered = Prompt(parse_prompt("p.md", PROMPT)).render(Screened("Oslo?", Channel.USER), PASSAGES)
    assert rendered.system == "Answer from the passages alone."
    assert rendered.user.startswith(f"[1] {PASSAGES[0].text}\n[2] ")
    assert rendered.user.endswith("Oslo?")


def test_an_undeclared_variable_is_named() -> None:
    assert problem("{{ question }} {{ passages }} {{ colour }}") == "`colour` is used but not declared"


def test_a_variable_that_nothing_supplies_is_named() -> None:
    assert "`colour`" in problem("{{ question }} {{ colour }}", "question, colour", line=2)


def test_a_template_that_does_not_parse_is_a_problem_of_its_file() -> None:
    assert "does not parse" in problem("\n\n{{ question }}\n{{ question | }}\n", line=9)


def test_every_problem_of_a_prompt_is_told_at_once() -> None:
    user = "{% if one %}ééééééééé{% endif %}\n{{ two }} éé éé\n{{ question|upperr }} {{ question.né }}\n"
    loop = "{% for p in passages %}{{ p.numbr }}{% endfor %}"
    found = every_problem(user + loop, "question, three")
    assert [(line, what.split(":")[0]) for line, what in found] == [
        (2, "`three` is declared but nothing supplies it"),
        (6, "`one` is used but not declared"),
        (7, "`two` is used but not declared"),
        (8, "the template fails"),
        (8, "the template fails"),
        (9, "`passages` is used but not declared"),
        (9, "the template fails"),
    ]


def test_a_part_that_does_not_parse_hides_nothing_of_the_other() -> None:
    head = b"---\nvariables: [question, passages]\n---\n{{ passages|nope }}{{ other }}\n--- user\n{{ question | }}"
    with pytest.raises(InvalidWorkspace) as caught:
        Prompt(parse_prompt("prompts/answer.md", head))
    assert [found.what.split(":")[0] for found in caught.value.problems] == [
        "`other` is used but not declared", "the template fails", "the template does not parse",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "user",
    [
        "{{ colour.name }}{{ colour|upper }}", "{% for c in colour %}{{ c.name.first }}{% endfor %}",
        "{% if colour %}{{ colour.x.y }}{% endif %}", "{{ 1 + colour }}",
        "{% set c = colour %}{% set d = c.x %}{{ d.first }}",
    ],
)  # fmt: skip
def test_what_follows_from_an_undeclared_variable_is_not_told_of_again(user: str) -> None:
    assert problem("{{ question }}{{ passages }}" + user) == "`colour` is used but not declared"


@pytest.mark.parametrize("text", ["}}", "{{", "}} {{"])
def test_a_failure_beside_a_text_with_braces_is_told_once(text: str) -> None:
    assert problem("{{ '" + text + "'|nope }}{{ question }}{{ passages }}").startswith("the template fails")


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
