"""Offsets count the text as it was extracted, whatever the screening masked in it."""

import asyncio
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.errors import Tampered
from proviso.retrieval import IsolatedReader, Query, build_snapshot, extract, open_index
from proviso.retrieval.masks import pack_masks, unpack_masks, within
from proviso.retrieval.records import Record
from proviso.types import Mask, Passage, original_span
from tests.guardrails.made import masking
from tests.retrieval.corpus import NOW, build, mask_secret, search, silent, source

SCREEN = masking("EMAIL", "PHONE").screen
PLANTED = {
    "dana.smith@example.com": "[EMAIL]",
    "ops\u200b@ﬁjord.example": "[EMAIL]",
    "+47 22 00 00 00": "[PHONE]",
    "(212) 555-1234": "[PHONE]",
}
WORDS = st.sampled_from(
    ["oslo", "Öl.", "Hotel", "文。", "𝄞", "\n\n## Oslo\n\n", "\n", "costs", "oslo oslo oslo. "]
)
LONG = st.integers(1, 250).map(lambda words: "oslo " * words + "ends.")
TEXTS = st.lists(WORDS | LONG | st.sampled_from(sorted(PLANTED)), min_size=1, max_size=25).map(" and ".join)


def masked(raw: str) -> str:
    """The text with the planted values replaced: what screening makes of it."""
    for value, mask in PLANTED.items():
        raw = raw.replace(value, mask)
    return raw


def indexed(text: str) -> tuple[str, tuple[Passage, ...]]:
    """A document's extracted text, and all passages that a snapshot has of it."""
    with tempfile.TemporaryDirectory() as place, IsolatedReader() as reader:
        folder = source(Path(place) / "travel", {"a.txt": f"Oslo\n\noslo {text}"})
        built = build_snapshot([folder], Path(place) / "i", screen=SCREEN, now=NOW, progress=silent)
        index = open_index(Path(place) / "i", built.digest)
        found = asyncio.run(index.search(Query("oslo"), sources=index.sources, limit=1000))
        index.close()
        return extract("a.txt", (folder.folder / "a.txt").read_bytes(), reader).text, found.passages


@settings(deadline=None, max_examples=40)
@given(TEXTS)
def test_every_passage_and_sentence_stands_at_its_place_in_the_extracted_text(text: str) -> None:
    raw, passages = indexed(text)
    assert passages
    for passage in passages:
        assert masked(raw[passage.start : passage.end]) == passage.text
        for sentence in passage.sentences:
            first, last = original_span(passage.masks, sentence.start, sentence.end)
            original = raw[passage.start + first : passage.start + last]
            assert masked(original) == passage.text[sentence.start : sentence.end]


@settings(deadline=None, max_examples=40)
@given(TEXTS, st.data())
def test_any_part_without_a_mask_is_the_extracted_text_there(text: str, data: st.DataObject) -> None:
    raw, passages = indexed(f"dana.smith@example.com {text}")
    passage = data.draw(st.sampled_from(passages))
    gaps = [0, *(mask.end for mask in passage.masks)]
    start = data.draw(st.sampled_from([gap for gap in gaps if gap < len(passage.text)]))
    end = min([mask.start for mask in passage.masks if mask.start > start], default=len(passage.text))
    first, last = original_span(passage.masks, start, end)
    assert raw[passage.start + first : passage.start + last] == passage.text[start:end]


MASKS = (Mask(2, 9, 2, 20), Mask(9, 16, 20, 23), Mask(30, 37, 37, 50))


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ((0, 40), MASKS),
        ((2, 16), (Mask(0, 7, 0, 18), Mask(7, 14, 18, 21))),
        ((16, 30), ()),
        ((9, 32), (Mask(0, 7, 0, 3), Mask(21, 23, 17, 30))),
        ((5, 10), (Mask(0, 4, 0, 18), Mask(4, 5, 18, 21))),
    ],
)
def test_a_slice_has_the_masks_in_it_counted_from_its_beginning(
    span: tuple[int, int], expected: tuple[Mask, ...]
) -> None:
    assert within(MASKS, *span) == expected
    assert unpack_masks(pack_masks(expected)) == expected


def test_a_passage_without_a_mask_carries_none_behind_one_either(tmp_path: Path) -> None:
    text = "A secret. " + "The desk is in Oslo. " * 60
    built = build(tmp_path / "index", source(tmp_path / "travel", {"a.txt": text}), screen=mask_secret)
    index = open_index(tmp_path / "index", built.digest)
    first, *others = sorted(search(index, "Oslo", "travel", limit=9).passages, key=lambda p: p.start)
    assert len(first.masks) == 1
    assert others
    assert all(not other.masks for other in others)
    assert all(text[other.start : other.end] == other.text for other in others)
    index.close()


def test_the_digest_covers_the_masks(tmp_path: Path) -> None:
    built = build(
        tmp_path / "index", source(tmp_path / "travel", {"a.txt": "My secret."}), screen=mask_secret
    )
    path = built.folder / "passages.bin"
    stored = path.read_bytes()
    record = msgspec.msgpack.decode(stored[stored.index(b"\x9a") :], type=Record)
    moved = msgspec.structs.replace(record, masks=pack_masks([Mask(3, 11, 3, 8)]))
    path.write_bytes(stored.replace(msgspec.msgpack.encode(record), msgspec.msgpack.encode(moved)))
    with pytest.raises(Tampered, match="has the digest"):
        open_index(tmp_path / "index", built.digest)
