"""The spans of a sequence from left to right, found by position in much less than a pass.

A list of chunks with up to `FULL` spans each. Every chunk counts its visible items, every span
knows its chunk; so a position is found by passing over chunks, and a neighbour within one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from operator import attrgetter

from crdt.sequences.spans import Content, Span

FULL = 128
"""Spans in a chunk before it becomes two: more slow down the way inside, fewer the way there."""

_SPANS = attrgetter("spans")


class Chunk:
    """Some spans in a row, and how many visible items they have."""

    __slots__ = ("spans", "visible")

    def __init__(self, spans: list[Span]) -> None:
        self.spans = spans
        self.visible = 0
        for span in spans:
            span.chunk = self
            if span.content is not None:
                self.visible += len(span.content)


class Order:
    """All placed spans in their order; the first is the start, which has no items.

    Attributes:
        visible: How many items can be seen.
    """

    def __init__(self, spans: list[Span]) -> None:
        half = FULL // 2
        self._chunks = [Chunk(spans[at : at + half]) for at in range(0, len(spans), half)]
        self.visible = sum(chunk.visible for chunk in self._chunks)

    def find(self, index: int) -> tuple[Span, int]:
        """Return the span with the item at ``index`` (0 <= index < visible), and its offset."""
        chunks = iter(self._chunks)
        chunk = next(chunks)
        while index >= chunk.visible:
            index -= chunk.visible
            chunk = next(chunks)
        spans = iter(chunk.spans)
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
        later = self._chunks[self._chunks.index(chunk) + 1 :]
        own = chunk.spans[chunk.spans.index(span) :]
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
        """Yield the content of all visible spans."""
        for chunk in self._chunks:
            for span in chunk.spans:
                if span.content is not None:
                    yield span.content

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
        """Note that a span has so many more (or fewer) visible items."""
        span.chunk.visible += more
        self.visible += more

    def _put(self, chunk: Chunk, index: int, new: Span) -> None:
        chunk.spans.insert(index, new)
        new.chunk = chunk
        if new.content is not None:
            self.count(new, len(new.content))
        if len(chunk.spans) > FULL:
            half = Chunk(chunk.spans[FULL // 2 :])
            del chunk.spans[FULL // 2 :]
            chunk.visible -= half.visible
            self._chunks.insert(self._chunks.index(chunk) + 1, half)
