"""The documents of the policy-qa example: how many, of which kinds, and none of them by accident twice."""

import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import docx
import pypdf
import pytest
import yaml

import proviso

EXAMPLE = Path(proviso.__file__).parent / "examples" / "policy-qa"
DOCUMENTS = sorted(path for path in (EXAMPLE / "sources").glob("*/*") if path.is_file())
SOURCES = yaml.safe_load((EXAMPLE / "apps" / "policy-qa" / "sources.yaml").read_text("utf-8"))["sources"]


def text_of(path: Path) -> str:
    if path.suffix == ".pdf":
        return "\n".join(page.extract_text() for page in pypdf.PdfReader(path).pages)
    if path.suffix == ".docx":
        word = docx.Document(str(path))
        rows = [" ".join(cell.text for cell in row.cells) for table in word.tables for row in table.rows]
        return "\n".join([paragraph.text for paragraph in word.paragraphs] + rows)
    text = path.read_text("utf-8")
    if path.suffix == ".html":
        text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", text, flags=re.DOTALL)
    return text


def sentences(path: Path) -> set[str]:
    text = " ".join(text_of(path).casefold().replace("|", " ").split())
    return {sentence for sentence in re.split(r"(?<=[.!?]) ", text) if len(sentence.split()) >= 4}


def shared(one: set[str], other: set[str]) -> float:
    return len(one & other) / min(len(one), len(other))


def declared_pairs() -> list[tuple[str, str]]:
    pairs = [tuple(pair) for source in SOURCES.values() for pair in source["near_duplicates"]]
    return pairs + [pair for source in SOURCES.values() for pair in source["superseded"].items()]


def test_there_are_at_least_twenty_five_documents() -> None:
    assert len(DOCUMENTS) >= 25


def test_every_format_that_can_be_read_is_there() -> None:
    assert {path.suffix for path in DOCUMENTS} == {".md", ".html", ".pdf", ".docx", ".txt"}


def test_every_document_lies_in_the_folder_of_a_source() -> None:
    folders = {EXAMPLE / source["folder"] for source in SOURCES.values()}
    assert {path.parent for path in DOCUMENTS} == folders


def test_no_two_documents_have_the_same_name() -> None:
    assert max(Counter(path.name for path in DOCUMENTS).values()) == 1


def test_every_document_has_300_to_900_words() -> None:
    assert not [path.name for path in DOCUMENTS if not 300 <= len(text_of(path).split()) <= 900]


def test_only_declared_pairs_share_a_quarter_of_their_sentences() -> None:
    known = {path.name: sentences(path) for path in DOCUMENTS}
    declared = {frozenset(pair) for pair in declared_pairs()}
    pairs = [pair for pair in combinations(known, 2) if frozenset(pair) not in declared]
    assert not [(a, b) for a, b in pairs if shared(known[a], known[b]) >= 0.25]


def test_every_declared_pair_names_two_documents_of_its_source() -> None:
    for source in SOURCES.values():
        names = {path.name for path in DOCUMENTS if path.parent == EXAMPLE / source["folder"]}
        pairs = [*source["near_duplicates"], *source["superseded"].items()]
        assert names.issuperset(name for pair in pairs for name in pair)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
def test_near_duplicates_really_are_alike(source: dict[str, list[list[str]]]) -> None:
    known = {path.name: sentences(path) for path in DOCUMENTS}
    assert all(shared(known[a], known[b]) >= 0.25 for a, b in source["near_duplicates"])


def test_a_superseded_document_says_so() -> None:
    old = [name for source in SOURCES.values() for name in source["superseded"]]
    assert all("superseded" in text_of(path).casefold() for path in DOCUMENTS if path.name in old)


def test_the_owner_of_a_source_did_not_approve_it() -> None:
    assert all(source["owner"] != source["approval"]["by"] for source in SOURCES.values())


def test_nothing_is_said_about_topics_kept_unanswerable() -> None:
    words = re.compile(r"parental|maternity|stock option|pension|we will reimburse", re.IGNORECASE)
    assert not [path.name for path in DOCUMENTS if words.search(text_of(path))]
