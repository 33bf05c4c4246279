"""Strings of the formats that JSON Schema names."""

from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from uuid import UUID

_NAMES = ("alder", "birch", "cedar", "hazel", "maple", "rowan")


def made(name: str, random: Random) -> str | None:
    """Return a string of that format; None where nobody here knows it."""
    make = _MAKERS.get(name)
    return make(random) if make else None


def _date(random: Random) -> str:
    return f"{random.randint(2000, 2030)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"


def _time(random: Random) -> str:
    return f"{random.randint(0, 23):02}:{random.randint(0, 59):02}:{random.randint(0, 59):02}Z"


def _host(random: Random) -> str:
    return f"{random.choice(_NAMES)}.example.com"


def _uuid(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))


_MAKERS: Mapping[str, Callable[[Random], str]] = MappingProxyType(
    {
        "date": _date,
        "time": _time,
        "date-time": lambda random: f"{_date(random)}T{_time(random)}",
        "duration": lambda random: f"P{random.randint(1, 30)}DT{random.randint(1, 23)}H",
        "email": lambda random: f"{random.choice(_NAMES)}@example.com",
        "idn-email": lambda random: f"{random.choice(_NAMES)}@example.com",
        "hostname": _host,
        "idn-hostname": _host,
        "ipv4": lambda random: f"192.0.2.{random.randint(1, 254)}",
        "ipv6": lambda random: f"2001:db8::{random.randint(1, 9999):x}",
        "uri": lambda random: f"https://{_host(random)}/{random.choice(_NAMES)}",
        "iri": lambda random: f"https://{_host(random)}/{random.choice(_NAMES)}",
        "uri-reference": lambda random: f"/{random.choice(_NAMES)}",
        "iri-reference": lambda random: f"/{random.choice(_NAMES)}",
        "uri-template": lambda random: f"/{random.choice(_NAMES)}/{{id}}",
        "uuid": _uuid,
        "json-pointer": lambda random: f"/{random.choice(_NAMES)}",
        "relative-json-pointer": lambda random: f"{random.randint(0, 3)}/{random.choice(_NAMES)}",
        "regex": lambda _random: "^[a-z]+$",
    }
)
