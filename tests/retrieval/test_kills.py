"""A build that is killed leaves the live snapshot as it was."""

import subprocess
import sys
from pathlib import Path

import pytest

from proviso.retrieval import open_index
from tests.retrieval.corpus import TRAVEL, build, source

ROOT = Path(__file__).parents[2]
CHILD = """
import os, sys, threading
from pathlib import Path
from tests.retrieval.corpus import build, source

threading.Timer(float(sys.argv[2]), os.kill, (os.getpid(), 9)).start()
folder = Path(sys.argv[1])
texts = {f"{number}.md": f"Text {number}. " + "A rule about hotels. " * 100 for number in range(300)}
other = source(folder / "other", texts)
while True:
    build(folder / "index", other)
    (folder / "other" / "0.md").write_text(os.urandom(8).hex())
"""


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.3, 0.5, 0.7, 0.9, 1.1, 1.3])
def test_a_killed_build_leaves_only_whole_snapshots(tmp_path: Path, seconds: float) -> None:
    live = build(tmp_path / "index", source(tmp_path / "travel", TRAVEL))
    killed = subprocess.run([sys.executable, "-c", CHILD, tmp_path, str(seconds)], cwd=ROOT, check=False)
    assert killed.returncode == -9
    open_index(tmp_path / "index", live.digest).close()
    assert build(tmp_path / "index", source(tmp_path / "travel", TRAVEL)).reused
    for snapshot in (tmp_path / "index").iterdir():
        open_index(tmp_path / "index", snapshot.name).close()
