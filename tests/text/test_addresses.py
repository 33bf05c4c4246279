"""Which addresses may be called: encrypted ones, and plain ones of this machine."""

import pytest

from proviso.text import address, is_loopback


@pytest.mark.parametrize(
    "url", ["https://a.example", "https://a.example:8443/v1", "http://127.0.0.1:9/x", "http://[::1]/"]
)
def test_an_encrypted_address_or_one_of_this_machine_may_be_called(url: str) -> None:
    assert address(url) is not None


@pytest.mark.parametrize(
    "url",
    [
        "", "a.example", "ftp://a.example", "http://a.example", "https://", "https://u:p@a.example", "https://a.example:0",
        "https://a.example?x=1", "https://a.example#x", "https://a.example/ x", "https://ä.example", "https://[::1",
        "http://127.0.0.1.a.example", "http://localhost.a.example",
    ],
)  # fmt: skip
def test_anything_else_may_not(url: str) -> None:
    assert address(url) is None


def test_where_this_machine_is_not_meant_only_encrypted_ones_may() -> None:
    assert address("http://127.0.0.1", loopback=False) is None
    assert address("https://127.0.0.1", loopback=False) is not None


@pytest.mark.parametrize(
    ("host", "here"), [("localhost", True), ("127.8.8.8", True), ("::1", True), ("10.0.0.1", False)]
)
def test_this_machine_is_the_loopback_interface(host: str, *, here: bool) -> None:
    assert is_loopback(host) is here
