"""`access explain`: who may do what, by which policy, in words, and as JSON."""

from pathlib import Path

import pytest

from tests.cli.steps import APP, ask, change, run_json
from tests.conftest import Command


def test_what_is_allowed_is_explained_by_the_policy_that_allows_it(proviso: Command, indexed: Path) -> None:
    done = proviso("access", "explain", "-w", indexed, "dana", "ask", f"app:{APP}")
    assert done.code == 0
    assert done.out.startswith("allowed")
    assert "decided by users-ask (roles.cedar:" in done.out
    assert "groups: employees; roles: owner, reviewer, user" in done.out


def test_what_is_denied_says_who_else_may(proviso: Command, indexed: Path) -> None:
    found = run_json(proviso, "access", "explain", "-w", indexed, "jo", "change_access", "workspace", code=1)
    assert (found["allowed"], found["why"], found["decided_by"]) == (False, "no policy permits it", [])
    (permit,) = found["would_permit"]
    assert permit["id"] == "admins-rule-access"
    assert permit["words"].startswith("admins may change people")
    assert permit["text"].endswith(";")


@pytest.mark.parametrize(
    ("user", "permission", "code"),
    [("dana", "read_own_run", 0), ("jo", "read_own_run", 1), ("sam", "read_run", 0), ("dana", "read_run", 1)],
)
def test_a_run_is_its_callers_and_of_the_roles_that_the_policy_names(
    proviso: Command, workspace: Path, user: str, permission: str, code: int
) -> None:
    run = ask(proviso, workspace)["run"]
    assert proviso("access", "explain", "-w", workspace, user, permission, f"run:{run}").code == code


def test_a_workspaces_own_policy_decides(proviso: Command, workspace: Path) -> None:
    policy = '@id("not-jo")\n@says("jo asks nothing")\nforbid (principal == User::"jo", action, resource);\n'
    (workspace / "policies.cedar").write_text(policy)
    done = proviso("access", "explain", "-w", workspace, "jo", "ask", f"app:{APP}")
    assert done.code == 1
    assert "why: jo asks nothing" in done.out
    assert "decided by not-jo (policies.cedar:1:1)" in done.out


def test_a_mistake_in_a_workspaces_own_policies_names_file_and_line(
    proviso: Command, workspace: Path
) -> None:
    (workspace / "policies.cedar").write_text(
        '@id("x")\npermit (principal in Role::"king", action, resource);\n'
    )
    done = proviso("access", "explain", "-w", workspace, "jo", "ask", f"app:{APP}")
    assert done.code == 2
    assert "policies.cedar:2:1" in done.err
    assert '`Role::"king"`' in done.err


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_policies_that_cannot_be_read_are_an_error_and_not_none(
    proviso: Command, workspace: Path, content: bytes | None
) -> None:
    path = workspace / "policies.cedar"
    path.mkdir() if content is None else path.write_bytes(content)
    done = proviso("access", "explain", "-w", workspace, "dana", "ask", f"app:{APP}")
    assert done.code == 2
    assert "policies.cedar" in done.err


def test_somebody_who_has_left_is_nobody(proviso: Command, workspace: Path) -> None:
    change(workspace, "proviso.yaml", "dana: {", "dana: {active: false, ")
    done = proviso("access", "explain", "-w", workspace, "dana", "ask", f"app:{APP}")
    assert done.code == 2
    assert "`dana` is not an active person" in done.err


@pytest.mark.parametrize(
    ("action", "resource", "said"),
    [
        ("fly", "workspace", "'fly' is not one of 'ask'"),
        ("ask", "policy-qa", "`app:NAME`"),
        ("ask", "app:", "`app:NAME`"),
        ("ask", "app:nope", "no app `nope`"),
        ("read_run", "run:nope", "no run `nope`"),
    ],
)
def test_what_is_not_there_is_a_usage_error(
    proviso: Command, indexed: Path, action: str, resource: str, said: str
) -> None:
    done = proviso("access", "explain", "-w", indexed, "dana", action, resource)
    assert done.code == 2
    assert said in done.err


def test_what_is_in_force_decides_and_the_folder_only_if_it_is_asked_for(
    proviso: Command, workspace: Path
) -> None:
    explain = ("access", "explain", "-w", workspace, "jo", "ask", f"app:{APP}")
    assert "by: the folder, which is not in force by that" in proviso(*explain).out
    assert proviso("apply", "-w", workspace).code == 0
    forbid = '@id("not-jo")\nforbid (principal == User::"jo", action, resource);\n'
    (workspace / "policies.cedar").write_text(forbid)
    assert run_json(proviso, *explain)["version"] == "in force"
    assert run_json(proviso, *explain, "--folder", code=1)["version"] == "folder"
    assert proviso("apply", "-w", workspace, "--as", "li").code == 0
    assert "by: what is in force" in proviso(*explain).out
    assert proviso(*explain).code == 1


def test_a_broken_folder_does_not_keep_from_explaining_what_is_in_force(
    proviso: Command, workspace: Path
) -> None:
    assert proviso("apply", "-w", workspace).code == 0
    change(workspace, "proviso.yaml", "people:", "peeple:")
    assert proviso("access", "explain", "-w", workspace, "dana", "ask", f"app:{APP}").code == 0
