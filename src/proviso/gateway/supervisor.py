"""Keeps worker processes on one listening socket: starts, watches, replaces, renews and drains them."""

import contextlib
import itertools
import logging
import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum, auto
from types import FrameType
from typing import NamedTuple

import msgspec

from proviso.errors import Unavailable
from proviso.gateway.line import DRAIN, DRAINING, NOW, READY, STOP
from proviso.gateway.restarts import Restarts
from proviso.gateway.server import base_url, bind, drain_limit_s
from proviso.gateway.share import Board
from proviso.settings import Settings


class Inherited(NamedTuple):
    """What a worker gets: descriptors of the listener, of its line and of the board, and its place there.

    `leads` is 1 for the first at the start and at each renewal: it takes up what the others then serve.
    """

    listener: int
    line: int
    board: int
    place: int
    leads: int


Command = Callable[[Inherited], Sequence[str]]

_AT_ONCE_S = 3.0  # how long workers have to end after the second signal
_ENDING = (signal.SIGTERM, signal.SIGINT)


class State(Enum):
    """Where a worker is in its life."""

    STARTING = auto()
    SERVING = auto()
    DRAINING = auto()


class Worker:
    """One worker process, and the supervisor's end of the line to it."""

    def __init__(
        self, command: Command, listener: socket.socket, board: Board, place: int, *, leads: bool
    ) -> None:
        self.place = place
        self.line, far = socket.socketpair()
        with far:
            inherited = Inherited(listener.fileno(), far.fileno(), board.descriptor, place, int(leads))
            try:
                self.process = subprocess.Popen(  # noqa: S603  our own interpreter and module
                    list(command(inherited)), stdin=subprocess.DEVNULL, pass_fds=inherited[:3]
                )
            except OSError:
                self.line.close()
                raise
        self.line.settimeout(0)
        self.state = State.STARTING
        self.ready_at: float | None = None
        self.deadline = float("inf")  # when it is killed
        self._heard = b""

    def hear(self) -> list[bytes]:
        """Return what it has said since; `b""` at last when it has hung up."""
        words: list[bytes] = []
        with contextlib.suppress(BlockingIOError):
            while self.line.fileno() >= 0:
                try:
                    said = self.line.recv(4096)
                except ConnectionError:
                    said = b""
                if not said:
                    return [*words, b""]
                *whole, self._heard = (self._heard + said).split(b"\n")
                words += whole
        return words

    def tell(self, word: bytes) -> None:
        """Say something to it; if it cannot hear any more it is ending anyway."""
        with contextlib.suppress(OSError):
            self.line.send(word)


class Supervisor:
    """The parent of N workers. It answers no request; the socket that they share stays open when one dies.

    `command` returns the command line of a worker for the descriptors that it inherits. `on_ready` gets the
    base URL and the names of the apps once, when all workers are ready. Raises what `bind` raises.
    """

    def __init__(self, settings: Settings, command: Command, on_ready: Callable[[str, str], None]) -> None:
        self._listener = bind(settings)
        self._url = base_url(self._listener)
        self._count = settings.workers
        self._limit_s = drain_limit_s(settings)
        self._command = command
        self._on_ready: Callable[[str, str], None] | None = on_ready
        self._restarts = Restarts()
        self._workers: list[Worker] = []
        self._stale: list[Worker] = []  # to be renewed after SIGHUP
        self._renewal = False  # asked for, and not begun
        self._exit: int | None = None  # once it is stopping
        self._terminal = os.isatty(0)
        self._board = Board()
        self._selector = selectors.DefaultSelector()
        self._log = logging.getLogger("proviso.workers")

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; return the exit code, which is not 0 if no worker could start.

        Raises `Unavailable` where workers were killed again and again before one was ready.
        """
        with self._signals() as signals, self._listener, contextlib.closing(self._board), self._selector:
            self._selector.register(signals, selectors.EVENT_READ)
            while self._exit is None or self._workers:
                self._turn(time.monotonic())
                for key, _ in self._selector.select(self._patience(time.monotonic())):
                    if key.data is not None:
                        self._listen(key.data)
                    else:
                        self._obey(signals.recv(4096))
        return self._exit

    # --- what is to be done -------------------------------------------------------------------------

    def _turn(self, now: float) -> None:
        """Bring the workers closer to what they should be."""
        for worker in self._workers:
            if worker.deadline <= now:
                worker.deadline = float("inf")
                worker.process.kill()
                self._say("worker_overdue", worker)
        if self._exit is not None:
            return
        serving = self._in(State.SERVING)
        if len(serving) > self._count:  # a successor is ready
            worker = next((one for one in self._stale if one in serving), serving[-1])
            self._drain(worker, now + self._limit_s)
        if now >= self._restarts.not_before:
            for _ in range(self._wanted() - len(self._in(State.STARTING, State.SERVING))):
                self._start()

    def _wanted(self) -> int:
        if not self._restarts.proven:  # what keeps one from starting keeps all: it is said once
            return 1
        renewing = bool(self._stale) and not self._in(State.DRAINING)
        return self._count + renewing

    def _patience(self, now: float) -> float | None:
        """Return for how many seconds nothing needs to be done unless something happens."""
        times = [worker.deadline for worker in self._workers]
        if self._exit is None and self._restarts.not_before > now:
            times.append(self._restarts.not_before)
        soonest = min(times, default=float("inf"))
        return None if soonest == float("inf") else max(soonest - now, 0.0)

    def _start(self) -> None:
        taken = {worker.place for worker in self._workers}
        place = next(number for number in itertools.count() if number not in taken)
        try:
            leads = self._renewal or not self._restarts.proven
            worker = Worker(self._command, self._listener, self._board, place, leads=leads)
        except OSError as error:  # no memory, no process: those that serve go on
            self._not_started(error)
            return
        self._renewal = False
        self._workers.append(worker)
        self._selector.register(worker.line, selectors.EVENT_READ, worker)

    def _not_started(self, error: OSError) -> None:
        if not self._restarts.proven:
            raise Unavailable(
                f"no worker can be started: {(error.strerror or 'no reason given').lower()}",
                fix="see to memory and to the limits of processes",
            ) from None
        pause = self._restarts.ended(time.monotonic(), 0.0)
        self._log.error("%s", _line("worker_not_started", restart_in_ms=int(pause * 1000)))

    def _drain(self, worker: Worker, deadline: float) -> None:
        worker.tell(STOP if self._exit is not None else DRAIN)
        self._leaves(worker, deadline)

    def _leaves(self, worker: Worker, deadline: float) -> None:
        worker.state = State.DRAINING
        worker.deadline = min(worker.deadline, deadline)
        if worker in self._stale:
            self._stale.remove(worker)
            if not self._stale:
                self._log.info("%s", _line("workers_renewed"))

    def _stop(self, code: int) -> None:
        self._exit = code
        self._listener.close()  # so that the last worker to close it closes it for callers
        for worker in self._workers:
            self._drain(worker, time.monotonic() + self._limit_s)

    # --- what happens -------------------------------------------------------------------------------

    def _obey(self, numbers: bytes) -> None:
        for number in numbers:
            if number in _ENDING and self._exit is None:
                self._stop(0)
            elif number in _ENDING:
                for worker in self._workers:
                    worker.tell(NOW)
                    worker.deadline = min(worker.deadline, time.monotonic() + _AT_ONCE_S)
            elif number == signal.SIGHUP and self._exit is None:
                self._renew()
        if signal.SIGCHLD in numbers:
            self._reap(time.monotonic())

    def _renew(self) -> None:
        if self._terminal and not os.isatty(0):  # the terminal that it was started from has been closed
            self._stop(0)
        else:
            self._stale = self._in(State.STARTING, State.SERVING)
            self._renewal = True

    def _listen(self, worker: Worker) -> None:
        for word in worker.hear():
            name, _, apps = word.partition(b" ")
            if not name:
                self._hang_up(worker)  # the signal of its end is on its way
            elif name == READY and worker.state is State.STARTING:
                self._serves(worker, apps.decode())
            elif name == DRAINING and worker.state is not State.DRAINING:  # somebody else has told it to
                self._leaves(worker, time.monotonic() + self._limit_s)

    def _serves(self, worker: Worker, apps: str) -> None:
        worker.state, worker.ready_at = State.SERVING, time.monotonic()
        self._restarts.ready()
        if self._on_ready is not None and len(self._in(State.SERVING)) >= self._count:
            self._on_ready(self._url, apps)
            self._on_ready = None

    def _hang_up(self, worker: Worker) -> None:
        if worker.line.fileno() >= 0:
            self._selector.unregister(worker.line)
            worker.line.close()

    def _reap(self, now: float) -> None:
        for worker in [one for one in self._workers if one.process.poll() is not None]:
            self._listen(worker)
            self._hang_up(worker)
            self._board.leave(worker.place)
            self._workers.remove(worker)
            self._ended(worker, now)
        if os.getpid() == 1:  # in a container orphans become children of the first process
            reap_orphans({worker.process.pid for worker in self._workers})

    def _ended(self, worker: Worker, now: float) -> None:
        code = worker.process.returncode
        if self._exit is not None:
            return
        if worker.state is State.DRAINING and code == 0:
            self._log.info("%s", _line("worker_drained", pid=worker.process.pid))
            return
        if self._restarts.gives_up(code):
            self._give_up(code)
            return
        pause = self._restarts.ended(now, 0.0 if worker.ready_at is None else now - worker.ready_at)
        self._say("worker_ended", worker, restart_in_ms=int(pause * 1000))
        if worker.state is State.STARTING and self._stale:
            self._stale = []
            self._say("renewal_stopped", worker)
        if worker in self._stale:
            self._stale.remove(worker)

    def _give_up(self, code: int) -> None:
        if code <= 0:
            what = f"no worker became ready; the last one was ended by {_signal(code)}"
            raise Unavailable(what, fix="see what ends it: most often too little memory")
        self._stop(code)  # it has said why

    # --- the process --------------------------------------------------------------------------------

    def _in(self, *states: State) -> list[Worker]:
        return [worker for worker in self._workers if worker.state in states]

    @contextmanager
    def _signals(self) -> Iterator[socket.socket]:
        """Yield a socket that gets the number of each signal as a byte."""
        near, far = socket.socketpair()
        with near, far:
            near.settimeout(0)
            far.settimeout(0)
            numbers = (*_ENDING, signal.SIGHUP, signal.SIGCHLD)
            before = [(number, signal.signal(number, _noted)) for number in numbers]
            descriptor = signal.set_wakeup_fd(far.fileno(), warn_on_full_buffer=False)
            try:
                yield near
            finally:
                signal.set_wakeup_fd(descriptor)
                for number, handler in before:
                    signal.signal(number, handler)

    def _say(self, event: str, worker: Worker, **more: int) -> None:
        code = worker.process.returncode
        facts: dict[str, int | str] = {"pid": worker.process.pid}
        if code is not None:
            facts |= {"exit": code} if code >= 0 else {"signal": _signal(code)}
        self._log.error("%s", _line(event, **facts, **more))


def reap_orphans(children: set[int]) -> None:
    """Let go of dead processes that became ours when their parents ended; `children` are left to their owner."""
    with contextlib.suppress(ChildProcessError):
        while True:
            # Looked at first, and then taken: the exit code of a worker must not get lost here.
            dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if dead is None or dead.si_pid in children:
                return
            os.waitpid(dead.si_pid, 0)


def _noted(_number: int, _frame: FrameType | None) -> None:
    """Leave the signal to the wake-up socket."""


def _signal(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return str(-code)


def _line(event: str, **facts: int | str) -> str:
    return msgspec.json.encode({"event": event, **facts}).decode()
