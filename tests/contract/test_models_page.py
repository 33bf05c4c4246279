"""`docs/models.md`: what it shows is valid, and it names every rule of a choice."""

import re
from pathlib import Path
from typing import get_args

from proviso.contract import Workflow
from proviso.contract.document import parse_document
from proviso.contract.grounds import Rule
from proviso.contract.read import read
from tests.contract.faults import MODELS, PEOPLE, POLICY, WORKFLOW
from tests.contract.hosting import append
from tests.contract.workspace import BOOK, Copy

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text("utf-8")
SHOWN = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)


def test_the_models_and_environments_that_are_shown_make_a_valid_workspace(copy: Copy) -> None:
    models, environments = SHOWN[1:3]
    append(copy, MODELS, models.removeprefix("models:\n"))
    append(copy, PEOPLE, environments)
    copy.write("prices.yaml", BOOK)
    assert not copy.problems()


def test_what_tries_a_model_without_an_account_makes_a_valid_workspace(copy: Copy) -> None:
    models, environments = SHOWN[4:]
    append(copy, MODELS, models.removeprefix("# models.yaml\nmodels:\n"))
    append(copy, PEOPLE, environments)
    copy.replace(POLICY, "internal data.\n    models: [extractive]", "internal data.\n    models: [small]")
    copy.replace(WORKFLOW, "drafter: extractive", "drafter: small")
    assert not copy.problems()


def test_each_form_of_a_role_that_is_shown_is_one(copy: Copy) -> None:
    forms = re.findall(r"^  (?:# )?(drafter: .*?)(?: +#.*)?$", SHOWN[0], re.M)
    assert len(forms) == 3
    text = (copy.root / WORKFLOW).read_text()
    for form in forms:
        document, _ = parse_document(WORKFLOW, text.replace("drafter: extractive", form).encode())
        assert read(Workflow, document)[1] == ()


def test_every_rule_of_a_choice_is_explained() -> None:
    table = PAGE.split("| rule | a model is ruled out if |", 1)[1].split("\n\n", 1)[0]
    assert set(get_args(Rule)) == set(
        re.findall(r"`([a-z-]+)`", "".join(re.findall(r"^\| (.*?) \|", table, re.M)))
    )


def test_the_yaml_that_is_shown_is_yaml() -> None:
    assert [parse_document("shown", text.encode())[1] for text in SHOWN] == [()] * 6
