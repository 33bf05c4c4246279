"""Which library carries requests: our own over httptools, aiohttp, or botocore's own session."""

import ssl
from pathlib import Path
from typing import Literal

from proviso.aws.lean import LeanTransport, trusting
from proviso.aws.protocol import Transport
from proviso.errors import NotReady

Kind = Literal["lean", "aiohttp", "botocore"]


def open_transport(
    kind: Kind = "lean", *, connections: int | None = None, authorities: Path | None = None
) -> Transport:
    """Make a transport for the loop that will use it; nothing is connected yet.

    `connections`: at most so many, None for 512, and for 64 with botocore, each with a thread. `authorities`: a PEM
    file in place of the machine's, or of botocore's with botocore. Raises `NotReady` without the extra.
    """
    file = None if authorities is None else str(authorities)
    if kind == "lean":
        return LeanTransport(connections=connections or 512, tls=None if file is None else trusting(file))
    try:
        if kind == "botocore":
            from proviso.aws.botocore_transport import BotocoreTransport  # noqa: PLC0415  an extra, 0.5 s to import

            return BotocoreTransport(connections=connections or 64, authorities=file or "")
        from proviso.aws.http import AiohttpTransport  # noqa: PLC0415  an extra, and 0.2 s to import

        tls = None if file is None else ssl.create_default_context(cafile=file)
        return AiohttpTransport(connections=connections or 512, tls=tls)
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in {"aiohttp", "botocore"}:
            raise
        raise NotReady(
            f"calling AWS needs {library}, which is not installed",
            fix="run `pip install 'proviso[bedrock]'`",
        ) from None
