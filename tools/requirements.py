"""Run the tests that carry `@pytest.mark.req`, and print which requirements are proven: `proven N of M`."""

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent


class Proofs:
    """A pytest plugin: keeps the marked tests and which of them passed. A skip or an xfail proves nothing."""

    def __init__(self) -> None:
        self.marked: dict[str, set[str]] = {}
        self.outcomes: dict[str, list[bool]] = defaultdict(list)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep only tests with the marker."""
        for item in items:
            for mark in item.iter_markers("req"):
                self.marked.setdefault(item.nodeid, set()).update(mark.args)
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in self.marked])
        items[:] = [item for item in items if item.nodeid in self.marked]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note each phase's outcome: set-up, call, tear-down."""
        self.outcomes[report.nodeid].append(report.passed and not hasattr(report, "wasxfail"))

    def proven(self) -> set[str]:
        """Return the IDs (with their parts) that a wholly passed test carries."""
        passed = {node for node, phases in self.outcomes.items() if len(phases) == 3 and all(phases)}
        return {name for node in passed for name in self.marked.get(node, ())}


def demands(path: Path) -> dict[str, list[str]]:
    """Return each requirement's parts; one without parts is its own."""
    listed = yaml.safe_load(path.read_text())
    return {
        name: [f"{name}.{part}" for part in entry.get("parts", ())] or [name]
        for name, entry in listed.items()
    }


def main() -> int:
    """Return 0; 1 if a marked test failed or, with `--strict`, while one is not proven; 2 for an unknown ID."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strict", action="store_true", help="fail while any requirement is not proven")
    strict = parser.parse_args().strict
    wanted = demands(ROOT / "docs" / "requirements.yaml")
    proofs = Proofs()
    status = pytest.main(["-m", "req", "-n", "0", "--no-header", str(ROOT / "tests")], plugins=[proofs])
    known = {part for parts in wanted.values() for part in parts}  # an ID with parts is proven part by part
    if unknown := {name for names in proofs.marked.values() for name in names} - known:
        sys.stderr.write(f"unknown requirement: {', '.join(sorted(unknown))}; see docs/requirements.yaml\n")
        return 2
    proven = proofs.proven()
    whole = {name for name, parts in wanted.items() if proven.issuperset(parts)}
    for name, parts in wanted.items():
        state = "proven" if name in whole else "open"
        missing = [] if name in whole else [part for part in parts if part not in proven]
        sys.stdout.write(f"{name:4} {state:7} {' '.join(missing)}\n")
    sys.stdout.write(f"proven {len(whole)} of {len(wanted)}\n")
    return 1 if status != 0 or (strict and len(whole) < len(wanted)) else 0


if __name__ == "__main__":
    sys.exit(main())
