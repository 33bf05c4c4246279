"""What the machine decides (ports, folders, limits), read once from `PROVISO_*`; contracts decide the rest."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from proviso.errors import ProvisoError
from proviso.types import Environment

MOST_WORKERS = 64
_SECRETS = frozenset({"store", "spool_key"})


class InvalidSetting(ProvisoError):
    """A `PROVISO_*` variable that cannot be used."""

    code = "setting_invalid"


class Settings(Struct, frozen=True):
    """The settings of one process. `docs/settings.md` has a heading for each variable."""

    home: Path | None = None  # PROVISO_HOME: where state lives; default `.proviso` in the workspace
    store: str = (
        ""  # PROVISO_STORE: the URL of a PostgreSQL database; empty: SQLite files in the state's folder
    )
    environment: Environment = Environment.DEV  # PROVISO_ENV
    host: str = "127.0.0.1"  # PROVISO_HOST
    port: int = 8321  # PROVISO_PORT
    max_body_bytes: int = 1_048_576  # PROVISO_MAX_BODY_BYTES
    workers: int = 1  # PROVISO_WORKERS
    linger_s: int = 0  # PROVISO_LINGER_S
    spool_key: str = (
        ""  # PROVISO_SPOOL_KEY, or what the file PROVISO_SPOOL_KEY_FILE holds; empty: nothing is spooled
    )
    spool_mb: int = 64  # PROVISO_SPOOL_MB
    listen_fd: int = 0  # PROVISO_LISTEN_FD: an inherited socket; 0: there is none

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"Settings({', '.join(shown)})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Return what may be shown: secrets, and a URL that may have one, only by whether they are set."""
        known = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return [(name, "…" if value and name in _SECRETS else value) for name, value in known]

    def state(self, workspace: Path) -> Path:
        """Return the folder of databases, indexes and bundles for a workspace."""
        return self.home if self.home is not None else workspace / ".proviso"

    def override(
        self, *, host: str | None, port: int | None, environment: str | None, workers: int | None = None
    ) -> "Settings":
        """Return the settings with the command's options in place of the variables."""
        return msgspec.structs.replace(
            self,
            host=self.host if host is None else host,
            port=self.port if port is None else port,
            environment=self.environment if environment is None else Environment(environment),
            workers=self.workers if workers is None else workers,
        )


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; raise `InvalidSetting` that names the variable and what it takes."""
    env = os.environ if environ is None else environ
    home = env.get("PROVISO_HOME")
    return Settings(
        home=Path(home) if home else None,
        store=_secret(env, "PROVISO_STORE"),
        environment=_environment(env.get("PROVISO_ENV", Environment.DEV)),
        host=env.get("PROVISO_HOST", "127.0.0.1"),
        port=_whole(env, "PROVISO_PORT", default=8321, at_most=65_535),
        max_body_bytes=_whole(env, "PROVISO_MAX_BODY_BYTES", default=1_048_576, at_most=64 * 1_048_576),
        workers=_whole(env, "PROVISO_WORKERS", default=1, at_least=1, at_most=MOST_WORKERS),
        linger_s=_whole(env, "PROVISO_LINGER_S", default=0, at_most=600),
        spool_key=_secret(env, "PROVISO_SPOOL_KEY"),
        spool_mb=_whole(env, "PROVISO_SPOOL_MB", default=64, at_least=1, at_most=65_536),
        listen_fd=_whole(env, "PROVISO_LISTEN_FD", default=0, at_most=65_535),
    )


def _environment(value: str) -> Environment:
    try:
        return Environment(value)
    except ValueError:
        names = ", ".join(Environment)
        raise InvalidSetting(f"`PROVISO_ENV` is `{value}`", fix=f"use one of {names}") from None


def _secret(env: Mapping[str, str], name: str) -> str:
    """Return a secret from a variable, or from the file that the variable with `_FILE` names."""
    if (file := env.get(f"{name}_FILE")) is None:
        return env.get(name, "")
    if name in env:
        raise InvalidSetting(f"both `{name}` and `{name}_FILE` are set", fix="set one of them")
    try:
        return Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise InvalidSetting(
            f"`{name}_FILE` is `{file}`, which cannot be read", fix="name a readable text file"
        ) from None


def _whole(env: Mapping[str, str], name: str, *, default: int, at_most: int, at_least: int = 0) -> int:
    text = env.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not at_least <= int(text) <= at_most:
        raise InvalidSetting(f"`{name}` is `{text}`", fix=f"use a whole number from {at_least} to {at_most}")
    return int(text)
