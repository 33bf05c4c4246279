"""The API's description as an OpenAPI 3.1 document, made from the structs that decode and encode it."""

from collections.abc import Mapping
from typing import Any


def openapi() -> Mapping[str, Any]:
    """Return the document."""
    return {}
