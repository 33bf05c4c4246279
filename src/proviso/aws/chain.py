"""Ask botocore's credential chain. With `botocore_transport`, the only module that knows botocore."""

from botocore.credentials import RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from botocore.session import Session

from proviso.aws.protocol import Keys, NoCredentials

_FIX = "set up credentials as for any AWS tool, or a Bedrock API key"


# What botocore raises itself, and what gets past it where a file, a process or a service gives something odd.
_WRONG = (
    BotoCoreError, ClientError, ResponseParserError, OSError, RuntimeError, ValueError, LookupError, ArithmeticError,
    TypeError, AttributeError,
)  # fmt: skip


def find_keys(profile: str = "") -> Keys:
    """Return the keys that AWS tools would use here and now; block for as long as that takes.

    A new session each time: it sees files that were edited since. Raises `NoCredentials` with what was looked at.
    """
    try:
        session = Session(profile=profile or None)
        looked_at = [p.METHOD for p in session.get_component("credential_provider").providers]
        credentials = session.get_credentials()
        if credentials is None:
            raise NoCredentials(f"no AWS credentials, looked at: {', '.join(looked_at)}", fix=_FIX)
        frozen = credentials.get_frozen_credentials()
        expires = None
        if isinstance(credentials, RefreshableCredentials):
            expires = credentials._expiry_time  # noqa: SLF001  there is no public name for it
        return Keys(
            str(frozen.access_key),
            str(frozen.secret_key),
            str(frozen.token or ""),
            None if expires is None else expires.timestamp(),
            credentials.method or "",
        )
    except _WRONG as error:
        said = " ".join(str(error).split())[:300]
        raise NoCredentials(f"AWS credentials cannot be had ({said})", fix=_FIX) from error
