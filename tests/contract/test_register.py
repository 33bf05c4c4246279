"""The register, the price book and the environments: each fault is told once, at its place, with its fix."""

from contextlib import ExitStack

import pytest

from proviso.contract import TokenPrice, price_of
from tests.contract.faults import MODELS
from tests.contract.hosting import HOSTED_FAULTS, PRICES, host
from tests.contract.workspace import Copy


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return host(Copy(tmp_path_factory.mktemp("hosted")))


def test_hosted_models_with_their_prices_and_places_have_no_problem(hosted: Copy) -> None:
    assert not hosted.problems()


@pytest.mark.parametrize("case", HOSTED_FAULTS)
def test_a_fault_is_told_once_at_its_place_with_its_fix(hosted: Copy, case: str) -> None:
    file, old, new, clause, words = HOSTED_FAULTS[case]
    with hosted.as_it_was(file):
        hosted.replace(file, old, new)
        (problem,) = hosted.problems()
    assert (problem.at.file, problem.clause) == (file, clause)
    assert words in f"{problem.what}; {problem.fix}"
    assert problem.at.line


# What is left out needs the very value that another fault spoils, or stands on the same line.
APART = HOSTED_FAULTS.keys() - {
    "a guardrail that can change",
    "a guardrail of no number",
    "a region of no kind",
    "Bedrock on this machine",
    "an ARN of another region",
    "a server's whole path",
    "a binding of no model",
    "a binding of another provider's model",
    "an environment of no kind",
    "a region twice",
    "an endpoint with a path",
    "a feature twice",
    "a price in dollars",
    "an account in the register",
}


def test_all_faults_at_once_give_the_problems_of_all(hosted: Copy) -> None:
    with ExitStack() as undo:
        for file in {HOSTED_FAULTS[name][0] for name in APART}:
            undo.enter_context(hosted.as_it_was(file))
        for name in APART:
            hosted.replace(*HOSTED_FAULTS[name][:3])
        told = hosted.problems()
    assert sorted(problem.clause for problem in told) == sorted(HOSTED_FAULTS[name][3] for name in APART)
    assert len(APART) >= 16


def test_a_hosted_model_that_nobody_prices_is_told_with_the_name_that_the_book_lacks(hosted: Copy) -> None:
    with hosted.as_it_was(PRICES):
        hosted.replace(PRICES, "  example.small-v1:0:", "  example.smal-v1:0:")
        (problem,) = hosted.problems()
    assert (problem.at.file, problem.clause) == (MODELS, "models.small")
    assert "`example.small-v1:0` to prices.yaml" in problem.fix


def test_a_price_of_the_register_goes_before_the_book(hosted: Copy) -> None:
    app, entry = hosted.load(), "lifecycle: {status: active}\n    trade_off: It words"
    assert price_of(app.models.models["small"], app.prices) == TokenPrice(
        250_000, 1_250_000, 250_000, 250_000
    )
    with hosted.as_it_was(MODELS):
        own = "price: {input_per_million_usd: 0.3, output_per_million_usd: 1.1, cache_read_per_million_usd: 0.03}"
        hosted.replace(MODELS, entry, f"{own}\n    {entry}")
        app = hosted.load()
    assert price_of(app.models.models["small"], app.prices) == TokenPrice(300_000, 1_100_000, 30_000, 300_000)


def test_of_several_profiles_the_dearest_price_counts(hosted: Copy) -> None:
    book = (hosted.root / PRICES).read_text()
    with hosted.as_it_was(MODELS), hosted.as_it_was(PRICES):
        hosted.replace(
            MODELS, "id: example.small-v1:0", "id: example.small-v1:0\n    profiles: [a.small, b.small]"
        )
        hosted.write(
            PRICES,
            f"{book}  a.small: {{input: 9, output: 1}}\n  b.small: {{input: 2, output: 7, cache_write: 20}}\n",
        )
        app = hosted.load()
    assert price_of(app.models.models["small"], app.prices) == TokenPrice(9, 7, 9, 20)


def test_a_price_book_need_not_be_there_but_not_be_empty_either(copy: Copy) -> None:
    assert copy.load().prices is None
    copy.write(PRICES, "")
    assert [problem.what for problem in copy.problems()] == ["empty"]


def test_a_book_that_cannot_be_read_is_one_problem_however_many_models_need_it(hosted: Copy) -> None:
    with hosted.as_it_was(PRICES):
        hosted.write(PRICES, "version: [")
        assert [problem.at.file for problem in hosted.problems()] == [PRICES]
