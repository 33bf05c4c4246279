"""Prices from LiteLLM's file: exact, the dearest where several may apply, and refused where they cannot be kept."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.contract import (
    BookPrice,
    ModelRegister,
    PriceBook,
    PriceFileUnreadable,
    book_text,
    changes,
    import_prices,
    with_prices,
)
from proviso.contract.document import parse_document
from proviso.contract.read import read
from tests.contract.hosting import BOOK, host
from tests.contract.workspace import Copy

NAME = "example.small-v1:0"


@pytest.fixture(scope="module")
def register(tmp_path_factory: pytest.TempPathFactory) -> ModelRegister:
    return host(Copy(tmp_path_factory.mktemp("litellm"))).load().models


def file(**entries: dict[str, Any]) -> bytes:
    """Return a price file with entries for the small model: by its name, or by `…_REGION`."""
    names = {"small": NAME, "eu": f"bedrock/eu-central-1/{NAME}", "us": f"bedrock/us-east-1/{NAME}"}
    made = {names[key]: {"litellm_provider": "bedrock", **entry} for key, entry in entries.items()}
    return json.dumps(made).encode()


def small(content: bytes, register: ModelRegister) -> BookPrice:
    return import_prices(content, register).prices[NAME]


COST = {"input_cost_per_token": 2.5e-07, "output_cost_per_token": 1.25e-06}


def test_floats_of_dollars_become_exact_micro_dollars(register: ModelRegister) -> None:
    cached = {"cache_read_input_token_cost": 2.5e-08, "cache_creation_input_token_cost": 3.125e-07}
    price = small(file(small={**COST, **cached, "litellm_provider": "bedrock_converse"}), register)
    assert price == BookPrice(input=250_000, output=1_250_000, cache_read=25_000, cache_write=312_500)


@settings(deadline=None, max_examples=100)
@given(micro=st.integers(0, 10**9))
def test_every_whole_number_of_micro_dollars_comes_through_a_float(
    register: ModelRegister, micro: int
) -> None:
    cost = micro / 10**12
    assert small(file(small={**COST, "input_cost_per_token": cost}), register).input == micro


def test_of_a_region_that_the_model_may_be_in_the_dearer_price_counts(register: ModelRegister) -> None:
    dear = {"input_cost_per_token": 3e-07, "output_cost_per_token": 1e-06}
    assert small(file(small=COST, eu=dear), register) == BookPrice(input=300_000, output=1_250_000)
    assert small(file(small=COST, us=dear), register) == BookPrice(input=250_000, output=1_250_000)


def test_prices_of_long_prompts_count_only_for_models_that_take_them(register: ModelRegister) -> None:
    long = {**COST, "input_cost_per_token_above_200k_tokens": 5e-07, "litellm_provider": "bedrock"}
    content = json.dumps({NAME: long, "eu.example.wide-v1:0": long}).encode()
    prices = import_prices(content, register).prices
    assert (prices[NAME].input, prices["eu.example.wide-v1:0"].input) == (250_000, 500_000)


def test_models_that_the_file_does_not_know_are_named_and_other_providers_are_not_read(
    register: ModelRegister,
) -> None:
    imported = import_prices(file(small={**COST, "litellm_provider": "azure"}), register)
    assert imported.prices == {}
    assert set(imported.missing) == {NAME, "example.large-v1:0", "eu.example.wide-v1:0"}


@pytest.mark.parametrize("cost", ["3e-06", True, -1e-06, 2, 1e-13, 2.5e-12, [], 1e300])
def test_what_is_no_exact_price_of_a_token_is_refused(register: ModelRegister, cost: object) -> None:
    with pytest.raises(PriceFileUnreadable) as refused:
        small(file(small={**COST, "input_cost_per_token": cost}), register)
    assert refused.value.fix


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b"null",
        b"[" * 100_000,
        b'{"a": NaN}',
        b'{"a": Infinity}',
    ],
)
def test_what_is_no_price_file_is_refused(register: ModelRegister, content: bytes) -> None:
    with pytest.raises(PriceFileUnreadable):
        import_prices(content, register)


@pytest.mark.parametrize("cost", ["1e-999999999999", "1e999999999999", "0." + "1" * 99])
def test_a_number_that_only_text_can_hold_is_refused_too(register: ModelRegister, cost: str) -> None:
    content = file(small={**COST, "input_cost_per_token": 0.5}).replace(b"0.5", cost.encode())
    with pytest.raises(PriceFileUnreadable):
        import_prices(content, register)


def test_a_model_without_a_price_of_input_is_missing(register: ModelRegister) -> None:
    assert NAME in import_prices(file(small={**COST, "input_cost_per_token": None}), register).missing


def test_only_what_differs_is_a_change_and_the_rest_of_the_book_stays(register: ModelRegister) -> None:
    book = PriceBook(version=3, source="x", updated="2026-01-01", prices={NAME: BookPrice(input=1, output=2)})
    assert not changes(book, {NAME: BookPrice(input=1, output=2)})
    other = {"b": BookPrice(input=1, output=1)}
    assert [(one.name, one.old) for one in changes(book, other)] == [("b", None)]
    after = with_prices(book, other, source="y", updated="2026-02-02")
    assert (after.version, set(after.prices), set(book.prices)) == (4, {NAME, "b"}, {NAME})


names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20)
amounts = st.integers(0, 10**12)


@settings(deadline=None, max_examples=25)
@given(
    st.dictionaries(
        names, st.builds(BookPrice, input=amounts, output=amounts, cache_read=st.none() | amounts), max_size=4
    )
)
def test_a_book_that_was_written_is_read_back(prices: dict[str, BookPrice]) -> None:
    book = PriceBook(version=2, source="somewhere: #1", updated="2026-01-01", prices=prices)
    document, problems = parse_document("prices.yaml", book_text(book).encode())
    assert (read(PriceBook, document), problems) == ((book, ()), ())


def test_comments_above_the_first_key_stay() -> None:
    document, _ = parse_document("prices.yaml", BOOK.encode())
    book, _ = read(PriceBook, document)
    assert book is not None
    text = book_text(book, "# Ours.\n\n# Checked by finance.\nversion: 1\n# gone\n")
    assert text.startswith("# Ours.\n\n# Checked by finance.\nversion: 3\n")
    assert "gone" not in text
