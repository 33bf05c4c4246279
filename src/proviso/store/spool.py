"""What a process keeps by itself while the store is away: sealed, bounded, on disk before it is acknowledged.

A folder has a file for each process that spooled, held by `flock` while the process lives. A record is its length
(4 bytes, big-endian) and the sealed entry, bound to the file's name and the record's place, so that records can be
neither altered nor moved, doubled or left out in the middle. A record that a crash cut off was never acknowledged.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from proviso.errors import StoreUnavailable, Tampered
from proviso.store.entry import Entry
from proviso.store.sealing import OVERHEAD, Seal
from proviso.store.sqlite import make_folder, sync_folder, unavailable

_LENGTH = 4
_LARGEST = 16 * 1024 * 1024
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Entry)


class Spool:
    """The spool of one process. `append` is used from one event loop; `limit` is in bytes."""

    def __init__(self, folder: Path, seal: Seal, limit: int) -> None:
        self.folder = folder
        self._seal = seal
        self._limit = limit
        self._path: Path | None = None
        self._descriptor = -1
        self._count = 0
        self._size = 0
        self._used = 0  # of the limit, also by what is only being written
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._gathered: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writing = False
        self._closed = False

    async def append(self, entry: Entry) -> None:
        """Keep an entry; on disk on return. Raises `StoreUnavailable` when the spool is full or its disk is."""
        if self._closed:
            raise StoreUnavailable("the spool is closed", fix="ask again when the server is up")
        loop = asyncio.get_running_loop()
        body = _ENCODER.encode(entry)
        size = _LENGTH + OVERHEAD + len(body)
        if self._used + size > self._limit:
            raise StoreUnavailable("the store is away and the spool is full", fix="bring the store back")
        durable: asyncio.Future[None] = loop.create_future()
        self._used += size
        self._gathered.append((body, durable))
        if not self._writing:
            self._writing = True
            loop.call_soon(self._begin, loop)
        await durable

    async def rotate(self) -> None:
        """Let go of the file that is being written, so that `take` finds it; what comes now starts another."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._leave)
        self._used = sum(_LENGTH + OVERHEAD + len(body) for body, _ in self._gathered)

    def take(self) -> Iterator[list[Entry]]:
        """Yield what nobody is writing any more: what was rotated, and what processes left that have ended.

        A file at a time; it is removed when the caller asks for the next one, so what it was given must be in the
        store by then. One that has been tampered with is put aside under `.damaged` and raises `Tampered`.
        """
        for path in sorted(self.folder.glob("*.spool")) if self.folder.is_dir() else ():
            with self._held(path) as held:
                if held:
                    entries = self._read(path)
                    yield entries
                    path.unlink()
                    sync_folder(self.folder)

    def close(self) -> None:
        """Let go of the file; what it has is replayed by whoever comes next."""
        self._closed = True
        self._thread.shutdown(wait=True)
        self._leave()

    # --- writing ------------------------------------------------------------------------------------

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        taken, self._gathered = self._gathered, []
        self._thread.submit(self._write, loop, taken)

    def _write(
        self, loop: asyncio.AbstractEventLoop, taken: list[tuple[bytes, asyncio.Future[None]]]
    ) -> None:
        """Seal, write and force to disk. Runs in the thread."""
        failure: StoreUnavailable | None = None
        before = 0
        try:
            path, content = self._open(), bytearray()
            before = self._size
            for number, (body, _) in enumerate(taken, self._count):
                sealed = self._seal.close(body, _context(path, number))
                content += len(sealed).to_bytes(_LENGTH, "big") + sealed
            if os.write(self._descriptor, content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fdatasync(self._descriptor)
            self._count += len(taken)
            self._size += len(content)
        except OSError as error:
            failure = unavailable(self.folder, error)
            with contextlib.suppress(OSError):  # nothing of a batch that failed is replayed
                os.ftruncate(self._descriptor, before)
        with contextlib.suppress(RuntimeError):  # the loop has ended, and its callers with it
            loop.call_soon_threadsafe(self._landed, loop, taken, failure)

    def _landed(
        self,
        loop: asyncio.AbstractEventLoop,
        taken: list[tuple[bytes, asyncio.Future[None]]],
        failure: StoreUnavailable | None,
    ) -> None:
        for _, durable in taken:
            if durable.done():
                continue
            if failure is None:
                durable.set_result(None)
            else:
                durable.set_exception(failure)
        self._writing = bool(self._gathered)
        if self._writing:
            self._begin(loop)

    def _open(self) -> Path:
        if self._path is None:
            make_folder(self.folder)
            path = self.folder / f"{secrets.token_hex(8)}.spool"
            self._descriptor = os.open(
                path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600
            )
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            sync_folder(self.folder)
            self._path, self._count, self._size = path, 0, 0
        return self._path

    def _leave(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._path, self._descriptor, self._count, self._size = None, -1, 0, 0

    # --- reading ------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _held(self, path: Path) -> Iterator[bool]:
        """Hold a file if nobody else does, this process included."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # another process has replayed it
            yield False
            return
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield path.exists()
        finally:
            os.close(descriptor)

    def _read(self, path: Path) -> list[Entry]:
        content, entries, at = path.read_bytes(), list[Entry](), 0
        try:
            while at + _LENGTH <= len(content):
                length = int.from_bytes(content[at : at + _LENGTH], "big")
                sealed = content[at + _LENGTH : at + _LENGTH + length]
                if len(sealed) < length <= _LARGEST:
                    break  # cut off by a crash: it was never acknowledged
                body = self._seal.open(sealed, _context(path, len(entries)))
                entries.append(_DECODER.decode(body))
                at += _LENGTH + length
        except (Tampered, msgspec.MsgspecError) as error:
            path.rename(path.with_suffix(".damaged"))
            raise Tampered(
                f"the spool `{path}` was not written by this deployment, or has been changed",
                fix="keep it for the audit; `PROVISO_SPOOL_KEY` may be another one than it was written under",
            ) from error
        return entries


def _context(path: Path, number: int) -> bytes:
    return f"proviso.spool/1 {path.name} {number}".encode()
