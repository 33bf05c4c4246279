"""Who we are at AWS: an access key, a Bedrock API key, or what every AWS tool finds on this machine."""

import time
from collections.abc import Callable
from pathlib import Path

from proviso.aws.protocol import Bearer, Keys, NoCredentials
from proviso.aws.renewal import Renewal


class StaticKeys:
    """An access key that was given. A `CredentialSource`."""

    def __init__(self, access_key: str, secret_key: str, token: str = "") -> None:
        """Take a key; raise `NoCredentials` for what cannot be one."""
        self._keys = _checked_keys(Keys(access_key, secret_key, token))

    async def current(self, refused: Keys | Bearer | None = None) -> Keys:
        """Return the key."""
        return self._keys


class BearerKey:
    """A Bedrock API key that was given. A `CredentialSource`."""

    def __init__(self, key: str) -> None:
        """Take a key; raise `NoCredentials` for what cannot be one."""
        self._bearer = _checked(key, "the Bedrock API key")

    async def current(self, refused: Keys | Bearer | None = None) -> Bearer:
        """Return the key."""
        return self._bearer


class BearerFile:
    """A Bedrock API key in a file, which is read again every few minutes. A `CredentialSource`."""

    def __init__(self, file: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Read nothing yet."""
        self._file = file
        self._renewal = Renewal(self._read, clock=clock)

    async def current(self, refused: Keys | Bearer | None = None) -> Keys | Bearer:
        """Return the key. Raises `NoCredentials` where the file has none."""
        return await self._renewal.current(refused)

    def _read(self) -> Bearer:
        try:
            key = self._file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise NoCredentials(
                f"`{self._file}` cannot be read for a Bedrock API key ({type(error).__name__})",
                fix="name a readable text file",
            ) from None
        return _checked(key, f"`{self._file}`")


class ChainCredentials:
    """What botocore's chain finds: variables, shared files, SSO, roles, a container's or machine's own. A source."""

    def __init__(self, profile: str = "", *, clock: Callable[[], float] = time.time) -> None:
        """Look nowhere yet. `profile`: a section of the shared files; empty for what the environment says."""
        self._profile = profile
        self._renewal = Renewal(self._look, clock=clock)

    async def current(self, refused: Keys | Bearer | None = None) -> Keys | Bearer:
        """Return the keys. Raises `NoCredentials` with what was looked at."""
        return await self._renewal.current(refused)

    def _look(self) -> Keys:
        """Ask botocore, in a thread: loading it takes 1.5 s of CPU."""
        try:
            from proviso.aws.chain import find_keys  # noqa: PLC0415  an extra, and too slow for an import of the room
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "botocore":
                raise
            raise NoCredentials(
                "AWS's credential chain needs botocore, which is not installed",
                fix="run `pip install 'proviso[bedrock]'`",
            ) from None
        return _checked_keys(find_keys(self._profile))


def _may_be_key(text: str) -> bool:
    """Whether it may stand in a header: a line's end that was copied with it may not."""
    return text.isascii() and text.isprintable() and " " not in text


def _checked_keys(keys: Keys) -> Keys:
    """Return keys that can be sent, and signed with."""
    named = {"access key": keys.access_key, "secret key": keys.secret_key, "session token": keys.token}
    for name, text in named.items():
        if not _may_be_key(text):
            where = f" (`{keys.source}`)" if keys.source else ""
            raise NoCredentials(
                f"the AWS {name}{where} has characters that no key has", fix="copy it again, by itself"
            )
    return keys


def _checked(key: str, where: str) -> Bearer:
    """Return a key that may stand in a header."""
    if not key or not _may_be_key(key):
        raise NoCredentials(
            f"{where} is {'empty' if not key else 'no key: it has characters that no key has'}",
            fix="copy the key again, by itself",
        )
    return Bearer(key)
