"""The page on setting an account up says what the code does: permissions, steps, kinds of failure."""

import json
import re
from pathlib import Path
from typing import Final

from proviso.app import account, diagnosis_bedrock
from proviso.app.steps import NEEDS
from proviso.models.failure import CONSEQUENCES, Kind

PAGE: Final = (Path(__file__).parents[2] / "docs" / "bedrock.md").read_text("utf-8")
ACTION: Final = re.compile(r"(?:bedrock|sts|servicequotas):[A-Z]\w+")
KIND: Final = re.compile(r"^\| `(\w+)` \| [^|]+ \| (yes|no) \| (yes|no) \| (yes|no) \| (yes|no) \|$", re.M)


def allowed() -> set[str]:
    """The actions of the page's policy."""
    policy = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.S)[0])
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def test_the_policy_has_every_permission_that_doctor_names() -> None:
    source = "".join(Path(module.__file__ or "").read_text() for module in (account, diagnosis_bedrock))
    named = set(ACTION.findall(source))
    assert len(named) > 6
    assert named - allowed() == set()


def test_every_step_has_a_line() -> None:
    lines = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.M))
    assert {*NEEDS, "workspace", "store", "disk", "extras", "credentials", "binding"} - lines == set()


def test_every_kind_of_failure_has_its_line_and_what_follows_from_it() -> None:
    told = {row[0]: [word == "yes" for word in row[1:]] for row in KIND.findall(PAGE)}
    assert told == {
        kind.value: [one.again, one.elsewhere, one.breaks, one.charged]
        for kind in Kind
        for one in [CONSEQUENCES[kind]]
    }


def test_the_page_says_that_it_was_never_run_on_aws() -> None:
    assert "Nothing here was ever run on AWS" in " ".join(PAGE.split())
