"""The house keeps its own rules: module length, errors and settings in the docs, no host or path of a machine."""

import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from proviso.settings import Settings

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "src").rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_is_short_and_says_first_what_it_is_for(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= 400
    assert lines[0].startswith('"""')


def test_every_setting_has_a_heading() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    names = {"home", *(field.name for field in msgspec.structs.fields(Settings))} - {"environment"} | {"env"}
    assert {f"PROVISO_{name.upper()}" for name in names} == set(re.findall(r"^## (\w+)", page, re.M))


def test_only_guardrails_makes_screened_text() -> None:
    makers = [path for path in MODULES if re.search(r"\bScreened\(", path.read_text())]
    rooms = {path.relative_to(ROOT / "src" / "proviso").parts[0] for path in makers} - {"types.py"}
    assert rooms == {"guardrails"}


def test_only_the_prompts_module_makes_rendered_prompts() -> None:
    makers = {path.name for path in MODULES if re.search(r"\bRendered\(", path.read_text())} - {"types.py"}
    assert makers == {"prompts.py"}


def test_serve_shows_a_request_whole_in_eighty_lines() -> None:
    assert len((ROOT / "src/proviso/orchestrator/serve.py").read_text().splitlines()) <= 80


def test_the_architecture_page_is_short() -> None:
    assert len((ROOT / "docs/architecture.md").read_text().splitlines()) <= 120


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda p: p.name)
def test_a_decision_is_short_and_says_what_would_change_our_mind(page: Path) -> None:
    text = page.read_text()
    assert len(text.splitlines()) <= 40
    assert "**What would change our mind.**" in text


def test_no_tracked_file_names_a_package_host() -> None:
    words = "|".join(
        ("pypi" + r"\.org", "pythonhosted" + r"\.org", "registry" + r"\.npmjs", "index" + "-url")
    )
    found = subprocess.run(
        ["git", "grep", "-lE", words, "--", "requirements", "pyproject.toml", "docs"],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert found.stdout == ""
