"""`doctor` on a machine: the workspace, the store, the disk under it, the extras."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from proviso.app.diagnosis import Check, Result, disk, file_system
from proviso.app.doctoring import diagnose
from proviso.app.machine import Machine, store_check
from proviso.settings import Settings
from proviso.store import open_store
from proviso.types import Environment
from tests.app.hosted import IN_CONTAINER, amiss, bind, draft_with, examine, results, swap
from tests.conftest import Command


def test_the_example_is_all_right_and_calls_nobody(workspace: Path) -> None:
    found = examine(workspace, calls=True)
    assert amiss(found) == {}
    assert found["environment"].what == "`dev` calls no hosted model"


def test_an_invalid_workspace_fails_with_its_first_problems_and_what_needs_it_is_skipped(
    workspace: Path,
) -> None:
    contract = workspace / "apps/policy-qa/contract.yaml"
    contract.write_text(swap(contract.read_text(), "citations: required", "citations: never"))
    found = examine(workspace)
    assert results(found) == {
        "workspace": Result.FAILED,
        "store": Result.OK,
        "disk": Result.SKIPPED,
        "environment": Result.SKIPPED,
    }
    assert "apps/policy-qa/contract.yaml:" in found["workspace"].what


def test_an_app_that_is_not_there_fails(workspace: Path) -> None:
    found = examine(workspace, "policy")
    assert (found["workspace"].result, "policy-qa" in found["workspace"].fix) == (Result.FAILED, True)


# --- the store -----------------------------------------------------------------------------------------


def test_a_store_that_is_not_there_yet_is_no_fault_and_is_not_made(proviso: Command, tmp_path: Path) -> None:
    proviso("init", tmp_path / "mine", "--example", "policy-qa")
    assert "nothing is there yet" in examine(tmp_path / "mine")["store"].what
    assert not (tmp_path / "mine" / ".proviso").exists()


def test_a_store_of_a_newer_version_fails(workspace: Path) -> None:
    with closing(sqlite3.connect(workspace / ".proviso/control.db")) as connection:
        connection.execute("PRAGMA user_version = 999")
    assert examine(workspace)["store"].result is Result.FAILED


def test_a_store_that_has_to_be_taken_forward_is_a_warning(workspace: Path) -> None:
    with closing(sqlite3.connect(workspace / ".proviso/control.db")) as connection:
        connection.execute("PRAGMA user_version = 1")
    check = examine(workspace)["store"]
    assert (check.result, check.fix) == (Result.WARN, "run `proviso store migrate`")


def test_a_store_that_is_damaged_fails(workspace: Path) -> None:
    for log in (workspace / ".proviso").glob("control.db-*"):
        log.unlink()
    (workspace / ".proviso/control.db").write_bytes(b"no database, but as long as one" * 400)
    assert examine(workspace)["store"].result is Result.FAILED


def test_a_store_in_a_place_that_takes_no_files_fails(workspace: Path) -> None:
    check = store_check(workspace, Settings(home=Path("/proc/1/nothing")))
    assert (check.result, "cannot be written to" in check.what) == (Result.FAILED, True)


def test_a_store_in_postgresql_is_reached_and_needs_no_disk(workspace: Path, database_url: str) -> None:
    there = Settings(store=database_url, environment=Environment.PRODUCTION)
    assert "nothing is there yet" in store_check(workspace, there).what
    open_store(workspace, database_url).close()
    found = asyncio.run(whole(workspace, there))
    assert (found["store"].result, found["disk"].what) == (Result.OK, "records are in PostgreSQL")


async def whole(folder: Path, settings: Settings) -> dict[str, Check]:
    machine = Machine({}, time.time, IN_CONTAINER)
    return {check.step: check async for check in diagnose(folder, settings, (), machine, calls=False)}


def test_a_database_that_does_not_answer_fails(workspace: Path) -> None:
    check = store_check(workspace, Settings(store="postgresql://nobody:secret@127.0.0.1:9/none"))
    assert (check.result, "secret" in str(check)) == (Result.FAILED, False)


# --- the disk ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "result"),
    [("dev", Result.WARN), ("pilot", Result.FAILED), ("production", Result.FAILED)],
)
def test_a_strict_tier_on_a_disk_that_ends_with_its_container_fails_outside_dev(
    workspace: Path, environment: str, result: Result
) -> None:
    check = examine(workspace, environment=environment, mounts=IN_CONTAINER)["disk"]
    assert (check.result, "the tiers of `policy-qa` promise" in check.what) == (result, True)
    assert "`PROVISO_HOME`" in check.fix


def test_a_lax_tier_there_is_only_a_warning() -> None:
    assert disk("tmpfs", [], Environment.PRODUCTION).result is Result.WARN
    assert disk("", ["policy-qa"], Environment.PRODUCTION).result is Result.SKIPPED


MOUNTS = """\
22 1 0:21 / / rw,relatime shared:1 - overlay overlay rw,lowerdir=/a
30 22 8:1 / /data rw shared:2 - ext4 /dev/sda1 rw
31 30 0:30 / /data/fast\\040one rw - tmpfs tmpfs rw
32 22 0:31 / /database rw - tmpfs tmpfs rw
broken line
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/x", "overlay"),
        ("/data", "ext4"),
        ("/data/state", "ext4"),
        ("/data/fast one/state", "tmpfs"),
        ("/data/fast", "ext4"),
        ("/database/state", "tmpfs"),
    ],
)
def test_the_file_system_of_a_folder_is_that_of_the_nearest_mount(folder: str, kind: str) -> None:
    assert file_system(MOUNTS, folder) == kind
    assert file_system("", folder) == ""


# --- what an environment needs -------------------------------------------------------------------------

ENTRY = """
  own:
    id: small-1
    provider: PROVIDER
    regions: [eu-central-1]
    context: 64000
    languages: [en]
    deterministic: false
    data_classes: [internal]
    price: {input_per_million_usd: 1, output_per_million_usd: 2}
    lifecycle: {status: active}
    trade_off: Words.
"""


@pytest.mark.parametrize(("provider", "place"), [("bedrock", "bedrock"), ("openai", "openai.own")])
def test_a_model_that_an_app_uses_and_nothing_binds_fails(workspace: Path, provider: str, place: str) -> None:
    bind(workspace, "", ENTRY.replace("PROVIDER", provider), "")
    draft_with(workspace, "own")
    check = examine(workspace)["binding"]
    assert (check.result, f"`environments.dev.{place}`" in check.fix) == (Result.FAILED, True)


def test_a_model_that_is_called_in_none_of_its_regions_fails(workspace: Path) -> None:
    elsewhere = ENTRY.replace("own", "two").replace(
        "eu-central-1", "us-east-1"
    )  # so that the region is known
    bound = "\nenvironments: {dev: {bedrock: {regions: [us-east-1]}}}\n"
    bind(workspace, "", (ENTRY + elsewhere).replace("PROVIDER", "bedrock"), bound)
    draft_with(workspace, "own")
    check = examine(workspace)["binding"]
    assert (check.result, check.where, "no region in common" in check.what) == (
        Result.FAILED,
        "dev own",
        True,
    )
