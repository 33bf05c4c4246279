"""Takes connections from a socket that several workers share, so that each of them has about as many.

Left to the kernel, whoever wakes first empties the queue: with kept connections one worker then does the
work of all for hours. So each writes how many it has into memory that all see, and one that has more than
another leaves a new connection to that one for a moment. Nobody waits for a worker that is stuck.
"""

import asyncio
import logging
import mmap
import os
import socket
import struct
import tempfile
from collections.abc import Callable

import msgspec

_PLACE = struct.Struct("@i")
_PLACES = mmap.PAGESIZE // _PLACE.size
_AWAY = -1  # in the place of a worker that takes no connections
_LEAVE_S = 0.002
_NO_DESCRIPTORS_S = 0.5  # how long nothing is accepted when the process or the system has no more descriptors


class Board:
    """The memory that workers share: a place each. The supervisor makes it, and clears the places of the dead."""

    def __init__(self, descriptor: int | None = None) -> None:
        self.descriptor = _memory() if descriptor is None else descriptor
        os.set_inheritable(self.descriptor, False)  # noqa: FBT003  the name says it
        self._memory = mmap.mmap(self.descriptor, mmap.PAGESIZE)
        if descriptor is None:
            for place in range(_PLACES):
                self.leave(place)

    def write(self, place: int, connections: int) -> None:
        """Say how many connections a worker has."""
        _PLACE.pack_into(self._memory, place * _PLACE.size, connections)

    def leave(self, place: int) -> None:
        """Say that a worker takes no connections (any more)."""
        self.write(place, _AWAY)

    def fewest(self) -> int:
        """Return the fewest connections that a worker has which takes more; 0 if there is none."""
        counts = [count for (count,) in _PLACE.iter_unpack(self._memory) if count != _AWAY]
        return min(counts, default=0)

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()
        os.close(self.descriptor)


def _memory() -> int:
    """Return a descriptor of a page of memory: no disk, which may be read-only, where the system allows it."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("proviso-workers")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, mmap.PAGESIZE)
    return descriptor


class Share:
    """A worker's share of the connections of a socket."""

    def __init__(self, board: Board, place: int) -> None:
        self._board = board
        self._place = place
        self._left_one = False
        self._tasks: set[asyncio.Task[object]] = set()
        self._open = False

    def open(
        self,
        listener: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        connections: Callable[[], int],
    ) -> None:
        """Begin to take connections; `connections` tells how many there are."""
        self._loop = asyncio.get_running_loop()
        self._listener, self._protocol, self._connections = listener, protocol, connections
        self._open = True
        self._board.write(self._place, connections())
        self._listen()

    def close(self) -> None:
        """Take no more. Those that have been taken get their protocol."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._listener)
            self._board.leave(self._place)

    def _listen(self) -> None:
        if self._open:
            self._loop.add_reader(self._listener, self._take)

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._loop.call_later(seconds, self._listen)

    def _take(self) -> None:
        """Take one connection: the loop asks again at once while there are more."""
        mine = self._connections() + len(self._tasks)
        self._board.write(self._place, mine)
        if mine > self._board.fewest() and not self._left_one:
            self._left_one = True
            self._pause(_LEAVE_S)
            return
        self._left_one = False
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):  # another worker has it, or the caller has left
            return
        except OSError as error:
            line = msgspec.json.encode({"event": "accept_failed", "reason": error.strerror}).decode()
            logging.getLogger("proviso.workers").error("%s", line)  # noqa: TRY400  a line of JSON has no trace
            self._pause(_NO_DESCRIPTORS_S)
            return
        connection.settimeout(0)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._board.write(self._place, mine + 1)
        task: asyncio.Task[object] = self._loop.create_task(
            self._loop.connect_accepted_socket(self._protocol, connection)
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
