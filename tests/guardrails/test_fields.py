"""Sensitive fields: what each type is, and what only looks like it."""

import re

import pytest
from stdnum import numdb

from proviso.guardrails import numbers
from proviso.types import Channel, Screened
from tests.guardrails.made import guardrails, masking

FOUND = [
    ("EMAIL", "Write to {}.", "dana.smith+travel@mail.example.co.uk"),
    ("EMAIL", "Schreib an {} bitte", "jürgen@müller.example"),
    ("EMAIL", "<{}>", "o'neil@example.org"),
    ("EMAIL", "a link: ?to={}&x=1", "dana%40mail.example"),
    ("EMAIL", "both: {}", "d%40na%40mail.example"),
    ("EMAIL", "<p>{}</p>", "dana&#64;mail.example"),
    ("EMAIL", "<p>{}</p>", "dana&#X40;mail.example"),
    ("EMAIL", "<p>{}</p>", "dana&commat;mail.example"),
    ("EMAIL", "it is {}.", "dana @ mail.example"),
    ("CREDIT_DEBIT_CARD_NUMBER", "card {} please", "4111 1111 1111 1111"),
    ("CREDIT_DEBIT_CARD_NUMBER", "card {}, CVV 123", "5500-0055-5555-5559"),
    ("CREDIT_DEBIT_CARD_NUMBER", "Amex {}.", "3782 822463 10005"),
    ("CREDIT_DEBIT_CARD_NUMBER", "({})", "378282246310005"),
    ("CREDIT_DEBIT_CARD_NUMBER", "4242 4242 and {}", "4242424242424242"),
    ("CREDIT_DEBIT_CARD_NUMBER", "ID 1234 {} 12", "4111 1111 1111 1111"),
    ("CREDIT_DEBIT_CARD_NUMBER", "{} 12/27", "4539 1488 0343 6467"),
    ("CREDIT_DEBIT_CARD_NUMBER", "{}/12/27", "4539 1488 0343 6467"),
    ("CREDIT_DEBIT_CARD_NUMBER", "Amex {}.", "3782\n822463\t10005"),
    ("CREDIT_DEBIT_CARD_NUMBER", "in two parts: {}", "45391488\n03436467"),
    ("CREDIT_DEBIT_CARD_NUMBER", "12\n{}\n345", "4539\t1488\t0343\t6467"),
    ("US_SOCIAL_SECURITY_NUMBER", "It is {}.", "078-05-1120"),
    ("US_SOCIAL_SECURITY_NUMBER", "I am {}, hello", "536 22 8726"),
    ("US_SOCIAL_SECURITY_NUMBER", "I am {}, hello", "536\u00a022\u00a08726"),
    ("US_SOCIAL_SECURITY_NUMBER", "I am {}.", "536.22.8726"),
    ("US_SOCIAL_SECURITY_NUMBER", "I am {}.", "536_22_8726"),
    ("US_SOCIAL_SECURITY_NUMBER", "I am {}.", "536 22\n8726"),
    ("US_SOCIAL_SECURITY_NUMBER", "I am {}.", "536 - 22 - 8726"),
    ("US_SOCIAL_SECURITY_NUMBER", "social security number {}", "536/22  8726"),
    ("US_SOCIAL_SECURITY_NUMBER", "my SSN: {}", "078051120"),
    ("US_SOCIAL_SECURITY_NUMBER", "social security no. {}", "078 05 1120"),
    ("INTERNATIONAL_BANK_ACCOUNT_NUMBER", "Pay {} today", "GB82 WEST 1234 5698 7654 32"),
    ("INTERNATIONAL_BANK_ACCOUNT_NUMBER", "iban {}", "de89370400440532013000"),
    ("INTERNATIONAL_BANK_ACCOUNT_NUMBER", "to {}.", "NO93 8601 1117 947"),
    ("PHONE", "Ring {}!", "+47 22 00 00 00"),
    ("PHONE", "at {} or", "+41 (0)96 471 07 95"),
    ("PHONE", "at {}", "+33 1 23 45 67 89"),
    ("PHONE", "at {}", "+61 (2) 9876 5432"),
    ("PHONE", "at {}", "(212) 555-1234 x12"),
    ("PHONE", "at {}, thanks", "212.555.1234"),
    ("PHONE", "is {}", "020 7946 0958"),
    ("PHONE", "is {} (Bonn)", "0228/123456-78"),
    ("PHONE", "call me at {} tomorrow", "785 8949"),
    ("PHONE", "{} office", "61 51 81 92"),
    ("IP_ADDRESS", "host {}.", "192.168.1.44"),
    ("IP_ADDRESS", "host {} is", "2001:db8::ff00:42:8329"),
    ("IP_ADDRESS", "http://[{}]/", "fe80::1ff:fe23:4567:890a"),
    ("MAC_ADDRESS", "NIC {}", "00:1A:2b:3C:4d:5E"),
    ("URL", "see {}.", "https://example.com/a?b=c"),
    ("AWS_ACCESS_KEY", "key {}", "AKIAIOSFODNN7EXAMPLE"),
    ("AWS_SECRET_KEY", "aws_secret_access_key={}", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
]

NOTHING = [
    "It is 2,500 EUR a year, 1 200 000 in all, from 2026-03-01 to 04.03.2026 10:30.",
    "Invoice 2024-0012345, order 4700123456, cost centre 4711, invoice 012-345-6789.",
    "Version 1.2.3.4 and firmware 10.0.19.1; section 4.1.2.3 says so.",
    "At 12:30:45 on 01-02-2024, between 2019-2020 and 2021-2022.",
    "The ratio is 3.14159265358979 and 1234567890123456 is no card.",
    "std::dec, a::b, me@host, @example.com, a@b.c",
    "000-12-3456, 666-12-3456, 912-34-5678 and 123-00-4567 were never given.",
    "GB82 WEST 1234 5698 7654 33 has wrong check digits.",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709 is the secret digest.",
    "4500\t1488\t0343\t6467\t1200\n4539  1488  0343  6467  1200, and 1200\n4539\n1488\n0343\n6467",
    "45391488 03436467 are two orders; 4539 1488 0343 6467.50 is an amount.",
    "Oslo 120 15 1800, Bergen 1 536 22 8726, 536 22 8726 12, (536 22 8726), 536 22 8726 EUR, $536 22 8726.",
    "Suite 680 36 4022 Oakridge Lane",
    "Build 536.22.8726, invoice 536 22 8726, 536.22_8726, 1.536.22.8726, 536  22  8726, 536\n22\n8726.",
    "536-22 8726 and 53622 8726 and 62701-1234 are in odd groups.",
    "Apples @ 1.50, hi @user.example, at home@ mail.example, 50%40 and a&#64;b.",
    "Room 4242, flight 1234, page 12 345 678, 45 000 000 people.",
]


@pytest.mark.parametrize(("kind", "sentence", "value"), FOUND)
def test_a_value_is_masked_whole_and_nothing_else_is(kind: str, sentence: str, value: str) -> None:
    screened = masking(kind).screen(sentence.format(value), Channel.USER)
    assert screened.text == sentence.format(f"[{kind}]")


@pytest.mark.parametrize("text", NOTHING)
def test_what_only_looks_like_a_sensitive_field_stays(text: str) -> None:
    assert masking().screen(text, Channel.USER) == Screened(text, Channel.USER)


@pytest.mark.parametrize(
    "written",
    [
        "４１１１ 1111 1111 1111",
        "4111\u200b1111\u00ad1111 1111".replace(" ", ""),
        "4111\u00a01111\u20111111 1111",
    ],
)
def test_a_card_in_other_digits_or_with_invisible_characters_is_found(written: str) -> None:
    screened = masking("CREDIT_DEBIT_CARD_NUMBER").screen(f"é {written} é", Channel.USER)
    assert screened.text == "é [CREDIT_DEBIT_CARD_NUMBER] é"


@pytest.mark.parametrize(
    "gap", ["\n", "\r\n", "\t", "  ", "\u00a0", "\u2003", ".", "/", "_", " - ", "\x0b", "\u2028", ". "]
)
def test_a_card_is_found_whatever_stands_between_its_groups(gap: str) -> None:
    for written in (gap.join(["4539", "1488", "0343", "6467"]), f"4539 1488{gap}0343 6467"):
        screened = masking("CREDIT_DEBIT_CARD_NUMBER").screen(f"My card: {written}, thanks", Channel.USER)
        assert screened.text == "My card: [CREDIT_DEBIT_CARD_NUMBER], thanks"


def test_a_finding_names_its_place_in_the_original_text() -> None:
    text = "ﬁx \u200b\u200b dana@example.com"
    (finding,) = masking("EMAIL").findings(text, Channel.USER)
    assert text[finding.start : finding.end] == "dana@example.com"


def test_overlapping_values_leave_no_part_visible() -> None:
    badge = {"id": "badge", "pattern": "EMP [a-z]+", "action": "mask"}
    both = guardrails(inputs={"sensitive": {"mask": ["EMAIL"], "custom": [badge]}, "languages": ["en"]})
    assert both.screen("x EMP dana@example.com y", Channel.USER).text == "x [EMAIL] y"


def test_the_lengths_of_bank_accounts_agree_with_the_published_registry() -> None:
    registry = numdb.get("iban")
    for country, length in numbers.IBAN_LENGTHS.items():
        ((_, properties),) = registry.info(country)[:1]
        bban = sum(int(part) for part in re.findall(r"(\d+)!", properties.get("bban", "")))
        assert not bban or bban + 4 == length, country
