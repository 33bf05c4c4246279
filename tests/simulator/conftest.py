"""What the simulator's tests share."""

from tests.simulator.clients import aio_session, client_for, runtime, shared_simulator, simulator

__all__ = ["aio_session", "client_for", "runtime", "shared_simulator", "simulator"]  # fixtures
