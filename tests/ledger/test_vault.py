"""The vault: keeps what the contract logs, and nothing else; knows who stands behind a pseudonym."""

import pytest

from proviso.errors import StoreUnavailable
from proviso.ledger import Payload, PayloadRefused, Vault
from proviso.ledger.vault import MemorySubjects
from proviso.types import Answer, Channel, Citation, Refusal, Screened
from tests.engines import Engine
from tests.ledger.samples import payload

QUESTION = Screened("What is the per diem?", Channel.USER)


@pytest.fixture
def vault() -> Vault:
    return Vault(MemorySubjects())


def test_nothing_is_sealed_where_nothing_may_be_logged(vault: Vault) -> None:
    assert vault.seal(Payload(QUESTION, payload().outcome, frozenset())) is None


def test_a_run_that_ended_before_its_question_was_screened_leaves_no_text(vault: Vault) -> None:
    assert vault.seal(Payload(None, None, frozenset({"question", "answer"}))) is None


@pytest.mark.parametrize("part", ["question", "answer"])
def test_only_the_parts_that_are_logged_are_in_the_sealed_bytes(vault: Vault, part: str) -> None:
    sealed = vault.seal(payload("What is the per diem?", part))
    assert sealed is not None
    assert (b"per diem" in sealed, b"75 EUR" in sealed) == (part == "question", part == "answer")


def test_the_text_of_a_refusal_counts_as_the_answer(vault: Vault) -> None:
    refusal = Refusal("inputs.sources", "no_evidence", "I found nothing.")
    sealed = vault.seal(Payload(QUESTION, refusal, frozenset({"answer", "citations"})))
    assert sealed is not None
    assert vault.open(sealed).answer == "I found nothing."
    assert vault.open(sealed).citations is None


def test_a_part_that_nobody_may_store_is_refused(vault: Vault) -> None:
    with pytest.raises(PayloadRefused, match="model_reasoning"):
        vault.seal(Payload(QUESTION, None, frozenset({"question", "model_reasoning"})))


def test_citations_come_back_with_their_quotes(vault: Vault) -> None:
    cited = Citation(1, "travel", "a.md", "A", "d" * 64, "p1", 0, 8, "75 euros", "e" * 64)
    sealed = vault.seal(Payload(None, Answer("75", (cited,)), frozenset({"citations"})))
    assert sealed is not None
    assert vault.open(sealed).citations == (cited,)


def test_a_pseudonym_does_not_tell_the_user_and_is_the_same_in_every_process(engine: Engine) -> None:
    one, two = Vault(engine.control()), Vault(engine.control())
    assert one.pseudonym("dana") == two.pseudonym("dana")
    assert "dana" not in one.pseudonym("dana")
    assert two.user(one.pseudonym("dana")) == "dana"


def test_an_unknown_pseudonym_leads_to_nobody(vault: Vault) -> None:
    assert vault.user("s0") == ""


def test_a_store_that_is_gone_is_said_and_not_hidden(engine: Engine) -> None:
    control = engine.control()
    control.database.close()
    with pytest.raises(StoreUnavailable):
        Vault(control).pseudonym("dana")
