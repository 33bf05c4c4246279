"""A snapshot is all or nothing, the same on any machine, and knows where each passage comes from."""

import random
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.errors import NotReady, Tampered
from proviso.retrieval import Built, TextIndex, build_snapshot, open_index
from proviso.text import Analyser
from tests.retrieval.corpus import (
    EXPENSES,
    NOW,
    TRAVEL,
    build,
    mask_secret,
    pass_all,
    refuse_secret,
    search,
    silent,
    source,
)

ANALYSER = Analyser()


def opened(built: Built) -> TextIndex:
    return open_index(built.folder.parent, built.digest)


def test_a_passage_is_a_slice_of_its_documents_extracted_text(tmp_path: Path) -> None:
    long = "# Überblick\n\n" + " ".join(f"Satz {n} über Öl für {n} €." for n in range(300))
    index = opened(build(tmp_path / "index", source(tmp_path / "travel", {"long.md": long})))
    passages = search(index, "satz über", "travel", limit=50).passages
    text = index.screened_text("travel", "long.md")
    assert text is not None
    assert len(passages) > 5
    assert all(text[passage.start : passage.end] == passage.text for passage in passages)
    index.close()


def test_sentences_carry_their_terms(tmp_path: Path) -> None:
    index = opened(build(tmp_path / "index", source(tmp_path / "travel", TRAVEL)))
    for passage in search(index, "oslo first class", "travel").passages:
        for sentence in passage.sentences:
            text = passage.text[sentence.start : sentence.end]
            assert text.strip() == text != ""
            assert sentence.terms == frozenset(ANALYSER.terms(text))
    index.close()


def test_a_title_names_the_document_and_the_heading_above_the_whole_passage(tmp_path: Path) -> None:
    section = "## City tax\n\n" + "City tax is paid in addition to the price. " * 30
    text = "# Hotels\n\n" + "A room has a ceiling and a bed. " * 30 + "\n\n" + section
    index = opened(build(tmp_path / "index", source(tmp_path / "travel", {"h.md": text})))
    titles = {passage.title for passage in search(index, "tax room", "travel", limit=20).passages}
    assert titles == {"Hotels", "Hotels › City tax"}
    index.close()


def test_the_version_is_the_digest_of_the_files_bytes(tmp_path: Path) -> None:
    index = opened(build(tmp_path / "index", source(tmp_path / "travel", TRAVEL)))
    passage = search(index, "Oslo", "travel").passages[0]
    assert passage.version == sha256(TRAVEL["hotels.md"].encode()).hexdigest()
    index.close()


@settings(deadline=None, max_examples=8)
@given(order=st.randoms(use_true_random=False))
def test_equal_content_gives_the_equal_digest_whatever_the_order(
    tmp_path_factory: pytest.TempPathFactory, order: random.Random
) -> None:
    digests = set()
    for _ in range(2):
        folder = tmp_path_factory.mktemp("order")
        documents = list(TRAVEL.items())
        order.shuffle(documents)
        sources = [source(folder / "travel", dict(documents)), source(folder / "rates", {"r.md": "A rate."})]
        order.shuffle(sources)
        digests.add(build(folder / "index", *sources).digest)
    assert len(digests) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"hotels.md": TRAVEL["hotels.md"].replace("1,900", "1,901")},
        {"hotels.md": TRAVEL["hotels.md"] + "<!-- a comment is part of the version -->"},
        {"hotels-2.md": TRAVEL["hotels.md"]},
    ],
)
def test_another_content_or_name_gives_another_digest(tmp_path: Path, changed: dict[str, str]) -> None:
    one = build(tmp_path / "index", source(tmp_path / "a" / "travel", {"hotels.md": TRAVEL["hotels.md"]}))
    other = build(tmp_path / "index", source(tmp_path / "b" / "travel", changed))
    assert one.digest != other.digest


def test_approvals_and_times_are_outside_the_digest_and_refreshed(tmp_path: Path) -> None:
    first = build(tmp_path / "index", source(tmp_path / "travel", TRAVEL))
    again = build_snapshot(
        [source(tmp_path / "travel", TRAVEL, approved_by="dana")],
        tmp_path / "index",
        screen=pass_all,
        now=NOW + timedelta(days=1),
        progress=silent,
    )
    index = opened(again)
    lineage = index.lineage(search(index, "Oslo", "travel").passages[0].id)
    assert lineage is not None
    assert (again.digest, again.reused, first.reused) == (first.digest, True, False)
    assert (lineage.approved_by, lineage.fetched_at) == ("dana", "2026-03-02T12:00:00+00:00")
    index.close()


def test_lineage_leads_from_a_passage_to_document_and_approval(tmp_path: Path) -> None:
    built = build(tmp_path / "index", source(tmp_path / "travel", TRAVEL))
    index = opened(built)
    passage = search(index, "Oslo", "travel").passages[0]
    lineage = index.lineage(passage.id)
    assert lineage is not None
    assert (lineage.source, lineage.document, lineage.version) == ("travel", "hotels.md", passage.version)
    assert (lineage.approved_by, lineage.approved_on, lineage.classification) == (
        "sam",
        "2026-01-15",
        "internal",
    )
    assert (lineage.parser, lineage.chunker, lineage.snapshot) == ("markdown/1", "chunks/1", built.digest)
    assert (lineage.start, lineage.end) == (passage.start, passage.end)
    assert index.lineage("no-such-passage") is None
    index.close()


def test_a_source_that_nobody_approved_is_not_indexed_and_is_reported(tmp_path: Path) -> None:
    draft = source(tmp_path / "drafts", {"draft.md": "Oslo draft"}, approved_by="")
    built = build(tmp_path / "index", draft, source(tmp_path / "travel", TRAVEL))
    index = opened(built)
    assert built.unapproved == ("drafts",)
    assert search(index, "draft", "drafts", "travel").empty == "no_match"
    index.close()


def test_a_superseded_document_is_left_out_and_reported(tmp_path: Path) -> None:
    documents = {"rates-2024.md": "The rate is 50.", "rates-2026.md": "The rate is 60."}
    superseded = {"rates-2024.md": "rates-2026.md", "mispelt.md": "rates-2026.md"}
    built = build(tmp_path / "index", source(tmp_path / "travel", documents, superseded=superseded))
    index = opened(built)
    assert [p.document for p in search(index, "rate", "travel").passages] == ["rates-2026.md"]
    assert built.superseded == (("travel/rates-2024.md", "travel/rates-2026.md"),)
    assert built.unmatched == ("travel/mispelt.md",)
    index.close()


def test_offsets_count_the_text_before_screening_which_is_not_kept(tmp_path: Path) -> None:
    text = "The secret is a secret. Ask the desk about Oslo."
    documents = {"my-secret.md": text}
    built = build(tmp_path / "index", source(tmp_path / "travel", documents), screen=mask_secret)
    index = opened(built)
    passage = search(index, "Oslo", "travel").passages[0]
    assert index.screened_text("travel", "my-secret.md") == passage.text
    assert (passage.start, passage.end, len(passage.text)) == (0, len(text), len(text) + 4)
    assert (passage.title, "secret" in passage.text) == ("My [SECRET]", False)
    assert built.masked == 3
    assert not any(b"The secret" in path.read_bytes() for path in built.folder.rglob("*") if path.is_file())
    index.close()


def test_a_document_that_screening_refuses_is_listed_with_the_clause(tmp_path: Path) -> None:
    documents = {"a.md": "A secret.", "b.md": "Oslo."}
    built = build(tmp_path / "index", source(tmp_path / "travel", documents), screen=refuse_secret)
    assert built.unreadable == (("travel/a.md", "refused by `inputs.sensitive.block.SECRET`"),)
    assert built.documents == 1


def test_progress_counts_every_document_once(tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []

    def note(done: int, total: int, document: str) -> None:
        seen.append((done, total, document))

    build(tmp_path / "index", source(tmp_path / "travel", TRAVEL), progress=note)
    assert seen == [(1, 2, "travel/hotels.md"), (2, 2, "travel/trains.txt")]


def test_a_build_that_fails_leaves_the_live_snapshot_and_no_rest(tmp_path: Path) -> None:
    live = build(tmp_path / "index", source(tmp_path / "travel", TRAVEL))

    def stop(done: int, total: int, document: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(tmp_path / "index", source(tmp_path / "expenses", EXPENSES), progress=stop)
    opened(live).close()
    assert [path.name for path in (tmp_path / "index").iterdir()] == [live.digest]


def test_what_a_killed_build_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    left = tmp_path / "index" / ".building-left" / "snapshot"
    left.mkdir(parents=True)
    (left / "texts.bin").write_bytes(b"half")
    built = build(tmp_path / "index", source(tmp_path / "travel", TRAVEL))
    assert [path.name for path in (tmp_path / "index").iterdir()] == [built.digest]


def test_a_snapshot_that_was_never_built_is_not_ready(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="no snapshot"):
        open_index(tmp_path, "0" * 64)
    with pytest.raises(NotReady, match="no snapshot"):
        open_index(tmp_path / "index", "..")


@pytest.mark.parametrize("name", ["texts.bin", "passages.bin", "offsets.bin", "documents.json"])
def test_a_changed_byte_is_tampering_and_the_next_build_repairs_it(tmp_path: Path, name: str) -> None:
    travel = source(tmp_path / "travel", TRAVEL)
    built = build(tmp_path / "index", travel)
    path = built.folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(Tampered):
        opened(built)
    repaired = build(tmp_path / "index", travel)
    assert (repaired.digest, repaired.reused) == (built.digest, False)
    opened(repaired).close()


@pytest.mark.parametrize(
    "name", ["texts.bin", "passages.bin", "offsets.bin", "documents.json", "index/meta.json"]
)
def test_a_missing_or_empty_file_is_tampering(tmp_path: Path, name: str) -> None:
    built = build(tmp_path / "index", source(tmp_path / "travel", TRAVEL))
    (built.folder / name).write_bytes(b"")
    with pytest.raises(Tampered):
        opened(built)
    (built.folder / name).unlink()
    with pytest.raises(Tampered):
        opened(built)


def test_an_exchanged_index_does_not_open_another_source(tmp_path: Path) -> None:
    text = {"a.md": "The rate in Oslo is 60."}
    one = build(tmp_path / "index", source(tmp_path / "public", text), source(tmp_path / "secret", text))
    other = build(tmp_path / "index", source(tmp_path / "public", text), source(tmp_path / "another", text))
    (one.folder / "index").rename(tmp_path / "old")
    (other.folder / "index").rename(one.folder / "index")
    index = opened(one)
    with pytest.raises(Tampered):
        search(index, "rate", "public")
    index.close()
