"""Signatures of webhooks, as Standard Webhooks writes them: https://www.standardwebhooks.com (v1, symmetric).

`webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over `<id>.<timestamp>.<body>`; while a secret is being
replaced, one for each secret, separated by a space. A secret is `whsec_` and the base64 of 24 to 64 bytes.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from proviso.outbox.destination import InvalidDestination

_PREFIX = "whsec_"
_FEWEST, _MOST = 24, 64  # bytes of a secret


def signing_key(secret: str, name: str) -> bytes:
    """Return the bytes of a secret; `name` is where it was found. Raises `InvalidDestination`, without the secret."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or not _FEWEST <= len(key) <= _MOST:
        raise InvalidDestination(
            f"`{name}` is no secret of a webhook: `whsec_` and the base64 of 24 to 64 bytes",
            fix='make one with `echo "whsec_$(openssl rand -base64 32)"`',
        )
    return key


def sign(keys: Sequence[bytes], message: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`; `timestamp` in seconds since the epoch."""
    signed = f"{message}.{timestamp}.".encode() + body
    return " ".join(
        "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys
    )
