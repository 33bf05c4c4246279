"""A circuit breaker: a place that fails too often is left alone for a while, then tried with one call."""

import time
from collections.abc import Callable

from msgspec import Struct

from proviso.models.endpoint import Target


class Breaker(Struct, frozen=True):
    """When a circuit opens: at `failures` within `window_s` seconds that are at least `share` of the calls.

    After `open_s` seconds one call is let through as a probe; what becomes of it closes or opens the circuit.
    """

    failures: int = 5
    share: float = 0.5
    window_s: float = 30.0
    open_s: float = 10.0


_DEFAULT = Breaker()


class Circuit:
    """The circuit of one place. `now`: seconds of a clock that never goes back.

    Calls are counted in halves of the window, the present and the last one: what counts is between a half and a
    whole window old. What a call reports that began before the circuit last changed is old news, and is not heard.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, breaker: Breaker = _DEFAULT) -> None:
        self._now = now
        self._breaker = breaker
        self._opened: float | None = None
        self._probing = False
        self._era = 0
        self._half = 0.0
        self._calls = self._failures = 0
        self._calls_before = self._failures_before = 0

    @property
    def is_open(self) -> bool:
        """Whether a call would be turned away now."""
        if self._opened is None:
            return False
        return self._probing or self._now() - self._opened < self._breaker.open_s

    def admit(self) -> int | None:
        """Let a call through, which must be reported under the permit that this returns; None: it is turned away."""
        if self._opened is None:
            return self._era
        if self.is_open:
            return None
        self._probing = True
        return self._era

    def report(self, permit: int, *, failed: bool | None) -> None:
        """Hear how a call ended; `failed` is None where that says nothing of the place."""
        if permit != self._era:
            return
        if self._opened is not None:
            self._probing = False
            if failed is not None:
                self._change(opened=self._now() if failed else None)
        elif failed is not None:
            self._count(failed=failed)

    def _count(self, *, failed: bool) -> None:
        breaker = self._breaker
        half = self._now() // (breaker.window_s / 2)
        if half != self._half:
            follows = half == self._half + 1
            self._calls_before, self._failures_before = (self._calls, self._failures) if follows else (0, 0)
            self._half, self._calls, self._failures = half, 0, 0
        self._calls += 1
        if not failed:
            return
        self._failures += 1
        failures = self._failures + self._failures_before
        if failures >= breaker.failures and failures >= breaker.share * (self._calls + self._calls_before):
            self._change(opened=self._now())

    def _change(self, *, opened: float | None) -> None:
        self._opened = opened
        self._era += 1
        self._calls = self._failures = self._calls_before = self._failures_before = 0


class Circuits:
    """The circuits of one process: releases that call the same thing at the same place share its circuit."""

    def __init__(self, now: Callable[[], float] = time.monotonic, breaker: Breaker = _DEFAULT) -> None:
        self._now = now
        self._breaker = breaker
        self._circuits: dict[tuple[str, str, str], Circuit] = {}

    def of(self, target: Target) -> Circuit:
        """Return the circuit of what is called there, under whatever name."""
        key = target.origin, target.region, target.model
        circuit = self._circuits.get(key)
        if circuit is None:
            circuit = self._circuits[key] = Circuit(self._now, self._breaker)
        return circuit
