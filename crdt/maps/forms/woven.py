"""Sequences of anchored items in a map: the ids of the items are dots of the map.

The leaf says where an id is anchored and what it holds. A deleted item keeps its dot and its place,
without the item, because others may be anchored at it; and removing the key deletes the items that
the remover had seen. So an item that was inserted unseen finds its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from crdt.causal.dotted import Counted, Leaf, Piece
from crdt.causal.runs import Runs, minus
from crdt.causal.spans import Span as Stretch
from crdt.causal.spans import runs_of_spans
from crdt.errors import PayloadError
from crdt.maps.forms.form import Lifting, Place, Target
from crdt.payloads import expect_list
from crdt.sequences.spans import RIGHT, Span
from crdt.sequences.text import Text
from crdt.tagged import decode_int, encode_int

_NEXT: Any = None
"""The place of an id that is anchored right of the id before it."""

_GONE = 3
"""Length of the payload of a chain that is deleted."""

_LIVE = 2
"""Length of a leaf ``(place, item)``; that of a deleted item is ``(place,)``."""


class WovenForm(Lifting):
    """A Sequence, Text or RGA."""

    def build(self, pieces: Iterable[Piece]) -> Any:
        """Return a new child with this content."""
        return self.kind._blank()._made_of(self._spans(pieces))

    def change(self, child: Any, new: list[Piece], gone: list[Piece]) -> bool:
        """Change the child in place; False if it has to be built anew."""
        settled = _dots_of([piece for piece in new if self.settled(piece[4])])
        lost = _dots_of(gone)
        if any(minus(dots, settled.get(replica, 0)) for replica, dots in lost.items()):
            return False
        for span in self._spans(new):
            child._take(span)
        return True

    def share(self, child: Any, place: Place) -> None:
        """Let a live child give out ids that are dots of the map."""
        super().share(child, place)
        child._counted = place.whole._seen

    def lift(self, target: Target) -> tuple[list[Piece], dict[str, Runs]]:
        """Return the items of a delta, and its deletions with the places of what is deleted."""
        pieces: list[Piece] = []
        for span in target.delta._all_spans():
            if span.side:
                pieces += _pieces_of(span)
            else:
                held = target.place.between(span.replica, span.first, span.end)
                pieces += [(*piece[:4], self.kept(piece[4])) for piece in held]
        return pieces, _dots_of(pieces)

    def fresh(self, state: Any) -> list[Leaf]:
        """Return the visible items, one after the other."""
        items = [item for content in state._contents() for item in content]
        places = [(None, RIGHT), *[_NEXT] * len(items)]
        return [(place, item) for place, item in zip(places, items, strict=False)]

    def settled(self, leaf: Leaf) -> bool:
        """Tell whether an item is deleted."""
        return len(leaf) < _LIVE

    def shows(self, leaf: Leaf) -> bool:
        """Tell whether an item is there."""
        return len(leaf) == _LIVE

    def kept(self, leaf: Leaf) -> Leaf:
        """Return the place of an item."""
        return leaf[:1]

    def _closed(self, span: Span) -> Span:
        if span.content is not None:
            span.content = self._content(span.content)
        return span

    def _spans(self, pieces: Iterable[Piece]) -> Iterator[Span]:
        """Yield pieces as spans, a chain of ids as one."""
        span: Span | None = None
        for replica, start, end, _, (place, *item) in pieces:
            begins = range(start, start + 1) if place is _NEXT else range(start, end)
            for first in begins:
                stop = end if place is _NEXT else first + 1
                goes_on = place is _NEXT and span is not None and span.replica == replica
                if (
                    span is not None
                    and goes_on
                    and span.end == start
                    and bool(item) == bool(span.content)
                ):
                    span.end = stop
                    if span.content:
                        span.content += item * (stop - first)
                    continue
                if span is not None:
                    yield self._closed(span)
                anchor, side = ((replica, first - 1), RIGHT) if place is _NEXT else place
                content = item * (stop - first) if item else None
                span = Span(replica, first, stop, anchor, side, content)
        if span is not None:
            yield self._closed(span)

    # --- the payload ---------------------------------------------------------------------------

    def encode(self, leaves: list[Counted]) -> list[Any]:
        """Return the payload of neighbouring leaves, a chain of ids as one.

        It is ``[place, items]``, or ``[place, items, deleted]`` for so many that are deleted; the
        place is None where the chain goes on from the id before.
        """
        child = self.kind._blank()
        chains: list[list[Any]] = []
        for (place, *item), often in leaves:
            if place is _NEXT and chains and bool(chains[-1][1]) == bool(item):
                chains[-1][1] += item * often
                chains[-1][2] += 0 if item else often
            elif place is _NEXT:
                chains.append([None, item * often, 0 if item else often])
            else:
                spelled = [child._encode_place(*place) for _ in range(often)]
                chains += [[where, item.copy(), 0 if item else 1] for where in spelled]
        return [
            [place, child._encode_content([self._content(items)])]
            + ([encode_int(deleted)] if deleted else [])
            for place, items, deleted in chains
        ]

    def _content(self, items: list[Any]) -> Any:
        return "".join(items) if issubclass(self.kind, Text) else items

    def decode(self, payload: Any, place: str, depth: int) -> list[Counted]:
        """Return the leaves of a payload, or raise PayloadError."""
        leaves: list[Counted] = []
        for i, chain in enumerate(expect_list(payload, place)):
            here = f"{place}[{i}]"
            found = self._decode_chain(chain, here)
            (begin, *item), _ = found[0]
            if begin is _NEXT and leaves and len(leaves[-1][0]) == 1 + len(item):
                raise PayloadError("what continues a chain is a part of it", here)
            leaves += found
        return leaves

    def _decode_chain(self, chain: Any, here: str) -> list[Counted]:
        child = self.kind._blank()
        length = _GONE if type(chain) is list and len(chain) == _GONE else _GONE - 1
        spelled, content, *more = expect_list(chain, here, length)
        begin = _NEXT if spelled is None else child._decode_place(spelled, f"{here}[0]")
        items = list(child._decode_content(content, f"{here}[1]"))
        deleted = decode_int(more[0], f"{here}[2]", at_least=1) if more else 0
        if bool(items) == bool(deleted):
            raise PayloadError("a chain has items or is deleted", here)
        places = [begin, *[_NEXT] * len(items)]
        if items:
            return [((at, item), 1) for at, item in zip(places, items, strict=False)]
        if begin is _NEXT:
            return [((_NEXT,), deleted)]
        return [((begin,), 1), *([((_NEXT,), deleted - 1)] if deleted > 1 else [])]

    def fits(self, replica: str, counter: int, leaf: Leaf) -> bool:
        """Tell whether an id may be anchored so: at an earlier one, and a chain without saying."""
        place = leaf[0]
        if place is _NEXT:
            return counter > 1
        anchor, side = place
        if anchor is None:
            return True
        if anchor[1] >= counter and (self.kind._ageing or anchor[0] == replica):
            return False
        return bool(side != RIGHT or anchor != (replica, counter - 1))


def _pieces_of(span: Span) -> Iterator[Piece]:
    """Yield the items of a span of a delta under their ids."""
    anchor, side = span.anchor, span.side
    chained = side == RIGHT and anchor == (span.replica, span.first - 1)
    for dot, item in enumerate(span.content, span.first):
        place = _NEXT if chained or dot > span.first else (anchor, side)
        yield span.replica, dot, dot + 1, None, (place, item)


def _dots_of(pieces: list[Piece]) -> dict[str, Runs]:
    stretches: dict[str, list[Stretch]] = {}
    for replica, start, end, _, _ in pieces:
        stretches.setdefault(replica, []).append((start, end))
    return {replica: runs_of_spans(spans) for replica, spans in stretches.items()}
