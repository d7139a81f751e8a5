"""Sets of counters kept as runs, so that a claimed count costs no memory.

A set of whole numbers >= 1 is an int ``n`` where it is exactly 1..n (the version vector's case),
and otherwise a flat tuple of ascending half-open bounds ``(start, end, start, end...)`` (the cloud
of dots that came out of order). Neighbouring runs never touch, so equal sets are equal values; the
empty set is 0. In payloads a set is a flat list ``[skipped, taken, skipped, taken...]`` from 1 on.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from typing import Any

from crdt.errors import PayloadError
from crdt.payloads import expect_list
from crdt.tagged import SAFE_INT, decode_int, encode_int

Runs = int | tuple[int, ...]

_LONE = 2
"""Bounds of a set that is a single run: the usual delta, which takes a short way everywhere."""


def covers(runs: Runs, counter: int) -> bool:
    """Tell whether ``counter`` (>= 1) is in the set."""
    if type(runs) is int:
        return counter <= runs
    return bool(bisect_right(_bounds(runs), counter) & 1)


def last(runs: Runs) -> int:
    """Return the greatest counter, 0 if there is none."""
    return runs if isinstance(runs, int) else runs[-1] - 1


def count(runs: Runs) -> int:
    """Return how many counters there are."""
    if isinstance(runs, int):
        return runs
    return runs[1] - runs[0] if len(runs) == _LONE else sum(runs[1::2]) - sum(runs[::2])


def counters(runs: Runs) -> Iterable[int]:
    """Return all counters in ascending order; ask `count` first."""
    bounds = _bounds(runs)
    if len(bounds) == _LONE:
        return range(bounds[0], bounds[1])
    return chain.from_iterable(map(range, bounds[::2], bounds[1::2]))


def stretch(first: int, length: int) -> Runs:
    """Return the set of so many counters (>= 1), from the first one on."""
    return length if first == 1 else (first, first + length)


def runs_of(ascending: Sequence[int]) -> Runs:
    """Return the set of the counters given, which ascend strictly."""
    if not ascending:
        return 0
    first, final = ascending[0], ascending[-1]
    if final - first == len(ascending) - 1:
        return _normal((first, final + 1))
    bounds = [first]
    for before, after in pairwise(ascending):
        if after != before + 1:
            bounds += (before + 1, after)
    return (*bounds, final + 1)


def union(one: Runs, other: Runs) -> Runs:
    """Return the counters of both sets."""
    if not other or one == other:
        return one
    if isinstance(one, int):
        if isinstance(other, int) or not one:
            return other if not one or last(other) > one else one
        if len(other) == _LONE and other[0] <= one + 1:
            return max(one, other[1] - 1)
    return gathered([*_pairs(one), *_pairs(other)])


def gathered(pieces: Iterable[tuple[int, int]]) -> Runs:
    """Return the set of the stretches given, in any order; they may touch and overlap."""
    bounds: list[int] = []
    for start, end in sorted(pieces):
        if bounds and start <= bounds[-1]:
            bounds[-1] = max(end, bounds[-1])
        else:
            bounds += (start, end)
    return _normal(tuple(bounds))


def minus(one: Runs, other: Runs) -> Runs:
    """Return the counters of the first set that are not in the second."""
    if not one or not other:
        return one
    if one == other:
        return 0
    if isinstance(one, int) and isinstance(other, int):
        return (other + 1, one + 1) if other < one else 0
    left: list[int] = []
    for start, end in _pairs(one):
        left += _cut(start, end, _bounds(other), inside=0)
    return _normal(tuple(left))


def common(one: Runs, other: Runs) -> Runs:
    """Return the counters that are in both sets."""
    if not one or not other:
        return 0
    if isinstance(one, int) and isinstance(other, int):
        return min(one, other)
    left: list[int] = []
    for start, end in _pairs(one):
        left += _cut(start, end, _bounds(other), inside=1)
    return _normal(tuple(left))


def _cut(start: int, end: int, bounds: tuple[int, ...], *, inside: int) -> list[int]:
    """Return the bounds of what lies inside, or outside, of a set within one stretch."""
    first, final = bisect_right(bounds, start), bisect_right(bounds, end - 1)
    cuts = [*bounds[first:final], end]
    if first % 2 == inside:
        cuts.insert(0, start)
    return cuts if len(cuts) % 2 == 0 else cuts[:-1]


def stretches(runs: Runs) -> Iterable[tuple[int, int]]:
    """Return the runs, ascending, as half-open stretches ``(start, end)``."""
    return _pairs(runs)


def includes(whole: Runs, part: Runs) -> bool:
    """Tell whether every counter of ``part`` is in ``whole``."""
    if isinstance(whole, int):
        return last(part) <= whole
    bounds = _bounds(whole)
    for start, end in _pairs(part):
        place = bisect_right(bounds, start)
        if not place & 1 or bounds[place] < end:
            return False
    return True


def runs_between(ascending: Iterable[tuple[int, int]]) -> Runs:
    """Return the set of the stretches given, which ascend without overlapping."""
    bounds: list[int] = []
    for start, end in ascending:
        if bounds and bounds[-1] == start:
            bounds[-1] = end
        else:
            bounds += (start, end)
    return _normal(tuple(bounds))


def encode_runs(runs: Runs) -> list[Any]:
    """Return the payload of a set: ``[skipped, taken, skipped, taken...]``."""
    if isinstance(runs, int):
        return [0, encode_int(runs)] if runs else []
    if len(runs) == _LONE and runs[1] <= SAFE_INT:
        return [runs[0] - 1, runs[1] - runs[0]]
    bounds = (1, *runs)
    return [encode_int(after - before) for before, after in pairwise(bounds)]


def decode_runs(payload: Any, place: str) -> Runs:
    """Return the set that ``payload`` spells.

    Raises:
        PayloadError: Odd length, a run of nothing, or a number that is no whole one.
    """
    steps = expect_list(payload, place)
    if len(steps) == _LONE and type(steps[0]) is type(steps[1]) is int:
        skipped, taken = steps
        if skipped >= 0 < taken and skipped + taken <= SAFE_INT:
            return _normal((1 + skipped, 1 + skipped + taken))
    if len(steps) % 2:
        raise PayloadError("expected pairs of skipped and taken", place)
    at = 1
    bounds = []
    for i, step in enumerate(steps):
        at += decode_int(step, f"{place}[{i}]", at_least=1 if i else 0)
        bounds.append(at)
    return _normal(tuple(bounds))


def _bounds(runs: Runs) -> tuple[int, ...]:
    if isinstance(runs, int):
        return (1, runs + 1) if runs else ()
    return runs


def _pairs(runs: Runs) -> Iterable[tuple[int, int]]:
    bounds = _bounds(runs)
    return zip(bounds[::2], bounds[1::2], strict=True)


def _normal(bounds: tuple[int, ...]) -> Runs:
    if not bounds:
        return 0
    return bounds[1] - 1 if len(bounds) == 2 and bounds[0] == 1 else bounds
