"""Addresses that somebody has written and that are to be called: what is one, and what is this machine's."""

import ipaddress
from urllib.parse import SplitResult, urlsplit


def address(url: str, *, loopback: bool = True) -> SplitResult | None:
    """Return the parts of an address that may be called, None for any other.

    That is one over https, or over http to this machine where `loopback` allows it; without user, query or fragment.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    plain = url.isascii() and url.isprintable() and " " not in url and "@" not in parts.netloc and port != 0
    if not plain or not parts.hostname or parts.query or parts.fragment:
        return None
    safe = parts.scheme == "https" or (loopback and parts.scheme == "http" and is_loopback(parts.hostname))
    return parts if safe else None


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine: `localhost`, or an address of the loopback interface."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
