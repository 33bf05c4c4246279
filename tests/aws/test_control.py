"""Asking AWS about an account: what is sent, and what is made of whatever comes back."""

import json
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from bedrock_simulator.scenario import Quota, Scenario, SimulatedModel
from bedrock_simulator.simulator import Simulator
from proviso.aws import Bearer, Keys, open_transport
from proviso.aws.control import AwsRefused, ControlPlane
from tests.models.recorded import Recorded, Recording

KEYS: Final = Keys("AKIA", "secret")
NOW: Final = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


def plane(*recordings: Recording, clock: Callable[[], float] = lambda: NOW) -> tuple[ControlPlane, Recorded]:
    transport = Recorded(*recordings)
    return ControlPlane(transport, KEYS, "eu-central-1", now=clock), transport


def answer(body: object, status: int = 200, **headers: str) -> Recording:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Recording((content,), status, {name.replace("_", "-"): value for name, value in headers.items()})


async def test_each_service_is_asked_at_its_own_place_in_the_region() -> None:
    control, transport = plane(answer({}))
    await control.logging()
    await control.quotas()
    await control.caller()
    assert [(request.method, request.origin, request.path) for request in transport.sent] == [
        ("GET", "https://bedrock.eu-central-1.amazonaws.com", "/logging/modelinvocations"),
        ("POST", "https://servicequotas.eu-central-1.amazonaws.com", "/"),
        ("POST", "https://sts.eu-central-1.amazonaws.com", "/"),
    ]
    scopes = [request.headers["Authorization"].split("/")[3] for request in transport.sent]
    assert scopes == ["bedrock", "servicequotas", "sts"]


def test_china_has_a_domain_of_its_own() -> None:
    control = ControlPlane(Recorded(answer({})), KEYS, "cn-north-1")
    assert control.origin("bedrock") == "https://bedrock.cn-north-1.amazonaws.com.cn"


async def test_all_pages_of_quotas_are_read() -> None:
    first = {"Quotas": [{"QuotaCode": "L-1", "QuotaName": "a", "Value": 1.5}], "NextToken": "more"}
    control, transport = plane(answer(first), answer({"Quotas": [{"QuotaCode": "L-2"}]}))
    assert [quota.quota_code for quota in await control.quotas()] == ["L-1", "L-2"]
    assert json.loads(transport.sent[1].body)["NextToken"] == "more"


async def test_pages_without_end_are_given_up() -> None:
    control, transport = plane(answer({"Quotas": [], "NextToken": "again"}))
    await control.quotas()
    assert len(transport.sent) == 60


XML: Final = (
    b"<ErrorResponse><Error><Code>ExpiredToken</Code><Message>a &lt; b</Message></Error></ErrorResponse>"
)


DENIED: Final = answer({"message": "no"}, 403, x_amzn_errortype="AccessDeniedException:http://x/")
SLOW: Final = answer({"__type": "com.x#TooManyRequestsException", "Message": "slow"}, 400)


@pytest.mark.parametrize(
    ("recording", "error", "said"),
    [
        (answer(XML, 403), "ExpiredToken", "a < b"),
        (DENIED, "AccessDeniedException", "no"),
        (SLOW, "TooManyRequestsException", "slow"),
        (answer(b"<html>Bad Gateway</html>", 502), "", ""),
        (answer(b"\xff\xfe", 500), "", ""),
        (answer(b"[" * 5_000, 500), "", ""),
        (answer({"message": "x" * 900}, 500), "", "x" * 300 + "…"),
    ],
)
async def test_an_error_has_the_code_and_the_words_of_aws(
    recording: Recording, error: str, said: str
) -> None:
    control, _ = plane(recording)
    with pytest.raises(AwsRefused) as refused:
        await control.caller()
    assert (refused.value.error, refused.value.said) == (error, said)
    assert refused.value.answer_status == recording.status


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"modelDetails": {}}', b"[" * 5_000])
async def test_an_answer_that_cannot_be_read_is_refused(body: bytes) -> None:
    control, _ = plane(answer(body))
    with pytest.raises(AwsRefused, match="cannot be read"):
        await control.model("x")


def ticking(*times: float) -> Callable[[], float]:
    hands: Iterator[float] = iter(times)
    return lambda: next(hands)


@pytest.mark.parametrize(
    ("times", "ahead"),
    [
        ((NOW, NOW + 0.2), 0.0),  # its date may be up to a second older than the answer
        ((NOW + 0.9, NOW + 1.1), 0.0),
        ((NOW + 90.0, NOW + 90.2), 89.0),
        ((NOW - 90.2, NOW - 90.0), -90.0),
        ((NOW - 20.0, NOW + 5.0), 0.0),  # a slow answer says little
    ],
)
async def test_the_clock_is_compared_by_what_the_answer_can_say(
    times: tuple[float, ...], ahead: float
) -> None:
    control, _ = plane(answer({}, date="Fri, 15 Jan 2027 08:00:00 GMT"), clock=ticking(*times))
    await control.reach()
    assert control.ahead_s == pytest.approx(ahead)


@pytest.mark.parametrize("date", ["", "yesterday", "Fri, 99 Jan 2027 08:00:00 GMT"])
async def test_an_answer_without_a_good_date_says_nothing_of_the_clock(date: str) -> None:
    control, _ = plane(answer({}, date=date))
    await control.reach()
    assert control.ahead_s is None


async def test_a_key_is_shown_to_nobody_in_an_error() -> None:
    control, _ = plane(answer({"message": "no"}, 403))
    with pytest.raises(AwsRefused) as refused:
        await control.logging()
    assert "secret" not in f"{refused.value!r} {refused.value}"


SCENARIO: Final = Scenario(
    models={f"example.m{n}-v1:0": SimulatedModel() for n in range(80)}, quotas={"*": Quota(7)}
)


async def test_the_simulator_understands_every_question() -> None:
    async with Simulator(SCENARIO) as simulator:
        transport = open_transport()
        keys = Keys("test", "test")
        control = ControlPlane(transport, keys, "eu-central-1", endpoint=simulator.url)
        await control.reach()
        assert (await control.model("example.m7-v1:0")).model_lifecycle.status == "ACTIVE"
        assert (await control.caller()).account == "123456789012"
        assert len(await control.quotas()) == 2 * 81  # more than one page
        with pytest.raises(AwsRefused) as refused:
            await ControlPlane(transport, Bearer("test"), "eu-central-1", endpoint=simulator.url).caller()
        assert refused.value.denied
        await transport.close()
