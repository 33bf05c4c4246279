"""Masks: every place of a masked text leads to the place of the original that it stands for."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.guardrails import Guardrails
from proviso.types import Channel, DraftCitation, Mask, Screened, original_span
from tests.guardrails.made import draft, guardrails, masking, passage

VALUES = [
    "dana@example.com",
    "ops\u200b@ﬁjord.example",
    "+47 22 00 00 00",
    "(212) 555-1234",
    "４７.22@b.example",
]
TEXTS = st.lists(st.sampled_from(VALUES) | st.text(max_size=6), max_size=12).map(" ".join)
MADE = masking("EMAIL", "PHONE")


def screened(made: Guardrails, text: str) -> Screened:
    outcome = made.screen(text, Channel.PASSAGE)
    assert isinstance(outcome, Screened)
    return outcome


def gaps(masks: tuple[Mask, ...], end: int) -> list[tuple[int, int]]:
    """The parts of a masked text that are no placeholder."""
    edges = [0, *(place for mask in masks for place in (mask.start, mask.end)), end]
    return [(a, b) for a, b in list(pairwise(edges))[::2] if a < b]


@settings(deadline=None, max_examples=100)
@given(TEXTS)
def test_what_is_not_masked_stands_in_the_original_where_the_masks_say(text: str) -> None:
    found = screened(MADE, text)
    for start, end in gaps(found.masks, len(found.text)):
        for place in range(start, end):
            first, last = original_span(found.masks, place, end)
            assert text[first:last] == found.text[place:end]


@settings(deadline=None, max_examples=100)
@given(TEXTS)
def test_a_mask_delimits_the_value_that_it_hides(text: str) -> None:
    found, findings = screened(MADE, text), MADE.findings(text, Channel.PASSAGE)
    for mask, finding in zip(found.masks, findings, strict=True):
        assert found.text[mask.start : mask.end] == f"[{finding.rule}]"
        assert (mask.original_start, mask.original_end) == (finding.start, finding.end)


@settings(deadline=None, max_examples=100)
@given(TEXTS, st.data())
def test_a_span_stands_for_its_own_characters_and_the_whole_values_that_it_touches(
    text: str, data: st.DataObject
) -> None:
    found = screened(MADE, f"{text}.")
    start = data.draw(st.integers(0, len(found.text) - 1))
    end = data.draw(st.integers(start + 1, len(found.text)))
    first, last = original_span(found.masks, start, end)
    inside = [mask for mask in found.masks if mask.start < end and start < mask.end]
    hidden = sum(mask.original_end - mask.original_start for mask in inside)
    shown = end - start - sum(min(mask.end, end) - max(mask.start, start) for mask in inside)
    assert last - first == hidden + shown


@pytest.mark.parametrize(
    ("span", "original"),
    [
        ((0, 3), (0, 3)),
        ((0, 4), (0, 16)),
        ((5, 9), (3, 16)),
        ((3, 10), (3, 16)),
        ((10, 12), (16, 18)),
        ((11, 12), (17, 18)),
    ],
)
def test_a_part_of_a_placeholder_stands_for_the_whole_value(
    span: tuple[int, int], original: tuple[int, int]
) -> None:
    assert original_span((Mask(3, 10, 3, 16),), *span) == original


def test_neighbouring_masks_keep_their_own_values() -> None:
    found = screened(guardrails(inputs={"sensitive": {"custom": CUSTOM}}), "aabbb!")
    assert found.text == "[A][LONG]!"
    assert [original_span(found.masks, *span) for span in ((0, 3), (3, 9), (9, 10))] == [
        (0, 2),
        (2, 5),
        (5, 6),
    ]


CUSTOM = [{"id": "a", "pattern": "aa", "action": "mask"}, {"id": "long", "pattern": "bbb", "action": "mask"}]


def test_a_citation_names_the_place_before_screening() -> None:
    text = "Write to [EMAIL] soon. The limit is 40 euros."
    given_ = passage(1, text, start=100, masks=(Mask(9, 16, 9, 30),))
    quote = text.index("The limit")
    cited = DraftCitation(0, 23, 1, quote, len(text)), DraftCitation(0, 23, 1, 0, 22)
    answer = guardrails().verify(draft("The limit is 40 euros. [1]", *cited), [given_])
    assert [(c.start, c.end, c.quote) for c in answer.citations] == [  # type: ignore[union-attr]  # it is no refusal
        (100 + quote + 14, 100 + len(text) + 14, "The limit is 40 euros."),
        (100, 136, "Write to [EMAIL] soon."),
    ]
