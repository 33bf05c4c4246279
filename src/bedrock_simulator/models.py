"""Loads botocore's service models, lazily and without importing botocore: they are data in its package."""

import gzip
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

RUNTIME = "bedrock-runtime"
CONTROL = "bedrock"
AGENT_RUNTIME = "bedrock-agent-runtime"
STS = "sts"
QUOTAS = "service-quotas"

_LABEL = re.compile(r"\{(\w+)(\+?)\}")


class Operation(Struct, frozen=True):
    """An operation of a service: its method, its path as a pattern over the raw path, and its input shape."""

    service: str
    name: str
    method: str
    path: re.Pattern[str]
    labels: tuple[str, ...]  # what the groups of `path` are called in the service model
    input: str | None


class ServiceModel:
    """One service as its `service-2.json` describes it."""

    def __init__(self, name: str, description: dict[str, Any]) -> None:
        self.name = name
        self.shapes: Mapping[str, dict[str, Any]] = description["shapes"]
        self._operations: Mapping[str, dict[str, Any]] = description["operations"]
        metadata = description["metadata"]
        self.signing_name: str = metadata.get("signingName", metadata["endpointPrefix"])
        self.bearer = "smithy.api#httpBearerAuth" in metadata.get("auth", ())

    @cached_property
    def operations(self) -> dict[str, Operation]:
        """Return the operations by name."""
        return {name: self._operation(name, described) for name, described in self._operations.items()}

    def matching(self, method: str, path: str) -> tuple[Operation, tuple[str, ...]] | None:
        """Return the operation that a method and a raw path ask for, and the raw labels of the path."""
        for operation in self.operations.values():
            if operation.method == method and (match := operation.path.fullmatch(path)):
                return operation, match.groups()
        return None

    def _operation(self, name: str, described: dict[str, Any]) -> Operation:
        http = described["http"]
        uri = http["requestUri"].partition("?")[0]
        return Operation(
            service=self.name,
            name=name,
            method=http["method"],
            path=re.compile("".join(_pattern(uri))),
            labels=tuple(label for label, _ in _LABEL.findall(uri)),
            input=described.get("input", {}).get("shape"),
        )


class ServiceModels:
    """The service models that have been asked for so far."""

    def __init__(self) -> None:
        self._loaded: dict[str, ServiceModel] = {}

    def load(self, service: str) -> ServiceModel:
        """Return a service's model. Raises `FileNotFoundError` where botocore is not there or lacks it."""
        model = self._loaded.get(service)
        if model is None:
            model = self._loaded[service] = ServiceModel(service, _read(service))
        return model


def _pattern(uri: str) -> Iterator[str]:
    """Turn `/model/{modelId}/converse` into a pattern; a label with `+` takes slashes too."""
    at = 0
    for label in _LABEL.finditer(uri):
        yield re.escape(uri[at : label.start()])
        yield "(.+)" if label[2] else "([^/]+)"
        at = label.end()
    yield re.escape(uri[at:].rstrip("/")) + "/?"


def _read(service: str) -> dict[str, Any]:
    found = find_spec("botocore")
    if found is None or found.origin is None:
        raise FileNotFoundError("the service models are missing: install `botocore`")
    versions = sorted((Path(found.origin).parent / "data" / service).glob("*/service-2.json*"))
    if not versions:
        raise FileNotFoundError(f"this botocore has no model of `{service}`: install a newer one")
    newest = versions[-1]
    raw = newest.read_bytes()
    described: dict[str, Any] = msgspec.json.decode(gzip.decompress(raw) if newest.suffix == ".gz" else raw)
    return described
