"""Values for whole numbers, one entry for each stretch of neighbours with equal values.

A thousand increments by one on neighbouring dots cost as much as one. Stretches are half-open
``(start, end)``; neighbours with equal values are always joined, so equal contents are equal.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from crdt.causal.runs import Runs, gathered

Span = tuple[int, int]
"""A stretch of counters, ``(start, end)``, half-open."""

_LONE = 2
"""Bounds of a set that is a single stretch: the usual delta."""


class Spans:
    """Values for counters >= 1."""

    __slots__ = ("_runs", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._runs: dict[int, tuple[int, Any]] = {}  # start -> (end, value)

    def put(self, start: int, end: int, value: Any) -> None:
        """Give the counters of a stretch, which have none, a value."""
        starts, runs = self._starts, self._runs
        at = bisect_left(starts, start)
        if at and runs[starts[at - 1]] == (start, value):
            at -= 1
            start = starts.pop(at)
        if at < len(starts) and starts[at] == end and runs[end][1] == value:
            end = runs.pop(starts.pop(at))[0]
        starts.insert(at, start)
        runs[start] = end, value

    def cut(self, start: int, end: int) -> None:
        """Forget the values of a stretch."""
        for first, _, _ in self.within(start, end):
            at = bisect_right(self._starts, first) - 1
            begin = self._starts.pop(at)
            stop, value = self._runs.pop(begin)
            if begin < start:
                self.put(begin, start, value)
            if end < stop:
                self.put(end, stop, value)

    def within(self, start: int, end: int) -> list[tuple[int, int, Any]]:
        """Return what lies in a stretch, cut to it, as ``(start, end, value)``."""
        starts, runs = self._starts, self._runs
        whole = runs.get(start)
        if whole is not None and whole[0] >= end:
            return [(start, end, whole[1])]  # the usual case, without a search
        found = []
        at = bisect_right(starts, start)
        if at:
            at -= 1
        while at < len(starts) and starts[at] < end:
            first = starts[at]
            stop, value = runs[first]
            if start <= first and stop <= end:
                found.append((first, stop, value))
            elif stop > start:
                found.append((max(first, start), min(stop, end), value))
            at += 1
        return found

    def copy(self) -> Spans:
        """Return an independent copy."""
        new = Spans()
        new._starts = self._starts.copy()
        new._runs = self._runs.copy()
        return new

    def __iter__(self) -> Iterator[tuple[int, int, Any]]:
        """Yield ``(start, end, value)`` in ascending order."""
        for start in self._starts:
            yield (start, *self._runs[start])

    def __len__(self) -> int:
        return len(self._starts)


def spans_of(runs: Runs) -> list[Span]:
    """Return the stretches of a set of counters."""
    bounds = _bounds(runs)
    return list(zip(bounds[::2], bounds[1::2], strict=True))


def runs_of_spans(spans: Iterable[Span]) -> Runs:
    """Return the set of the counters in some stretches, in any order."""
    flat = tuple(chain.from_iterable(spans))
    if len(flat) == _LONE:
        return flat if flat[0] > 1 else flat[1] - 1
    return gathered(zip(flat[::2], flat[1::2], strict=True))


def outside(runs: Runs, start: int, end: int) -> Iterator[Span]:
    """Yield the parts of a stretch that are not in a set."""
    bounds = _bounds(runs)
    place = bisect_right(bounds, start)
    while start < end:
        stop = bounds[place] if place < len(bounds) else end
        if place % 2 == 0:
            yield start, min(stop, end)
        start = stop
        place += 1


def _bounds(runs: Runs) -> tuple[int, ...]:
    if isinstance(runs, int):
        return (1, runs + 1) if runs else ()
    return runs
