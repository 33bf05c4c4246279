"""The way of a request: which steps it takes, and which refusal can come out of each."""

import asyncio

import pytest

from proviso.errors import ModelUnavailable
from proviso.models import ModelRequest, Scripted
from proviso.orchestrator import Caller, serve
from proviso.types import Answer, Draft, Principal, Refusal, Served, StopReason, Turn
from tests.orchestrator.made import DANA, RATE, Steps, Waiting, quoting, raising, release, run, saying
from tests.waiting import PATIENCE_S

OSLO = "What is the per diem for Oslo?"
ALL_STEPS = ["screen", "purpose", "retrieve", "render", "draft", "verify"]
CARD = "My card is 4111 1111 1111 1111. " + OSLO


async def ask(question: str = OSLO, **kwargs: object) -> tuple[Served, Steps]:
    ledger = Steps()
    of = kwargs.pop("of", None) or release()
    history = kwargs.pop("history", ())
    return await serve(run(question, of, *history, **kwargs), ledger), ledger  # type: ignore[arg-type,misc]  # passed on as given


def refusal(served: Served) -> tuple[str, str]:
    assert isinstance(served.outcome, Refusal)
    return served.outcome.reason, served.outcome.clause


async def test_an_answer_is_cited_and_takes_every_step_in_order() -> None:
    asked = run(OSLO)
    served = await serve(asked, Steps())
    assert isinstance(served.outcome, Answer)
    assert [citation.quote for citation in served.outcome.citations] == [RATE]
    assert list(asked.timings) == ALL_STEPS


async def test_blocked_input_is_refused_before_anything_else_sees_it() -> None:
    served, ledger = await ask(CARD)
    assert refusal(served) == ("blocked_input", "inputs.sensitive.block.CREDIT_DEBIT_CARD_NUMBER")
    assert list(ledger.only().timings) == ["screen"]


async def test_a_blocked_earlier_turn_refuses_the_question() -> None:
    served, ledger = await ask(history=(Turn("user", CARD), Turn("assistant", "No.")))
    assert refusal(served)[0] == "blocked_input"
    assert ledger.only().decisions[0].channel == "history"


async def test_a_refused_purpose_gets_its_template_and_no_passage() -> None:
    served, ledger = await ask("Can I sue the airline?")
    assert refusal(served) == ("out_of_purpose", "purpose.refuses.legal-advice")
    assert served.outcome.text == "Ask a lawyer."
    assert ledger.only().passages == ()


async def test_an_empty_retrieval_is_refused_and_the_record_says_why() -> None:
    served, ledger = await ask("Zebra unicorns?")
    assert refusal(served) == ("no_evidence", "inputs.sources")
    assert ledger.only().retrieval_empty == "no_match"


async def test_who_may_read_no_source_is_told_the_same_as_if_there_were_nothing() -> None:
    stranger = Caller(Principal("kim", frozenset({"guests"}), frozenset({"user"}), "k2"), "s2")
    served, ledger = await ask(caller=stranger)
    nothing, _ = await ask("Zebra unicorns?")
    assert served.outcome == nothing.outcome
    assert ledger.only().retrieval_empty == "filtered_by_access"


async def test_a_model_that_says_no_evidence_is_believed() -> None:
    served, _ = await ask(of=release(saying("", StopReason.NO_EVIDENCE)))
    assert refusal(served)[0] == "no_evidence"


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("The per diem for Oslo is NOK 1,020 for a full day.", "outputs.citations"),
        ("The per diem for Oslo is NOK 1,500 for a full day. [1]", "safety.grounding.method.numbers"),
        ("Penguins march quietly through the moonlit harbour. [1]", "safety.grounding.threshold"),
        ("The per diem for Oslo is NOK 1,020 for a full day. [7]", "outputs.citations"),
    ],
)
async def test_a_draft_that_fails_a_check_is_refused_by_the_clause_of_that_check(
    text: str, clause: str
) -> None:
    served, _ = await ask(of=release(saying(text)))
    assert refusal(served) == ("failed_check", clause)


async def test_a_draft_that_was_cut_off_is_no_answer() -> None:
    served, _ = await ask(of=release(saying(f"{RATE} [1]", StopReason.MAX_TOKENS)))
    assert refusal(served) == ("failed_check", "outputs.format")


async def test_over_the_deadline_the_request_is_refused_in_time() -> None:
    served, ledger = await asyncio.wait_for(ask(of=release(Waiting(), deadline_s=0.02)), PATIENCE_S)
    assert refusal(served) == ("deadline", "latency.deadline_ms")
    assert ledger.only().outcome == "refusal"


async def test_a_time_out_inside_a_model_is_not_called_a_deadline() -> None:
    with pytest.raises(TimeoutError):
        await ask(of=release(raising(TimeoutError("socket"))))


async def test_a_model_out_of_reach_is_refused_as_the_contract_says() -> None:
    served, _ = await ask(of=release(raising(ModelUnavailable("gone"))))
    assert refusal(served) == ("unavailable", "models.when_unavailable")


async def test_the_model_sees_masked_text_the_bound_and_the_deadline() -> None:
    seen: list[ModelRequest] = []

    def script(request: ModelRequest) -> Draft:
        seen.append(request)
        return quoting(RATE)

    mail = "Write to kim@example.com: what is the per diem for Oslo?"
    await ask(mail, of=release(Scripted(script)), history=(Turn("user", "I am kim@example.com"),))
    assert "kim@example.com" not in repr(seen)
    assert seen[0].rendered.question.text.startswith("Write to [EMAIL]")
    assert seen[0].max_tokens == 200
    assert seen[0].deadline is not None


async def test_the_turn_before_helps_to_find_passages() -> None:
    served, _ = await ask("And for a full day?", history=(Turn("user", OSLO), Turn("assistant", "Yes.")))
    assert isinstance(served.outcome, Answer)


async def test_a_decision_is_recorded_once() -> None:
    served, ledger = await ask("I am kim@example.com. Can I sue the airline?")
    rules = [decision.rule for decision in served.decisions]
    assert rules == ["EMAIL", "legal-advice"]
    assert ledger.only().decisions == served.decisions


async def test_the_record_names_caller_release_terms_prompt_and_model() -> None:
    _, ledger = await ask()
    event = ledger.only()
    assert (event.subject, event.groups, event.key) == (DANA.subject, ("staff",), "k1")
    assert (event.release, event.terms, event.snapshot) == ("a" * 64, "b" * 64, "c" * 64)
    assert (event.prompt, len(event.prompt_version), event.model) == ("prompts/answer.md", 64, "extractive")
