"""Signatures are those of botocore, header by header, and what is kept between them does not show."""

import random
from datetime import UTC, datetime
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from proviso.aws.protocol import Bearer, HttpRequest, Keys, NoCredentials
from proviso.aws.signing import Signer, host_header

ARN = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/a1b2c3"
PATHS = (
    f"/model/{quote(ARN, safe='')}/converse",
    "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse-stream",
    f"/guardrail/{quote('ä€𝄞 /~', safe='')}/version/1/apply",
    "/a/./b/../c//d/",
    "/..",
    "/",
    "",
    "/%25%2F+=@$!*'(),;&",
)
QUERIES = ("", "?", "?b=2&a=1", "?a=2&a=1&a", "?maxResults=10&nextToken=a%2Fb%3D", "?flag")
HEADERS = {
    "Content-Type": "application/json",
    "accept": "application/vnd.amazon.eventstream",
    "X-Amzn-Bedrock-Trace": "  ENABLED   twice  ",
    "X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD",
    "User-Agent": "not signed",
    "Traceparent": "00-not-signed",
    "X-Ü": "naïve",
    "Empty": "",
}
ORIGINS = (
    "https://bedrock-runtime.eu-central-1.amazonaws.com",
    "http://127.0.0.1:8080",
    "https://Bedrock.EXAMPLE:443",
    "http://[::1]:80",
    "https://[fd00::1]:8443",
)


def any_request(dice: random.Random) -> HttpRequest:
    names = dice.sample(sorted(HEADERS), dice.randint(0, len(HEADERS)))
    return HttpRequest(
        method=dice.choice(("GET", "POST", "PUT", "DELETE", "post")),
        origin=dice.choice(ORIGINS),
        path=dice.choice(PATHS) + dice.choice(QUERIES),
        headers={name: HEADERS[name] for name in names},
        body=dice.randbytes(dice.choice((0, 1, 70, 3000))),
    )


def any_keys(dice: random.Random) -> Keys:
    token = dice.choice(("", "FwoGZXIvYXdzE//token+with/all=="))
    return Keys(f"AKIA{dice.randint(0, 3)}", f"wJalrXUtnFEMI/K7MDENG+{dice.randint(0, 3)}", token)


def by_botocore(request: HttpRequest, keys: Keys, service: str, region: str) -> dict[str, str]:
    theirs = AWSRequest(request.method, request.origin + request.path, dict(request.headers), request.body)
    credentials = Credentials(keys.access_key, keys.secret_key, keys.token or None)
    SigV4Auth(credentials, service, region).add_auth(theirs)
    return {name: value for name, value in theirs.headers.items() if name not in request.headers}


def test_four_hundred_signatures_are_those_of_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    dice, signer = random.Random(4), Signer()
    for _ in range(400):
        request, keys, now = any_request(dice), any_keys(dice), dice.uniform(0, 4e9)
        region, service = dice.choice(("eu-central-1", "us-gov-west-1")), dice.choice(("bedrock", "sts"))
        moment = datetime.fromtimestamp(now, UTC)
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda moment=moment: moment)
        ours = signer.sign(request, keys, region=region, service=service, now=now)
        assert ours == by_botocore(request, keys, service, region), request


def signed(signer: Signer, keys: Keys, headers: dict[str, str], now: float = 0.0) -> dict[str, str]:
    request = HttpRequest("POST", ORIGINS[0], PATHS[0], headers, b"{}")
    return signer.sign(request, keys, region="eu-central-1", service="bedrock", now=now)


def test_a_signer_that_has_kept_much_signs_as_a_new_one_does() -> None:
    used = Signer()
    for number in range(600):
        signed(used, Keys("a", str(number)), {f"x-{number}": "1"}, 86_400.0 * number)
    assert signed(used, Keys("a", "b"), {}, 5.0) == signed(Signer(), Keys("a", "b"), {}, 5.0)


def test_a_path_signed_once_is_not_mixed_up_with_another() -> None:
    signer, keys = Signer(), Keys("a", "b")
    requests = [HttpRequest("POST", ORIGINS[0], path, {}, b"") for path in PATHS[:4]] * 2
    signatures = [signer.sign(r, keys, region="r", service="s", now=0.0)["Authorization"] for r in requests]
    assert signatures[:4] == signatures[4:]
    assert len(set(signatures)) == 4


def test_what_an_earlier_signature_left_is_replaced() -> None:
    first = signed(Signer(), Keys("a", "b", "t"), {})
    again = signed(Signer(), Keys("a", "b", "t"), first)
    assert again == first


def test_an_api_key_goes_as_it_is() -> None:
    request = HttpRequest("POST", ORIGINS[0], PATHS[0], {}, b"{}")
    headers = Signer().sign(request, Bearer("bedrock-key"), region="", service="", now=0.0)
    assert headers == {"Authorization": "Bearer bedrock-key"}


def test_an_api_key_does_not_go_over_a_network_in_the_clear() -> None:
    request = HttpRequest("POST", "http://bedrock.example", "/", {}, b"")
    with pytest.raises(NoCredentials, match="anyone between") as refused:
        Signer().sign(request, Bearer("bedrock-key"), region="", service="", now=0.0)
    assert "bedrock-key" not in str(refused.value)


@pytest.mark.parametrize("origin", ["http://127.0.0.1:9", "http://localhost", "http://[::1]:80"])
def test_an_api_key_goes_to_this_machine(origin: str) -> None:
    request = HttpRequest("POST", origin, "/", {}, b"")
    assert Signer().sign(request, Bearer("k"), region="", service="", now=0.0)


def test_a_host_has_a_port_only_where_it_is_not_the_usual_one() -> None:
    assert [host_header(origin) for origin in ORIGINS] == [
        "bedrock-runtime.eu-central-1.amazonaws.com",
        "127.0.0.1:8080",
        "bedrock.example",
        "[::1]",
        "[fd00::1]:8443",
    ]
