"""The spans of a sequence from left to right, found by position in much less than a pass.

A list of chunks with up to `FULL` spans each. Every chunk counts its visible items and remembers
them once they were read, every span knows its chunk, and sums over the counts of chunks (a Fenwick
tree, made anew when a chunk becomes two) lead to the chunk of a position in a few steps.

Source: Fenwick, "A new data structure for cumulative frequency tables" (1994).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from operator import attrgetter

from crdt.sequences.spans import Content, Span

FULL = 64
"""Spans in a chunk before it becomes two: more slow down the way inside, fewer the way there."""

_SPANS = attrgetter("spans")


class Chunk:
    """Some spans in a row, and how many visible items they have.

    Attributes:
        at: How many chunks stand before this one.
        joined: The visible items, once they were read; None after every change.
        spans: The spans.
        visible: How many items can be seen.
    """

    __slots__ = ("at", "joined", "spans", "visible")

    def __init__(self, spans: list[Span]) -> None:
        self.at = 0
        self.joined: Content | None = None
        self.spans = spans
        self.visible = 0
        for span in spans:
            span.chunk = self
            if span.content is not None:
                self.visible += len(span.content)

    def content(self) -> Content:
        """Return the visible items; there must be some."""
        if self.joined is None:
            contents = [span.content for span in self.spans if span.content is not None]
            if isinstance(contents[0], str):
                self.joined = "".join(contents)
            else:
                self.joined = list(chain.from_iterable(contents))
        return self.joined


class Order:
    """All placed spans in their order; the first is the start, which has no items.

    Attributes:
        visible: How many items can be seen.
    """

    def __init__(self, spans: list[Span]) -> None:
        half = FULL // 2
        self._chunks = [Chunk(spans[at : at + half]) for at in range(0, len(spans), half)]
        self.visible = sum(chunk.visible for chunk in self._chunks)
        self._sums: list[int] = []
        self._sum_up()

    def _sum_up(self) -> None:
        """Number the chunks and make the sums anew."""
        sums = [0]
        for at, chunk in enumerate(self._chunks):
            chunk.at = at
            sums.append(chunk.visible)
        for at in range(1, len(sums)):
            above = at + (at & -at)
            if above < len(sums):
                sums[above] += sums[at]
        self._sums = sums

    def find(self, index: int) -> tuple[Span, int]:
        """Return the span with the item at ``index`` (0 <= index < visible), and its offset."""
        sums = self._sums
        size = len(sums)
        at, step = 0, 1 << (size - 1).bit_length()
        while step:
            ahead = at + step
            if ahead < size and sums[ahead] <= index:
                at = ahead
                index -= sums[ahead]
            step >>= 1
        spans = iter(self._chunks[at].spans)
        while True:
            span = next(spans)
            if span.content is not None:
                size = len(span.content)
                if index < size:
                    return span, index
                index -= size

    def from_span(self, span: Span) -> Iterator[Span]:
        """Return a span and all that follow it."""
        chunk = span.chunk
        own = chunk.spans[chunk.spans.index(span) :]
        later = map(self._chunks.__getitem__, range(chunk.at + 1, len(self._chunks)))
        return chain(own, chain.from_iterable(map(_SPANS, later)))

    def behind(self, span: Span) -> Span:
        """Return the next span; there must be one."""
        following = self.from_span(span)
        next(following)
        return next(following)

    def pieces(self, start: int, stop: int) -> Iterator[tuple[Span, int, int]]:
        """Yield the visible items from ``start`` to ``stop - 1`` as spans and offsets in them."""
        if start >= stop:
            return
        first, offset = self.find(start)
        following = self.from_span(first)
        left = stop - start
        while left:
            span = next(following)
            if span.content is not None:
                end = min(len(span.content), offset + left)
                yield span, offset, end
                left -= end - offset
                offset = 0

    def contents(self) -> Iterable[Content]:
        """Yield all visible items, in pieces that nobody may change."""
        return [chunk.content() for chunk in self._chunks if chunk.visible]

    def put_behind(self, span: Span, new: Span) -> None:
        """List ``new`` behind ``span``, and count its items."""
        chunk = span.chunk
        self._put(chunk, chunk.spans.index(span) + 1, new)

    def put_before(self, span: Span, new: Span) -> None:
        """List ``new`` before ``span``, and count its items."""
        chunk = span.chunk
        self._put(chunk, chunk.spans.index(span), new)

    def drop(self, span: Span) -> None:
        """Take a deleted span off the list."""
        span.chunk.spans.remove(span)

    def count(self, span: Span, more: int) -> None:
        """Note that a span has, or is about to have, so many more (or fewer) visible items."""
        chunk = span.chunk
        chunk.joined = None
        chunk.visible += more
        self.visible += more
        sums, at = self._sums, chunk.at + 1
        while at < len(sums):
            sums[at] += more
            at += at & -at

    def _put(self, chunk: Chunk, index: int, new: Span) -> None:
        chunk.spans.insert(index, new)
        new.chunk = chunk
        if new.content is not None:
            self.count(new, len(new.content))
        if len(chunk.spans) > FULL:
            half = Chunk(chunk.spans[FULL // 2 :])
            del chunk.spans[FULL // 2 :]
            chunk.joined = None
            chunk.visible -= half.visible
            self._chunks.insert(chunk.at + 1, half)
            self._sum_up()
