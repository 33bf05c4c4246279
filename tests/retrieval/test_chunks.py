"""Chunks are runs of whole sentences that lose no word."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.retrieval.chunks import OVERLAP, WORDS, Chunk, chunk
from proviso.text import sentence_spans

TEXTS = st.lists(
    st.one_of(
        st.integers(1, 260).map(lambda words: "Word " + "word " * (words - 1) + "ends. "),
        st.sampled_from(
            ["\n\n# Top\n\n", "\n\n## Section\n\n", "\n\n", "### ", "```\n", "| a | b |\n", "文。"]
        ),
    ),
    max_size=30,
).map("".join)


def chunks_of(text: str) -> list[Chunk]:
    return chunk(text, sentence_spans(text))


def words(text: str) -> int:
    return len(text.replace("文。", "x ").split())


@settings(deadline=None, max_examples=60)
@given(TEXTS)
def test_every_word_is_in_a_chunk_and_no_chunk_is_too_long(text: str) -> None:
    covered: set[int] = set()
    for one in chunks_of(text):
        covered.update(range(one.start, one.end))
        assert words(text[one.start : one.end]) <= WORDS
    assert all(place in covered for place, character in enumerate(text) if not character.isspace())


@settings(deadline=None, max_examples=60)
@given(TEXTS)
def test_each_chunk_goes_further_and_reaches_back_no_more_than_the_overlap(text: str) -> None:
    found = chunks_of(text)
    for before, after in pairwise(found):
        assert before.start < after.start
        assert before.end < after.end
        assert words(text[after.start : before.end]) <= OVERLAP


@settings(deadline=None, max_examples=60)
@given(TEXTS)
def test_a_chunk_is_its_sentences(text: str) -> None:
    for one in chunks_of(text):
        assert (one.sentences[0][0], one.sentences[-1][1]) == (one.start, one.end)
        assert all(start < end for start, end in one.sentences)


def test_neighbours_share_whole_sentences() -> None:
    text = " ".join(f"Sentence {number} has exactly seven words here." for number in range(60))
    first, second = chunks_of(text)[:2]
    assert first.sentences[-5:] == second.sentences[:5]


def test_a_heading_begins_a_new_chunk_once_the_one_before_is_half_full() -> None:
    text = "# Top\n\n" + "One two three four. " * 30 + "\n\n## Below\n\nFive six."
    assert [text[one.start : one.end].split("\n")[0] for one in chunks_of(text)] == ["# Top", "## Below"]


def test_short_sections_share_a_chunk_and_the_headings_above_both() -> None:
    text = "# Top\n\n## One\n\nA sentence.\n\n## Two\n\nAnother one."
    assert [one.headings for one in chunks_of(text)] == [("Top",)]


def test_a_chunk_knows_the_headings_that_it_stands_under() -> None:
    body = "One two three four. " * 40
    text = f"# Top\n\n{body}\n\n## One\n\n{body}\n\n### Deep\n\n{body}\n\n## Two\n\n{body}"
    assert [one.headings for one in chunks_of(text)] == [
        ("Top",),
        ("Top", "One"),
        ("Top", "One", "Deep"),
        ("Top", "Two"),
    ]


def test_a_heading_never_ends_a_chunk() -> None:
    text = "Word " * 96 + "ends.\n\n# Heading\n\n" + "Word " * 150 + "ends."
    assert not text[chunks_of(text)[0].start : chunks_of(text)[0].end].endswith("Heading")


def test_a_hash_in_a_code_fence_is_no_heading() -> None:
    text = "# Top\n\n```\n# comment\n```\n\nA sentence."
    assert [one.headings for one in chunks_of(text)] == [("Top",)]


def test_a_word_without_end_is_cut() -> None:
    text = "x" * 100_000
    found = chunks_of(text)
    assert max(one.end - one.start for one in found) <= WORDS * 100
    assert found[-1].end == len(text)
