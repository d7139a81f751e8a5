"""Ranges of the ring of places: what a push covers, and how it is divided.

A range (lo, hi) covers the places lo <= h < hi, gaps between members included, so that members
whom its sender does not know are covered too. Places form a ring: where hi <= lo the range runs
past the end, and lo == hi is the whole ring. There is no empty range.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

PLACES = 2**64
"""Places are counted modulo this."""

Standing: TypeAlias = tuple[int, str]
"""(place, name) of somebody on the ring."""


class Part(NamedTuple):
    """A range that holds somebody, and who that is, in the order of places."""

    lo: int
    hi: int
    names: list[str]


def alone(place: int) -> tuple[int, int]:
    """The range that covers one place."""
    return place, (place + 1) % PLACES


def around(lo: int, hi: int, hole: int) -> list[tuple[int, int]]:
    """What is left of a range without one place: one piece or two, none where that was all.

    Nobody who relays a range may hand on one that holds its own place: it would come back.
    """
    if (hole - lo) % PLACES >= ((hi - lo) % PLACES or PLACES):
        return [(lo, hi)]
    after = (hole + 1) % PLACES
    before = [(lo, hole)] if lo != hole else []
    return [*before, (after, hi)] if after != hi else before


def arcs(count: int) -> list[tuple[int, int]]:
    """The whole ring in so many ranges of equal length, the same for whoever asks."""
    bounds = [PLACES * n // count for n in range(count)]
    return list(zip(bounds, [*bounds[1:], 0], strict=True))


def divided(ring: Sequence[Standing], ranges: Sequence[tuple[int, int]], most: int) -> list[Part]:
    """Divide ranges among those who stand in them, into about equal parts without gaps.

    Args:
        ring: Everybody, in the order of their places.
        ranges: What is to be covered. One that holds nobody is nobody's.
        most: Most parts in all; at least one for each range that holds somebody.
    """
    runs = [(lo, hi, within(ring, lo, hi)) for lo, hi in ranges]
    count = sum(len(run) for _, _, run in runs)
    parts: list[Part] = []
    for lo, hi, run in runs:
        if run:
            parts += _cut(lo, hi, run, max(1, round(most * len(run) / count)))
    return parts


def within(ring: Sequence[Standing], lo: int, hi: int) -> Sequence[Standing]:
    """Everybody in a range, in the order in which it meets them."""
    first, last = bisect_left(ring, (lo,)), bisect_left(ring, (hi,))
    if lo < hi:
        return ring[first:last]
    return [*ring[first:], *ring[:last]]


def _cut(lo: int, hi: int, run: Sequence[Standing], most: int) -> list[Part]:
    count = min(len(run), most)
    cuts = [len(run) * n // count for n in range(count + 1)]
    bounds = [lo, *(run[at][0] for at in cuts[1:-1]), hi]
    return [
        Part(bounds[n], bounds[n + 1], [name for _, name in run[cuts[n] : cuts[n + 1]]])
        for n in range(count)
    ]
