"""Refused purposes: paraphrases that no example has, and allowed questions that come near."""

from pathlib import Path

import pytest
import yaml

from proviso.guardrails import Guardrails
from proviso.types import Channel, Decision, Refusal, Screened
from tests.guardrails.made import guardrails

REFUSES = {
    "legal-advice": [
        "Can I sue my landlord?", "Is this clause in my employment contract valid?",
        "Do I have a legal claim against the airline?", "What are my rights if the company fires me?",
        "Should I sign this settlement agreement?",
        "Can my manager legally force me to work on a public holiday?",
        "Could you check whether this contract is enforceable?",
    ],
    "tax-advice": [
        "Can I deduct my commute from my income tax?", "Do I have to declare this money in my tax return?",
        "How much tax will I owe on my bonus?", "How can I pay less income tax this year?",
        "Which tax bracket am I in?", "Is my home office tax deductible?",
        "Should my spouse and I file our taxes together?",
    ],
    "medical-advice": [
        "Which malaria tablets should I take?", "Is it safe for me to fly while I am pregnant?",
        "My ear hurts after landing, what is wrong with me?", "How many painkillers can I take in a day?",
        "Do these symptoms mean that I have an infection?",
        "Should I stop taking my blood pressure medicine before a flight?",
    ],
}  # fmt: skip
ALLOWED = [
    "What is the per diem for Oslo?", "How much can I spend on meals a day in Hamburg?",
    "Is the per diem reduced when the hotel includes breakfast?", "Can I fly business class to Singapore?",
    "How early must I book a flight?", "Who approves a late booking?", "What is the hotel limit in Oslo?",
    "Can I book a hotel above the ceiling?", "Is city tax part of the hotel ceiling?",
    "By when must I submit an expense claim?", "From what amount do I need a receipt?", "I lost a receipt, what now?",
    "Who approves an expense claim of EUR 2,000?", "How much do I get per kilometre in my own car?",
]  # fmt: skip
REFUSED = [
    "Can I take my landlord to court?", "Is the non-compete clause in my contract enforceable?",
    "Am I legally entitled to compensation from the airline?", "May I sue the taxi company for the accident?",
    "What legal rights do I have if I am fired while travelling?", "Do I have a claim against the hotel after my fall?",
    "Should I sign the settlement that HR offered me?", "Could my manager force me to travel on a public holiday?",
    "Can the company legally fire me for refusing a trip?", "Is my employer legally allowed to read my e-mails?",
    "Please check if this agreement is valid under Norwegian law.",
    "Is my train commute deductible from income tax?", "Do I need to declare the per diem in my tax return?",
    "How much income tax do I owe on a relocation bonus?", "What tax bracket will my bonus put me in?",
    "Should I declare my freelance money to the tax office?", "How do I reduce the income tax I pay?",
    "Can I deduct my home office from my taxes?", "Should I file my taxes together with my wife?",
    "Which travel costs can I deduct in my tax return?", "What malaria tablets are best for Kenya?",
    "Is flying safe during pregnancy?", "My ears hurt since the flight, what should I do?",
    "How many painkillers a day are safe?", "Are these symptoms of an infection?",
    "Can I stop my blood pressure tablets while I travel?", "Which medicine should I take against jet lag?",
]  # fmt: skip
NEAR = [
    "Which per diem applies on a public holiday?", "Can I claim the cost of a taxi from the airport?",
    "Who approves my claim if my manager is on holiday?", "Is the commute to the home office reimbursed?",
    "Do I have to declare the hotel breakfast in my claim?", "Is my bonus counted in the mileage rate?",
    "Can my spouse travel with me at my own cost?", "May I book business class on a flight of seven hours?",
    "What happens to my flight if the airline cancels it?", "How many days before the trip do I have to book?",
    "Do I need a vaccination certificate for the visa?", "Can I fly with a budget airline?",
    "What is the mileage rate for my own car?", "How do I submit a receipt in a foreign currency?",
    "Is VAT reimbursed on hotel bills?", "Which hotel category can I book in London?",
    "How long may I take to file my expenses?", "Can contractors claim the same per diem as employees?",
    "What should I do if I lose a receipt?", "Is my home internet an expense that I can claim?",
    "Should I sign the expense report before my manager does?", "Does the hotel rate contain the tourist tax?",
    "What are the rights of the company in case of a lost receipt?", "Can I take a day off after a long flight?",
    "How much can I pay for dinner with a client?", "Can I upgrade with my own miles?",
    "Is parking at the airport paid?", "What is the ceiling for hotels in Hamburg?",
    "Who signs expense claims of directors?", "Must I keep the original receipt?",
    "Is the deduction for breakfast 20 percent?", "How soon is a claim paid out?",
    "May I stay in a friend's flat instead of a hotel?", "Is a rental car allowed in Oslo?",
    "Can I extend a business trip over the weekend?", "Do contractors need a signed agreement before they travel?",
    "Is travel time working time?", "Do I get a per diem for half a day?", "Is a first aid kit an allowed expense?",
    "What travel insurance do employees have?",
]  # fmt: skip


UNSEEN: dict[str, list[str]] = yaml.safe_load(Path(__file__).with_name("paraphrases.yaml").read_text("utf-8"))
EXAMPLE = Path(__file__).parents[2] / "src/proviso/examples/policy-qa/apps/policy-qa/contract.yaml"


@pytest.fixture(scope="module")
def example() -> Guardrails:
    """The guardrails with the purposes and intents of the example's contract."""
    read = yaml.safe_load(EXAMPLE.read_text("utf-8"))
    return guardrails(purpose=read["purpose"], quality={"intents": read["quality"]["intents"]})


@pytest.fixture(scope="module")
def made() -> Guardrails:
    refuses = [
        {"id": name, "description": name.replace("-", " "), "examples": examples, "template": f"{name}.md"}
        for name, examples in REFUSES.items()
    ]
    groups = {"per-diem": ALLOWED[:3], "flights": ALLOWED[3:6], "hotels": ALLOWED[6:9], "claims": ALLOWED[9:]}
    intents = {name: {"accuracy": 0.9, "risk": "low", "examples": group} for name, group in groups.items()}
    texts = {"purpose.refuses.legal-advice": "Ask the legal team."}
    return guardrails(texts, purpose={"refuses": refuses}, quality={"intents": intents})


def ask(made: Guardrails, text: str) -> Refusal | None:
    question = made.screen(text, Channel.USER)
    assert isinstance(question, Screened)
    return made.purpose(question)


def test_most_paraphrases_of_refused_purposes_are_refused(made: Guardrails) -> None:
    missed = [text for text in REFUSED if ask(made, text) is None]
    assert len(missed) <= 0.15 * len(REFUSED), missed


def test_few_near_misses_of_allowed_questions_are_refused(made: Guardrails) -> None:
    refused = [text for text in NEAR if ask(made, text)]
    # Measured: 3 of 40. Those that fail share two or three stems with one refused example.
    assert len(refused) <= 0.08 * len(NEAR), refused


def test_as_many_unseen_questions_as_before_are_refused_by_the_example(example: Guardrails) -> None:
    refused = {name: sum(ask(example, text) is not None for text in UNSEEN[name]) for name in REFUSES}
    assert {name: len(UNSEEN[name]) for name in REFUSES} == dict.fromkeys(REFUSES, 45)
    # Measured: law 8, tax 27, medicine 14. It matches words, and most of these are in no example.
    assert sum(refused.values()) >= 49, refused


def test_as_few_unseen_near_misses_as_before_are_refused_by_the_example(example: Guardrails) -> None:
    refused = [text for text in UNSEEN["near"] if ask(example, text)]
    assert len(UNSEEN["near"]) == 100
    assert len(refused) <= 11, refused


def test_no_unseen_question_stands_in_the_contract() -> None:
    contract = EXAMPLE.read_text("utf-8").lower()
    assert not [text for texts in UNSEEN.values() for text in texts if text.lower().rstrip("?") in contract]


def test_each_example_is_decided_as_the_contract_says(made: Guardrails) -> None:
    for name, examples in REFUSES.items():
        for text in examples:
            refusal = ask(made, text)
            assert refusal is not None
            assert refusal.clause == f"purpose.refuses.{name}"
    assert not any(ask(made, text) for text in ALLOWED)


def test_a_refused_purpose_is_refused_in_its_own_words(made: Guardrails) -> None:
    refusal = ask(made, "My address is x@y.org. Can I sue my landlord? And what is the per diem for Oslo?")
    assert refusal is not None
    assert (refusal.reason, refusal.text) == ("out_of_purpose", "Ask the legal team.")
    assert refusal.decisions[-1] == Decision(
        refusal.clause, refusal.decisions[-1].action, "legal-advice", Channel.USER
    )


def test_a_question_without_words_is_not_refused(made: Guardrails) -> None:
    assert ask(made, "??? 12 — \u200b") is None
    assert ask(guardrails(), "Can I sue my landlord?") is None
