"""Whatever a team writes into its files: the app loads, or every problem is told. Nothing else comes out."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.hosting import host
from tests.contract.workspace import APP, Copy

YAML = [
    f"{APP}/contract.yaml",
    f"{APP}/workflow.yaml",
    f"{APP}/sources.yaml",
    "policy.yaml",
    "models.yaml",
    "prices.yaml",
    "proviso.yaml",
]
WORDS = [
    "null",
    "[]",
    "{}",
    "-1",
    "1e400",
    "true",
    "no",
    "x: y",
    "[[",
    "&a",
    "*a",
    "\t",
    "- ",
    "..",
    "é",
    "\x00",
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return host(Copy(tmp_path_factory.mktemp("mutations")), "{choose: first, stand_ins: 2}")


def mutated(text: str, chance: random.Random) -> str:
    """Change one thing of a file: drop, repeat, indent or swap lines, or put other text into one."""
    lines = text.splitlines()
    i, j = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(6):
        case 0:
            del lines[i]
        case 1:
            lines.insert(j, lines[i])
        case 2:
            lines[i] = " " * chance.randrange(9) + lines[i].lstrip()
        case 3:
            lines[i], lines[j] = lines[j], lines[i]
        case 4:
            key, colon, _ = lines[i].partition(": ")
            lines[i] = key + colon + chance.choice(WORDS)
        case _:
            at = chance.randrange(len(lines[i]) + 1)
            lines[i] = lines[i][:at] + chance.choice(WORDS) + lines[i][at + chance.randrange(4) :]
    return "\n".join(lines)


@settings(deadline=None, max_examples=80)
@given(file=st.sampled_from(YAML), seed=st.integers(0, 2**32))
def test_a_mutated_file_gives_an_app_or_its_problems(shared: Copy, file: str, seed: int) -> None:
    chance = random.Random(seed)
    with shared.as_it_was(file):
        path = Path(shared.root / file)
        for _ in range(chance.randrange(1, 4)):
            path.write_text(mutated(path.read_text("utf-8"), chance), "utf-8")
        for problem in shared.problems():
            assert problem.at.file
            assert problem.clause
            assert problem.what
            assert problem.fix
