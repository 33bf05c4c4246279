"""Decides whether and when a worker that has ended is replaced. Pure: times are given."""

SETTLED_S = 5.0  # a worker that has been ready for so long did not fail because of its start
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
ATTEMPTS = 5  # before any worker has become ready


class Restarts:
    """How the workers of one supervisor have fared. Times are seconds on a monotonic clock."""

    def __init__(self) -> None:
        self.not_before = 0.0
        self._pause = 0.0
        self._attempts = 0
        self.proven = False

    def ready(self) -> None:
        """Note that a worker has become ready: from now on workers are replaced for ever."""
        self.proven = True

    def ended(self, now: float, ready_s: float) -> float:
        """Note that a worker ended that had been ready for `ready_s`; return how long to wait for the next.

        The pause doubles while workers end young. Several that end within one pause count once: they were
        started together.
        """
        if ready_s >= SETTLED_S:
            self._pause = 0.0
        elif now >= self.not_before:
            self._pause = min(max(2 * self._pause, FIRST_PAUSE_S), LONGEST_PAUSE_S)
            self.not_before = now + self._pause
        return max(self.not_before - now, 0.0)

    def gives_up(self, code: int) -> bool:
        """Return whether to end, after a worker ended with `code`: its exit code, or minus the signal.

        Without a worker that ever became ready, one that exits by itself has said why: there is nothing to
        wait for. One that was killed is tried again, but not for ever.
        """
        if self.proven:
            return False
        self._attempts += 1
        return code > 0 or self._attempts >= ATTEMPTS
