"""Seals bytes under a key of this deployment (AES-256-GCM): what is read back is what was written, or nothing."""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proviso.errors import ProvisoError, Tampered

_KEY_BYTES = 32
_NONCE_BYTES = (
    12  # random: 2^32 records under one key stay below a chance of 2^-32 of a repeated one (NIST SP 800-38D)
)


OVERHEAD = 28  # bytes by which a sealed text is longer: nonce and tag


class InvalidKey(ProvisoError):
    """A key that cannot seal anything."""

    code = "sealing_key_invalid"


class Seal:
    """Seals and opens under one key of 32 bytes. `context` binds a sealed text to its place."""

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_BYTES:
            raise InvalidKey(f"the key has {len(key)} bytes", fix=f"make one of {_KEY_BYTES} random bytes")
        self._cipher = AESGCM(key)

    def close(self, content: bytes, context: bytes) -> bytes:
        """Return the sealed form: nonce, ciphertext, tag; 28 bytes longer than the content."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Return the content; raise `Tampered` for anything that was not sealed so, under this key."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            raise Tampered(
                "a sealed record was not written under this key, or has been changed",
                fix="give the key that it was written under",
            ) from None


def read_key(text: str) -> bytes:
    """Return a key from its base64 form, as `openssl rand -base64 32` prints it; raise `InvalidKey`."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise InvalidKey(
            f"the key is not the base64 of {_KEY_BYTES} bytes", fix="make one with `openssl rand -base64 32`"
        )
    return key
