"""Which library carries requests: aiohttp, or botocore's own session."""

import ssl
from pathlib import Path
from typing import Literal

from proviso.aws.protocol import Transport
from proviso.errors import NotReady

Kind = Literal["aiohttp", "botocore"]


def open_transport(
    kind: Kind = "aiohttp", *, connections: int | None = None, authorities: Path | None = None
) -> Transport:
    """Make a transport for the loop that will use it; nothing is connected yet.

    `connections`: at most so many, None for 512 with aiohttp and 64, each with a thread, with botocore. `authorities`:
    a PEM file in place of the machine's (aiohttp) or botocore's (botocore). Raises `NotReady` without the extra.
    """
    file = None if authorities is None else str(authorities)
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
