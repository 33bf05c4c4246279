"""A pytest plugin: the fixture `bedrock_simulator`."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # a plugin is imported by every run of pytest, also by those that never use it
    from bedrock_simulator.scenario import Scenario
    from bedrock_simulator.simulator import Simulator

StartSimulator = Callable[..., "Simulator"]


@pytest.fixture
def bedrock_simulator() -> Iterator[StartSimulator]:
    """Start simulators: `simulator = bedrock_simulator(scenario)`; they stop with the test.

    `scenario` may be left out, or be a `Scenario` or the path of a scenario's file.
    """
    from bedrock_simulator.scenario import Scenario  # noqa: PLC0415  # only where the fixture is used
    from bedrock_simulator.simulator import running  # noqa: PLC0415

    with ExitStack() as stack:

        def start(scenario: "Scenario | Path | str | None" = None) -> "Simulator":
            if scenario is None or isinstance(scenario, Scenario):
                return stack.enter_context(running(scenario))
            from bedrock_simulator.scenario_file import load_scenario  # noqa: PLC0415

            return stack.enter_context(running(load_scenario(Path(scenario))))

        yield start
