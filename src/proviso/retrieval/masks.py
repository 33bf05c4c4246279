"""The masks of a passage: cut out of its document's, and as bytes."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import starmap
from operator import attrgetter
from struct import Struct
from typing import Final

from proviso.types import Mask, original_span

_PACKED: Final = Struct("<4I")


def within(masks: Sequence[Mask], start: int, end: int) -> tuple[Mask, ...]:
    """The masks in `[start, end)` of a text as that slice has them: it and its original count from 0.

    Of a placeholder that the slice cuts, the part inside stands for the whole value.
    """
    first = bisect_right(masks, start, key=attrgetter("end"))
    last = bisect_left(masks, end, lo=first, key=attrgetter("start"))
    origin, _ = original_span(masks, start, end)
    return tuple(
        [
            Mask(
                max(mask.start, start) - start,
                min(mask.end, end) - start,
                mask.original_start - origin,
                mask.original_end - origin,
            )
            for mask in masks[first:last]
        ]
    )


def pack_masks(masks: Sequence[Mask]) -> bytes:
    """The masks as four little-endian u32 each, in the order of their fields."""
    return b"".join(
        [_PACKED.pack(mask.start, mask.end, mask.original_start, mask.original_end) for mask in masks]
    )


def unpack_masks(packed: bytes) -> tuple[Mask, ...]:
    """The masks that `pack_masks` packed."""
    return tuple(starmap(Mask, _PACKED.iter_unpack(packed)))
