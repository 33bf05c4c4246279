"""A workspace's own policies: checked when they are loaded, each mistake with its file and line."""

import re
from importlib import resources
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.access import ROLES, Authority, Permission
from proviso.access.cedar import parse_policy
from proviso.access.statements import statements
from proviso.errors import InvalidWorkspace
from proviso.types import Environment, Problem, Purpose
from tests.access.deciding import APP, person

SCHEMA = (resources.files("proviso.access") / "policies" / "schema.cedarschema").read_text()
FINE = '@id("fine")\npermit (principal, action == Action::"ask", resource);\n'


def load(added: str) -> Authority:
    return Authority.load(added, environment=Environment.DEV)


def problems(added: str) -> tuple[Problem, ...]:
    with pytest.raises(InvalidWorkspace) as caught:
        load(added)
    return caught.value.problems


# Each with the line of what it speaks of, after the one with the name.
WHO = "permit (principal, action, resource)"
MISTAKES = {
    "a word that is none": (f"{WHO}\nwhn {{ true }};", 2, "whn"),
    "no end": (WHO, 0, "end of input"),
    "a text without an end": (f'{WHO}\nwhen {{ "x }};', 0, "invalid token"),
    "an unknown attribute": (
        "permit (principal, action, resource is App)\n\nwhen { resource.teir == \"x\" };", 3, "`teir`",
    ),
    "an unknown role": ('permit (\n  principal in Role::"king", action, resource);', 2, '"king"'),
    "an unknown action": ('permit (principal,\n  action == Action::"fly", resource);', 2, '"fly"'),
    "an unknown environment": (
        f'{WHO}\nwhen {{\n context.environment == Environment::"prod" }};', 3, '"prod"',
    ),
    "types that never match": (
        f'{WHO}\nwhen {{ context.environment == "dev" }};', 0, "String and Environment",
    ),
    "an attribute that only some have": (f'{WHO}\nwhen {{ resource.tier == "x" }};', 2, "`tier`"),
    "a template": ("permit (principal == ?principal, action, resource);", 1, "templates"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_file_line_and_fix(text: str, line: int, said: str) -> None:
    found = problems(f'// ours\n{FINE}\n@id("mine")\n{text}')
    told = next(problem for problem in found if said in problem.what)
    assert (told.at.file, told.at.line) == ("policies.cedar", 5 + line)
    assert told.fix


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "has no name"),
        ('@id("")', "has no name"),
        ("@id", "has no name"),
        ('@id("A b")', "is no name"),
        ('@id("users-ask")', "already, at roles.cedar:"),
        ('@id("fine")', "already, at policies.cedar:1"),
    ],
)
def test_each_policy_needs_a_name_of_its_own(name: str, said: str) -> None:
    (found,) = problems(f"{FINE}{name} permit (principal, action, resource);")
    assert said in found.what
    assert found.at.line == 3


def test_every_mistake_of_a_file_is_told_at_once() -> None:
    found = problems(
        f'nonsense;\n{FINE}@id("x") permit (principal, action == Action::"fly", resource);\nmore'
    )
    assert {problem.at.line for problem in found} == {1, 4, 5}


@pytest.mark.parametrize("bracket", ["()", "[]", "{}"])
def test_nesting_that_would_end_the_process_is_refused(bracket: str) -> None:
    deep = bracket[0] * 5000 + "true" + bracket[1] * 5000
    (found,) = problems(f'@id("x") forbid (principal, action, resource) when {{ {deep[:3900]} }};')
    assert "nested" in found.what


def test_policies_and_files_that_are_too_long_are_refused() -> None:
    chain = " && ".join(["true"] * 1000)
    (long,) = problems(f'@id("x") forbid (principal, action, resource) when {{ {chain} }};')
    assert "4,000 characters" in long.what
    (large,) = problems("//" + "x" * 200_000)
    assert "200,000 bytes" in large.what


def test_a_forbid_outweighs_and_a_permit_adds() -> None:
    added = (
        '@id("no") forbid (principal == User::"dana", action == Action::"ask", resource in App::"policy-qa");'
    )
    verdict = load(added).decide(person(), "ask", APP)
    assert (verdict.allowed, verdict.policies) == (False, ("no",))
    more = load('@id("jo-operates") permit (principal == User::"jo", action == Action::"operate", resource);')
    assert more.decide(person(user="jo"), "operate", APP).policies == ("jo-operates",)


def test_another_text_has_another_digest() -> None:
    assert load("").digest == load("").digest
    assert load("").digest != load("// nothing").digest


@pytest.mark.parametrize(
    "text",
    [
        '@says("; // } \\" (") ' + FINE,
        '// a; b ( " \n' + FINE + '// "',
        FINE.replace(";", "// ; \n ;"),
        "// one\r" + FINE,
        '@says("two\nlines;")' + FINE,
    ],
)
def test_texts_and_comments_do_not_end_a_policy(text: str) -> None:
    (found,) = statements(text)
    assert parse_policy(found.text).annotations["id"] == "fine"


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet='"\\/;(){}[]@ab \n\r\t', max_size=80))
def test_no_text_makes_a_policy_that_was_not_checked(noise: str) -> None:
    texts = [found.text for found in statements(noise + FINE)]
    assert all(text in noise + FINE for text in texts)
    assert re.sub(r"\s", "", "".join(texts)).count("permit(") <= 1


def listed(name: str) -> set[str]:
    (found,) = re.findall(rf"entity {name} enum \[([^\]]+)\]", SCHEMA)
    return set(re.findall(r'"(\w+)"', found))


@pytest.mark.parametrize(
    ("name", "words"), [("Role", ROLES), ("Environment", set(Environment)), ("Purpose", set(Purpose))]
)
def test_the_schema_knows_the_words_of_the_product(name: str, words: Any) -> None:
    assert listed(name) == words


def test_the_schema_has_an_action_for_each_permission() -> None:
    actions = " ".join(re.findall(r"^action ([^\n]+)$", SCHEMA, re.M))
    assert set(re.findall(r'"(\w+)"', actions)) == set(Permission)
