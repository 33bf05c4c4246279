"""`demo --check`, as `make demo CHECK=1` runs it: five questions over HTTP, in an empty folder."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from proviso.cli.demo import QUESTIONS
from tests.waiting import PATIENCE_S


def demo(folder: Path, port: int) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "proviso.cli", "demo", "--check", "--port", str(port)]
    return subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, timeout=5 * PATIENCE_S
    )


@pytest.mark.req("R1.policy-qa", "A8.api")
def test_all_five_questions_behave_even_where_the_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = demo(tmp_path, taken.getsockname()[1])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "did not behave" not in done.stdout
    assert all(f"{number}. {question.title}" in done.stdout for number, question in enumerate(QUESTIONS, 1))
    assert "refused by purpose.refuses.legal-advice" in done.stdout


def test_a_demo_that_was_run_before_runs_again(tmp_path: Path) -> None:
    assert [demo(tmp_path, 0).returncode for _ in range(2)] == [0, 0]
