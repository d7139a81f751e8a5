"""Spans: neighbouring ids that one replica gave out in a row, kept as one thing.

An item is identified by (replica, counter) and anchored at another item, on its left or right
side. Whoever types gives out consecutive ids, each anchored right of the one before; such a chain
is one span, with a string or a list as content. A deleted span keeps its ids and its place and has
no content. Ids whose deletion came before they did have no place yet: their span is *adrift*.

A `Row` holds the spans of one replica by counter. A counter that a stranger claims costs nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

LEFT = "<"
RIGHT = ">"
ADRIFT = ""

Anchor = tuple[str, int] | None
"""The id of an item; None is the start of the sequence, to the left of everything."""

Content = Any
"""A str or a list of keys, one per id; None where the ids are deleted."""

Part = tuple[int, int, "Span | None"]

LONGEST = 1024
"""Ids up to which a span grows while somebody types, so that changing one stays cheap."""


class Span:
    """Ids ``first`` to ``end - 1`` of a replica, each anchored right of the one before.

    Attributes:
        replica: Who gave the ids out.
        first: The first counter.
        end: The counter behind the last.
        anchor: Where the first id is anchored.
        side: `LEFT` or `RIGHT` of the anchor, `ADRIFT` while the place is unknown.
        content: The items, None if they are deleted.
        lefts: The spans anchored left of the first id; a layout keeps them.
        rights: The spans anchored right of the last id; a layout keeps them.
        chunk: Where a layout lists the span, None while it waits for its anchor.
    """

    __slots__ = (
        "anchor",
        "chunk",
        "content",
        "end",
        "first",
        "lefts",
        "replica",
        "rights",
        "side",
    )

    def __init__(
        self, replica: str, first: int, end: int, anchor: Anchor, side: str, content: Content
    ) -> None:
        self.replica = replica
        self.first = first
        self.end = end
        self.anchor = anchor
        self.side = side
        self.content = content
        self.lefts: list[Span] = []
        self.rights: list[Span] = []
        self.chunk: Any = None

    def __reduce__(self) -> Any:
        # Without the links: they can be made again, and pickle would follow them too deep.
        fields = (self.replica, self.first, self.end, self.anchor, self.side, self.content)
        return Span, fields

    def part(self, start: int, end: int) -> Span:
        """Return a free copy of the ids from ``start`` to ``end - 1``."""
        content = self.content
        if content is not None:
            content = content[start - self.first : end - self.first]
        anchor, side = self.anchor, self.side
        if start > self.first and side:
            anchor, side = (self.replica, start - 1), RIGHT
        return Span(self.replica, start, end, anchor, side, content)

    def continues(self, before: Span) -> bool:
        """Tell whether this span is the rest of the chain that ``before`` begins."""
        return self.side == RIGHT and self.anchor == (before.replica, before.end - 1)

    def takes(self, new: Span) -> bool:
        """Tell whether this span can simply grow by what comes next."""
        return (
            self.content is not None
            and new.content is not None
            and not self.rights
            and new.continues(self)
            and len(self.content) + len(new.content) <= LONGEST
        )

    def rows(self) -> Iterator[tuple[tuple[Any, ...], int]]:
        """Yield what these ids are in a fingerprint, without their items, however they were cut."""
        replica, first, end = self.replica, self.first, self.end
        if self.side:
            if self.side != RIGHT or self.anchor != (replica, first - 1):
                yield (replica, first, self.side, self.anchor), 1
            yield (replica, "placed", end), 1
            yield (replica, "placed", first), -1
        if self.content is None:
            yield (replica, "deleted", end), 1
            yield (replica, "deleted", first), -1


class Row:
    """The spans of one replica, ascending, apart from each other."""

    __slots__ = ("firsts", "spans")

    def __init__(self) -> None:
        self.firsts: list[int] = []
        self.spans: list[Span] = []

    def copy(self) -> Row:
        """Return a row of free copies."""
        new = Row()
        new.firsts = self.firsts.copy()
        new.spans = [span.part(span.first, span.end) for span in self.spans]
        return new

    def at(self, counter: int) -> Span | None:
        """Return the span that has ``counter`` and a place, None if there is none."""
        index = bisect_right(self.firsts, counter) - 1
        if index < 0:
            return None
        span = self.spans[index]
        return span if counter < span.end and span.side else None

    def parts(self, start: int, end: int) -> list[Part]:
        """Cut ``start`` to ``end - 1`` into what single spans have, and into holes (None)."""
        if not self.spans or start >= self.spans[-1].end:
            return [(start, end, None)]
        found: list[Part] = []
        index = max(0, bisect_right(self.firsts, start) - 1)
        while start < end:
            span = self.spans[index] if index < len(self.spans) else None
            index += 1
            if span is None or span.first >= end:
                found.append((start, end, None))
                break
            if span.end <= start:
                continue
            if span.first > start:
                found.append((start, span.first, None))
                start = span.first
            found.append((start, min(end, span.end), span))
            start = span.end
        return found

    def neighbours(self, span: Span) -> tuple[Span | None, Span | None]:
        """Return the spans before and behind one of this row."""
        index = bisect_right(self.firsts, span.first) - 1
        before = self.spans[index - 1] if index else None
        return before, self.spans[index + 1] if index + 1 < len(self.spans) else None

    def ending_at(self, counter: int) -> Span | None:
        """Return the span whose end is ``counter``, None if there is none."""
        index = bisect_right(self.firsts, counter - 1) - 1
        return self.spans[index] if index >= 0 and self.spans[index].end == counter else None

    def add(self, span: Span) -> None:
        """Take in a span where there is a hole."""
        index = bisect_right(self.firsts, span.first)
        self.firsts.insert(index, span.first)
        self.spans.insert(index, span)

    def remove(self, span: Span) -> None:
        """Give up a span."""
        index = bisect_right(self.firsts, span.first) - 1
        del self.firsts[index], self.spans[index]

    def cut_at(self, borders: list[int]) -> None:
        """Cut the spans with a place before each of some counters, which ascend; in one pass."""
        whole = self.spans
        self.spans = []
        index = 0
        for span in whole:
            index = bisect_right(borders, span.first, index)
            inside = bisect_left(borders, span.end, index)
            if inside == index or not span.side:
                self.spans.append(span)
            else:
                ends = [span.first, *borders[index:inside], span.end]
                self.spans += [span.part(low, high) for low, high in pairwise(ends)]
            index = inside
        self.firsts = [span.first for span in self.spans]

    def cut(self, span: Span, counter: int) -> Span:
        """Shorten a span to what is before ``counter``, and return the new span of the rest."""
        rest = span.part(counter, span.end)
        if span.content is not None:
            span.content = span.content[: counter - span.first]
        span.end = counter
        self.add(rest)
        return rest


def in_turn(start: int, end: int, borders: list[int]) -> Iterator[tuple[int, int, bool]]:
    """Cut ``start`` to ``end - 1`` at borders; True comes with what is outside of a set.

    Args:
        start: The first counter.
        end: The counter behind the last.
        borders: Where the counters of the set begin and end, in turn.
    """
    index = bisect_right(borders, start)
    while start < end:
        border = min(end, borders[index]) if index < len(borders) else end
        yield start, border, not index & 1
        start = border
        index += 1
