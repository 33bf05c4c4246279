"""Calls of Bedrock's endpoint over recorded responses."""

import time
from collections.abc import Sequence

import pytest

from proviso.aws import Keys
from proviso.models.bedrock import BedrockEndpoint
from proviso.models.endpoint import Target
from proviso.models.failure import CallFailed
from proviso.models.shapes import Call, Reply
from tests.models import bedrock_said as said
from tests.models import calls
from tests.models.recorded import Part, Recorded, Recording, Ring

ARN = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc123"
TARGET = Target("small", "bedrock", ARN, "eu-central-1", "https://bedrock-runtime.eu-central-1.amazonaws.com")
KEYS = Keys("AKIDEXAMPLE", "secret")
TEXT = "".join(said.WORDS)


def endpoint(
    *recordings: Recording, keys: Sequence[Keys | None] = (KEYS,)
) -> tuple[BedrockEndpoint, Recorded]:
    transport = Recorded(*recordings)
    return BedrockEndpoint(TARGET, transport, Ring(*keys), now=lambda: 1_767_225_600.0), transport


def soon(seconds: float = 30.0) -> float:
    return time.monotonic() + seconds


async def converse(recording: Recording, call: Call = calls.PLAIN) -> Reply:
    return await endpoint(recording)[0].converse(call, soon())


async def stream(*parts: Part, call: Call = calls.PLAIN) -> tuple[list[str], Reply]:
    *pieces, reply = [item async for item in endpoint(said.streamed(*parts))[0].stream(call, soon())]
    assert isinstance(reply, Reply)
    return [str(piece) for piece in pieces], reply


async def failure(recording: Recording, call: Call = calls.PLAIN) -> CallFailed:
    with pytest.raises(CallFailed) as failed:
        await converse(recording, call)
    return failed.value


async def stream_failure(*parts: Part, call: Call = calls.PLAIN) -> CallFailed:
    with pytest.raises(CallFailed) as failed:
        await stream(*parts, call=call)
    return failed.value
