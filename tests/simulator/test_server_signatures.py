"""Signature Version 4 is checked against botocore's own signer; whatever is changed afterwards is refused."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from bedrock_simulator.exchange import ServiceError
from bedrock_simulator.messages import Received
from bedrock_simulator.signatures import Authenticator

ARN = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc123"
CONVERSE = f"http://127.0.0.1:8080/model/{quote(ARN, safe='')}/converse"
HEADERS = {"Content-Type": "application/json", "X-Amzn-Bedrock-Trace": "  ENABLED   FULL "}


def now() -> datetime:
    return datetime.now(UTC)


def authenticator(*, later: timedelta = timedelta()) -> Authenticator:
    return Authenticator({"test": "secret", "ASIATEMPORARY": "secret"}, ("key",), lambda: now() + later)


def signed(
    url: str = CONVERSE,
    body: bytes = b'{"messages":[]}',
    *,
    key: str = "test",
    secret: str = "secret",
    token: str | None = None,
    service: str = "bedrock",
) -> Received:
    """Return a request as botocore signs it."""
    request = AWSRequest("POST", url, headers=HEADERS, data=body)
    SigV4Auth(Credentials(key, secret, token), service, "eu-west-1").add_auth(request)
    parts = urlsplit(url)
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    return Received("POST", parts.path, parts.query, headers | {"host": parts.netloc}, body)


def refusal_of(request: Received, *, later: timedelta = timedelta(), bearer: bool = True) -> ServiceError:
    with pytest.raises(ServiceError) as refused:
        authenticator(later=later).authenticate(request, "bedrock", bearer=bearer)
    return refused.value


def test_a_signature_over_an_arn_is_taken() -> None:
    assert authenticator().authenticate(signed(), "bedrock", bearer=True) == "test"


@settings(deadline=None, max_examples=100)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    st.dictionaries(st.sampled_from("abcd"), st.text(st.characters(exclude_categories=["Cs"]), max_size=12)),
    st.binary(max_size=50),
)
def test_what_botocore_signs_is_taken(label: str, query: dict[str, str], body: bytes) -> None:
    words = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    url = f"http://localhost:1/model/{quote(f'x{label}', safe='')}/invoke" + (f"?{words}" if words else "")
    assert authenticator().authenticate(signed(url, body), "bedrock", bearer=True) == "test"


def flipped(name: str) -> Callable[[Received], Received]:
    def change(request: Received) -> Received:
        value = request.headers[name]
        return structs.replace(
            request, headers=request.headers | {name: value[:-1] + chr(ord(value[-1]) ^ 1)}
        )

    return change


@pytest.mark.parametrize(
    "change",
    [
        flipped("authorization"),
        flipped("host"),
        flipped("content-type"),
        lambda request: structs.replace(request, body=request.body[:-1] + b"]"),
        lambda request: structs.replace(request, path=request.path.replace("abc123", "abc124")),
        lambda request: structs.replace(request, path=request.path.replace("%3A", ":")),
        lambda request: structs.replace(request, query="a=1"),
        lambda request: structs.replace(request, method="PUT"),
    ],
)
def test_a_change_after_signing_is_refused(change: Callable[[Received], Received]) -> None:
    refused = refusal_of(change(signed()))
    assert (refused.code, refused.status) == ("InvalidSignatureException", 403)


def test_a_wrong_secret_is_refused() -> None:
    assert refusal_of(signed(secret="other")).code == "InvalidSignatureException"


def test_a_key_that_nobody_knows_is_refused() -> None:
    assert refusal_of(signed(key="nobody")).code == "UnrecognizedClientException"


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_clock_that_is_six_minutes_off_is_refused(minutes: int) -> None:
    refused = refusal_of(signed(), later=timedelta(minutes=minutes))
    assert (refused.code, "5 min" in refused.message) == ("InvalidSignatureException", True)


def test_a_clock_that_is_four_minutes_off_is_taken() -> None:
    early = authenticator(later=timedelta(minutes=4))
    assert early.authenticate(signed(), "bedrock", bearer=True) == "test"


def test_temporary_credentials_need_their_token() -> None:
    with_token = signed(key="ASIATEMPORARY", token="session")
    assert authenticator().authenticate(with_token, "bedrock", bearer=True) == "ASIATEMPORARY"
    assert refusal_of(signed(key="ASIATEMPORARY")).code == "UnrecognizedClientException"


def test_a_token_that_is_not_signed_is_refused() -> None:
    request = signed()
    added = structs.replace(request, headers=request.headers | {"x-amz-security-token": "slipped in"})
    assert refusal_of(added).code == "InvalidSignatureException"


def test_an_expired_token_is_told_so() -> None:
    assert refusal_of(signed(token="expired-since-noon")).code == "ExpiredTokenException"


def test_a_scope_of_another_service_is_refused() -> None:
    refused = refusal_of(signed(service="bedrock-runtime"))
    assert "correct service: 'bedrock'" in refused.message


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "MissingAuthenticationTokenException"),
        ("Basic dGVzdA==", "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256 nonsense", "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0", "IncompleteSignatureException"),
        (
            "AWS4-HMAC-SHA256 Credential=test/20250101/r/bedrock/aws4_request, SignedHeaders=host, Signature=é",
            "IncompleteSignatureException",
        ),
        ("Bearer wrong", "AccessDeniedException"),
    ],
)
def test_what_is_no_signature_is_refused(header: str, code: str) -> None:
    assert refusal_of(Received("POST", "/", "", {"authorization": header, "host": "x"}, b"")).code == code


def bearing(key: str) -> Received:
    return Received("POST", "/", "", {"authorization": f"Bearer {key}"}, b"")


def test_a_bearer_key_is_taken_where_the_service_has_them() -> None:
    assert authenticator().authenticate(bearing("key"), "bedrock", bearer=True) == "bearer"


def test_a_bearer_key_is_refused_by_the_agents_runtime() -> None:
    assert refusal_of(bearing("key"), bearer=False).code == "AccessDeniedException"


def test_a_flipped_byte_is_refused_on_the_wire(simulator: Any, client_for: Any) -> None:
    client = client_for("bedrock-runtime", aws_secret_access_key="tesu")
    with pytest.raises(client.exceptions.ClientError, match="InvalidSignatureException"):
        client.count_tokens(modelId="simulator.echo-v1:0", input={"converse": {"messages": []}})
    assert [request.outcome for request in simulator.requests] == ["InvalidSignatureException"]
