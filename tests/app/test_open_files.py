"""What a site holds open: only what it serves, however often that changes, and nothing once it is closed."""

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from tools.golden import open_site

from proviso.app import Site
from proviso.types import Answer, Purpose, Request
from tests.app.acts import DANA, apply, attached, look
from tests.cli.steps import APP, CONTRACT, OSLO, change

SWAPS = 50


@pytest.fixture(autouse=True)
def without_the_collector() -> Iterator[None]:
    """Files must not wait for a collection of garbage, which may come late or never."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def held(folder: Path) -> tuple[int, int]:
    """Return how many maps of a folder's snapshots and how many open files this process has."""
    maps = Path("/proc/self/maps").read_text().count(f"{folder}/.proviso/snapshots/")
    return maps, len(list(Path("/proc/self/fd").iterdir()))


def swap(folder: Path, site: Site, turn: int) -> None:
    change(folder, CONTRACT, f"max_chars: {8000 - turn}", f"max_chars: {7999 - turn}")
    apply(folder)
    look(site)


@pytest.mark.slow
def test_releases_that_are_no_longer_served_hold_nothing_open(workspace: Path) -> None:
    apply(workspace)
    with attached(workspace) as site:
        swap(workspace, site, 0)
        maps, files = held(workspace)
        assert maps > 0
        for turn in range(1, SWAPS):
            swap(workspace, site, turn)
            now_maps, now_files = held(workspace)
            assert now_maps == maps
            assert now_files <= files  # others of this process may close theirs meanwhile


def test_a_request_under_way_keeps_its_release_until_it_has_ended(workspace: Path) -> None:
    apply(workspace)
    with attached(workspace) as site:
        maps, _ = held(workspace)
        pending = asyncio.run(site.begin(Request(APP, OSLO, purpose=Purpose.TEST), DANA))
        swap(workspace, site, 0)
        assert held(workspace)[0] == 2 * maps
        assert isinstance(asyncio.run(pending.serve()).outcome, Answer)
        del pending
        assert held(workspace)[0] == maps


@pytest.mark.parametrize("without_a_loop", [True, False])
def test_a_site_that_has_ended_holds_nothing_open(workspace: Path, without_a_loop: bool) -> None:
    _, files = held(workspace)
    site = open_site(workspace)
    assert held(workspace)[0] > 0
    if without_a_loop:
        site.release()
    else:
        asyncio.run(site.close())
    maps, left = held(workspace)
    assert maps == 0
    assert left <= files  # others of this process may close theirs meanwhile
