"""The layout: where each span stands, kept up to date from change to change.

Theory of operation. The anchors make a tree: what is anchored left of an item stands before it,
what is anchored right of it behind it, and the sequence is the tree read in that order. Siblings,
which different replicas anchored at the same place at the same time, stand in the order of their
rank. All this follows from the spans alone; a layout only remembers it, and can be dropped and made
again at any time. Spans are cut so that others are anchored left of a first id or right of a last
one only: then a span is one node of the tree.

A span whose anchor is unknown waits, with all that is anchored at it. When an awaited id comes, the
layout is made again. Anchors that go round in a circle, which only a liar writes, wait for ever.

Source: Weidner, Kleppmann, "The art of the Fugue: minimizing interleaving in collaborative text
editing" (2023), Algorithm 1; without right sides it is the timestamped insertion tree of
Attiya et al., "Specification and complexity of collaborative text editing" (2016).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from typing import Any, cast

from crdt.sequences.order import Order
from crdt.sequences.spans import RIGHT, Anchor, Row, Span

Rank = Callable[[Span], Any]
"""Returns what siblings are sorted by."""


class Layout:
    """The spans of some rows as a tree and in order.

    Attributes:
        order: The placed spans from left to right.
    """

    def __init__(self, rows: dict[str, Row], rank: Rank) -> None:
        self._rows = rows
        self._rank = rank
        self._awaited: set[tuple[str, int]] = set()
        self._start = Span("", 0, 0, None, RIGHT, None)
        spans = self._cut_at_anchors()
        self._link(spans)
        self.order = Order(self._in_order())

    # --- making it -----------------------------------------------------------------------------

    def _cut_at_anchors(self) -> list[Span]:
        """Cut every span where another is anchored inside; return those that have a place."""
        borders: dict[str, set[int]] = {}
        for span in [span for row in self._rows.values() for span in row.spans]:
            if span.side and span.anchor is not None and self._host(span.anchor) is not None:
                replica, counter = span.anchor
                borders.setdefault(replica, set()).add(counter + (span.side == RIGHT))
        for replica, counters in borders.items():
            self._rows[replica].cut_at(sorted(counters))
        return [span for row in self._rows.values() for span in row.spans if span.side]

    def _link(self, spans: list[Span]) -> None:
        for span in spans:
            span.lefts, span.rights, span.chunk = [], [], None
        families: list[list[Span]] = []
        for span in spans:
            host = self._host(span.anchor)
            if host is None:
                self._awaited.add(cast("tuple[str, int]", span.anchor))
                continue
            siblings = host.rights if span.side == RIGHT else host.lefts
            siblings.append(span)
            if len(siblings) == 2:
                families.append(siblings)
        for siblings in families:
            siblings.sort(key=self._rank)

    def _in_order(self) -> list[Span]:
        ordered: list[Span] = []
        waiting = [(self._start, False)]
        while waiting:
            span, entered = waiting.pop()
            if span.lefts and not entered:
                waiting.append((span, True))
                waiting.extend([(left, False) for left in reversed(span.lefts)])
            else:
                ordered.append(span)
                waiting.extend([(right, False) for right in reversed(span.rights)])
        return ordered

    def _host(self, anchor: Anchor) -> Span | None:
        """Return the span that has an anchor, None if it has not come."""
        if anchor is None:
            return self._start
        replica, counter = anchor
        row = self._rows.get(replica)
        return None if row is None else row.at(counter)

    # --- asking it -----------------------------------------------------------------------------

    def awaits(self, span: Span) -> bool:
        """Tell whether something waits for an id of ``span``."""
        if not self._awaited:
            return False
        if span.end - span.first > len(self._awaited):
            ids = list(self._awaited)
            return any(r == span.replica and span.first <= n < span.end for r, n in ids)
        return any((span.replica, n) in self._awaited for n in range(span.first, span.end))

    def before(self, index: int) -> tuple[Span, int]:
        """Return the span and the counter of the item before a position; the start is ``0``."""
        if not index:
            return self._start, 0
        span, offset = self.order.find(index - 1)
        return span, span.first + offset

    # --- keeping it up to date -----------------------------------------------------------------

    def attach(self, span: Span) -> None:
        """Give a span of the rows that is not linked yet its place."""
        host = self._host(span.anchor)
        if host is None:
            self._awaited.add(cast("tuple[str, int]", span.anchor))
        elif span.side == RIGHT:
            if host is not self._start:
                host, _ = self._parted(host, cast("tuple[str, int]", span.anchor)[1] + 1)
            insort(host.rights, span, key=self._rank)
            if host.chunk is not None:
                self._list_right(host, span)
        else:
            _, host = self._parted(host, cast("tuple[str, int]", span.anchor)[1])
            insort(host.lefts, span, key=self._rank)
            if host.chunk is not None:
                self._list_left(host, span)

    def cut(self, span: Span, counter: int) -> Span:
        """Cut a span in two, as `Row.cut` does, and keep both where they are."""
        rest = self._rows[span.replica].cut(span, counter)
        rest.rights = span.rights
        span.rights = [rest]
        if span.chunk is not None:
            if rest.content is not None:
                self.order.count(span, -len(rest.content))
            self.order.put_behind(span, rest)
        return rest

    def can_fuse(self, before: Span, span: Span) -> bool:
        """Tell whether nothing stands between two spans of a chain."""
        return not span.lefts and len(before.rights) == 1

    def fuse(self, before: Span, span: Span) -> None:
        """Forget a deleted span that has become a part of ``before``."""
        before.rights = span.rights
        if span.chunk is not None:
            self.order.drop(span)

    def _parted(self, host: Span, border: int) -> tuple[Span, Span]:
        """Return the spans on both sides of a border inside or at the end of ``host``."""
        if host.first < border < host.end:
            return host, self.cut(host, border)
        return host, host

    def _list_right(self, host: Span, span: Span) -> None:
        index = host.rights.index(span)
        if index:
            host = _last_of(host.rights[index - 1])
        self.order.put_behind(host, span)

    def _list_left(self, host: Span, span: Span) -> None:
        index = host.lefts.index(span)
        if index:
            self.order.put_behind(_last_of(host.lefts[index - 1]), span)
        else:
            following = _first_of(host.lefts[1]) if len(host.lefts) > 1 else host
            self.order.put_before(following, span)


def _first_of(span: Span) -> Span:
    """Return what stands first of all that is anchored at a span, and of itself."""
    while span.lefts:
        span = span.lefts[0]
    return span


def _last_of(span: Span) -> Span:
    """Return what stands last of all that is anchored at a span, and of itself."""
    while span.rights:
        span = span.rights[-1]
    return span
