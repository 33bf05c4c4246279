"""Addresses that models may be called at: over https, or over http where nothing leaves this machine."""

import ipaddress
from urllib.parse import SplitResult, urlsplit

FIX = "write an https address without user, query or fragment; http is for this machine only"
FIX_ORIGIN = "write an https address without user, path, query or fragment; http is for this machine only"


def address(url: str) -> SplitResult | None:
    """Return the parts of an address that may be called, None for any other."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    plain = url.isascii() and url.isprintable() and " " not in url and "@" not in parts.netloc and port != 0
    if not plain or not parts.hostname or parts.query or parts.fragment:
        return None
    safe = parts.scheme == "https" or (parts.scheme == "http" and on_this_machine(parts))
    return parts if safe else None


def on_this_machine(parts: SplitResult) -> bool:
    """Say whether an address is of the loopback interface."""
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
