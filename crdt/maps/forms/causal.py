"""Types of live dots in a map: each of their dots is one of the map's.

The child counts its dots in the map's own context. The leaf is what the dot stands for; of a map or
cart in a map, it is the entry with its leaf.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from operator import itemgetter
from typing import Any

from crdt.atoms import NOTHING, Key
from crdt.causal import Causal
from crdt.causal.dotted import Counted, Dotted, Leaf, Piece, Settling, visibly, within
from crdt.causal.runs import Runs, union
from crdt.causal.spans import Span, runs_of_spans, spans_of
from crdt.errors import PayloadError
from crdt.maps.forms.form import Lifting, Place, Target
from crdt.payloads import expect_list
from crdt.sequences.logoot import DIGITS, STRIDE, Logoot

_HOLDER = "a"
"""Stands for the replica where a spelling does not name it."""


class _Sharing(Lifting):
    """A child that counts its dots in the map's own context."""

    shares = True

    def change(self, child: Any, new: list[Piece], gone: list[Piece]) -> bool:
        """Change the child in place."""
        patch = self.build(new)
        patch._seen = _seen_of(new, gone)
        child._join(patch)
        return True


class DottedForm(_Sharing):
    """A map or cart in a map: its entries and leaves together are the leaf."""

    def build(self, pieces: Iterable[Piece]) -> Dotted:
        """Return a new child with this content."""
        child: Dotted = self.kind._blank()
        for replica, start, end, _, (entry, leaf) in pieces:
            child._put(replica, start, end, entry, leaf)
        return child

    def share(self, child: Any, place: Place) -> None:
        """Let a live child count with the map, and its own children too."""
        super().share(child, place)
        child._count_in(place.whole._seen)

    def lift(self, target: Target) -> tuple[list[Piece], dict[str, Runs]]:
        """Return the pieces of a child's delta as pieces of the map."""
        delta = target.delta
        pieces = [
            (replica, start, end, None, (inner, leaf))
            for inner in delta._leaves
            for replica, start, end, _, leaf in delta._pieces_of(inner)
        ]
        return pieces, delta._seen

    def fresh(self, state: Any) -> list[Leaf]:
        """Return the leaves that copy a state under fresh dots."""
        return list(state._fresh())

    def settled(self, leaf: Leaf) -> bool:
        """Tell whether the content of a dot can change no more."""
        settled: bool = self.kind._settled(*leaf)
        return settled

    def shows(self, leaf: Leaf) -> bool:
        """Tell whether a dot with this content is a reason to show the key."""
        shows: bool = self.kind._shows(*leaf)
        return shows

    def kept(self, leaf: Leaf) -> Leaf:
        """Return what a dot holds after its removal, `NOTHING` if it goes."""
        kept = self.kind._kept(*leaf)
        return NOTHING if kept is NOTHING else (leaf[0], kept)

    def settle(self, pieces: list[Piece], stable: Dotted) -> Iterator[Settling]:
        """Yield what compacting does to each entry."""
        entries: dict[Any, list[Piece]] = {}
        for replica, start, end, _, (entry, leaf) in pieces:
            entries.setdefault(entry, []).append((replica, start, end, entry, leaf))
        for entry, parts in entries.items():
            found = self.kind._settle(parts, stable)
            for dots, settled in visibly(found, parts, partial(self.kind._shows, entry)):
                yield dots, [(*piece[:4], (piece[3], piece[4])) for piece in settled]

    def encode(self, leaves: list[Counted]) -> list[Any]:
        """Return the payload of neighbouring leaves."""
        items = ((entry, leaf, often) for (entry, leaf), often in leaves)
        groups: list[Any] = self.kind._grouped(items)
        return groups

    def decode(self, payload: Any, place: str, depth: int) -> list[Counted]:
        """Return the leaves of a payload, or raise PayloadError."""
        items = self.kind._ungrouped(payload, place, depth + 1)
        return [((entry, leaf), often) for entry, leaf, often in items]

    def fits(self, replica: str, counter: int, leaf: Leaf) -> bool:
        """Tell whether a leaf of a payload may stand under this dot."""
        fits: bool = self.kind._may_stand(replica, counter, *leaf)
        return fits


class CausalForm(_Sharing):
    """A type of live dots, such as ORSet: the leaf is what the dot stands for."""

    def share(self, child: Any, place: Place) -> None:
        """Let a live child count with the map."""
        super().share(child, place)
        child._seen = place.whole._seen

    def _key(self, leaf: Leaf, replica: str, counter: int) -> Key:
        """Return what a dot with this leaf stands for in the child."""
        return leaf

    def _leaf(self, key: Key) -> Leaf:
        """Return the leaf of a dot that stands for ``key``."""
        return key

    def build(self, pieces: Iterable[Piece]) -> Causal:
        """Return a new child with this content."""
        child: Causal = self.kind._blank()
        by_dot: dict[str, dict[int, Key]] = {}
        for replica, start, end, _, leaf in pieces:
            keys = {dot: self._key(leaf, replica, dot) for dot in range(start, end)}
            by_dot.setdefault(replica, {}).update(keys)
        for replica, dots in by_dot.items():
            ordered = {dot: dots[dot] for dot in sorted(dots)}
            live = {key: dot for dot, key in ordered.items()}
            child._live[replica] = live
            if len(live) < len(ordered):
                child._by_dot[replica] = ordered
        child._take_over(child)  # lets the type look at what it keeps for speed
        return child

    def lift(self, target: Target) -> tuple[list[Piece], dict[str, Runs]]:
        """Return the dots of a child's delta as pieces of the map."""
        delta = target.delta
        pieces = [
            (replica, dot, dot + 1, None, self._leaf(key))
            for replica in delta._live
            for dot, key in _dots(delta, replica)
        ]
        return pieces, delta._seen

    def fresh(self, state: Causal) -> list[Leaf]:
        """Return the leaves that copy a state under fresh dots."""
        keys = [key for replica in sorted(state._live) for _, key in _dots(state, replica)]
        return list(dict.fromkeys(keys))

    def settle(self, pieces: list[Piece], stable: Dotted) -> Iterator[Settling]:
        """Yield the dots that the type forgets by itself: of removals that everybody knows."""
        if hasattr(self.kind, "compact"):
            child: Any
            child, known = self.build(pieces), self.build(within(pieces, stable._seen))
            known._seen = {replica: stable._seen.get(replica, 0) for replica in child._live}
            child._seen = {
                replica: union(seen, known._seen[replica])
                for replica, seen in _seen_of(pieces).items()
            }
            gone = child.compact(known)._seen
            if gone:
                yield {replica: spans_of(runs) for replica, runs in gone.items()}, []

    def encode(self, leaves: list[Counted]) -> list[Any]:
        """Return the payload of neighbouring leaves."""
        spread = [leaf for leaf, often in leaves for _ in range(often)]
        keys = [self._key(leaf, _HOLDER, dot) for dot, leaf in enumerate(spread, 1)]
        spelled: list[Any] = self.kind._encode_keys(keys)
        return spelled

    def decode(self, payload: Any, place: str, depth: int) -> list[Counted]:
        """Return the leaves of a payload, or raise PayloadError."""
        often = len(expect_list(payload, place))
        if not often:
            return []
        try:
            child = self.kind.from_payload({_HOLDER: [payload, [0, often], [0, often]]})
        except PayloadError as error:
            raise PayloadError(error.reason, place) from None
        return [(self._leaf(key), 1) for _, key in _dots(child, _HOLDER)]


class LogootForm(CausalForm):
    """A sequence whose items have places: the leaf is the path up to the last digit, and the item.

    The dot that completes the path is the one that the leaf stands under.
    """

    def _key(self, leaf: Leaf, replica: str, counter: int) -> Key:
        steps, item = leaf
        return (*steps, replica, counter), item

    def _leaf(self, key: Key) -> Leaf:
        path, item = key
        return path[:-2], item

    def fresh(self, state: Causal) -> list[Leaf]:
        """Return the items in their order, at places of their own."""
        assert isinstance(state, Logoot)
        entries = state._sorted()
        stride = min(STRIDE, DIGITS // (len(entries) + 1))
        return [((stride * at,), item) for at, (_, item) in enumerate(entries, 1)]


def _dots(state: Causal, replica: str) -> list[tuple[int, Key]]:
    """Return the live dots of a replica with their keys, in order."""
    if state._repeats(replica):
        return sorted(state._by_dot[replica].items(), key=itemgetter(0))
    return sorted([(dot, key) for key, dot in state._live[replica].items()], key=itemgetter(0))


def _seen_of(*parts: list[Piece]) -> dict[str, Runs]:
    spans: dict[str, list[Span]] = {}
    for pieces in parts:
        for replica, start, end, _, _ in pieces:
            spans.setdefault(replica, []).append((start, end))
    return {replica: runs_of_spans(stretches) for replica, stretches in spans.items()}
