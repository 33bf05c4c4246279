"""From YAML to types: every error is a problem with its place, its clause and a fix."""

import pytest

from proviso.contract.document import parse_document
from proviso.contract.model import Contract
from proviso.contract.read import read
from proviso.contract.workspace import Sources, Tier
from proviso.types import Problem

WRONG = b"""\
contract: Policy QA
tier: internal-assist
summry: x
purpose:
  tasks: [answer, anser]
  refuses:
    - {id: legal-advice, description: x, examples: [], templat: a.md}
    - {id: tax, description: x, examples: [1], template: /a.md}
inputs:
  sensitive: {block: [EMIAL, 5], mask: NAME, "[key]": 1}
  languages: [english]
  max_chars: 10.5
quality:
  intents: {"Per Diem": {accuracy: 2, risk: low, examples: [x]}}
  long_tail:
change_control: {review: {promt: -1}, rollout: x}
"""


@pytest.fixture(scope="module")
def problems() -> list[Problem]:
    document, unread = parse_document("contract.yaml", WRONG)
    assert not unread
    return list(read(Contract, document)[1])


@pytest.mark.parametrize(
    ("clause", "line", "column", "words"),
    [
        ("contract", 1, 11, "`Policy QA` does not have the right form; write lower-case letters"),
        ("summry", 3, 1, "not a key of this section; did you mean `summary`?"),
        ("purpose.tasks.anser", 5, 19, "`anser` is not known here; did you mean `answer`?"),
        ("purpose.refuses.legal-advice.examples", 7, 52, "has too few entries; write at least 1"),
        ("purpose.refuses.legal-advice.templat", 7, 56, "did you mean `template`?"),
        ("purpose.refuses.tax.examples.0", 8, 44, "expected a text, found the number `1`"),
        ("purpose.refuses.tax.template", 8, 58, "write a path below the folder"),
        ("inputs.sensitive.block.EMIAL", 10, 23, "did you mean `EMAIL`?"),
        ("inputs.sensitive.block.1", 10, 30, "expected a word, found the number `5`; use one of `ADDRESS`"),
        ("inputs.sensitive.mask", 10, 40, "expected a list, found the text `NAME`; write a list"),
        ("inputs.sensitive.[key]", 10, 46, "use one of `block`, `mask`, `custom`"),
        ("inputs.languages.english", 11, 15, "write a language code"),
        ("inputs.max_chars", 12, 14, "expected a whole number, found the number `10.5`"),
        ("quality.intents.Per Diem", 14, 13, "`Per Diem` does not have the right form"),
        ("quality.intents.Per Diem.accuracy", 14, 36, "the number `2` is too large; write 1 or less"),
        ("quality.long_tail", 15, 13, "expected a section, found nothing"),
        ("change_control.review.promt", 16, 27, "did you mean `prompt`?"),
        ("change_control.review.promt", 16, 34, "the number `-1` is too small; write 0 or more"),
        ("outputs", 1, 1, "`outputs` is missing; add `outputs`"),
    ],
)
def test_an_error_is_told_with_place_clause_and_fix(
    problems: list[Problem], clause: str, line: int, column: int, words: str
) -> None:
    told = [p for p in problems if p.clause == clause and (p.at.line, p.at.column) == (line, column)]
    assert len(told) == 1
    assert words in f"{told[0].what}; {told[0].fix}"


def test_a_misspelt_key_is_not_also_told_as_missing(problems: list[Problem]) -> None:
    assert not [p for p in problems if p.clause in ("summary", "purpose.refuses.legal-advice.template")]


def test_a_list_with_wrong_entries_is_not_also_called_too_short(problems: list[Problem]) -> None:
    assert not [p for p in problems if p.clause == "inputs.languages"]


def test_a_missing_key_is_placed_at_its_section() -> None:
    document, _ = parse_document("s.yaml", b"sources:\n  a:\n    folder: x\n")
    _, problems = read(Sources, document)
    assert {(p.clause, str(p.at)) for p in problems} >= {("sources.a.title", "s.yaml:2:3")}


def test_an_unknown_key_without_a_near_one_lists_the_known_ones() -> None:
    document, _ = parse_document("s.yaml", b"sources: {}\nzzz: 1\n")
    _, problems = read(Sources, document)
    assert [p.fix for p in problems] == ["use one of `sources`"]


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"~"])
def test_an_empty_file_says_which_sections_it_needs(content: bytes) -> None:
    _, problems = read(Sources, parse_document("s.yaml", content)[0])
    assert [p.fix for p in problems] == ["write its sections: `sources`"]


@pytest.mark.parametrize("content", [b"[1]", b"text", b"5"])
def test_a_file_that_is_no_section_says_what_it_found(content: bytes) -> None:
    _, problems = read(Sources, parse_document("s.yaml", content)[0])
    assert [p.what.split(",")[0] for p in problems] == ["expected a section"]


def test_two_items_of_one_name_go_by_their_index() -> None:
    document, _ = parse_document("t.yaml", b"tasks: [nope, nope]\ndescription: x\nretention: {}\n")
    _, problems = read(Tier, document)
    assert {"tasks.0", "tasks.1"} <= {p.clause for p in problems}


def test_a_file_with_thousands_of_faults_is_told_in_a_hundred() -> None:
    document, _ = parse_document("t.yaml", b"description: x\ntasks: [" + b"x, " * 20_000 + b"]\n")
    _, problems = read(Tier, document)
    assert len(problems) == 101
    assert problems[-1].what == "19,901 more problems like these"


def test_a_whole_number_may_be_written_as_a_share_and_with_an_exponent() -> None:
    text = b"description: x\nretention: {payload_max: 1d, events_min: 1d}\nladder: [1e1, 100.0]\n"
    tier, problems = read(Tier, parse_document("t.yaml", text)[0])
    assert not problems
    assert tier is not None
    assert tier.ladder == (10, 100)
