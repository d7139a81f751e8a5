"""The sequence: a list that several replicas edit at once, without mixing up what they insert."""

from __future__ import annotations

from typing import Any

from crdt.errors import PayloadError
from crdt.payloads import expect_list, expect_replica, is_plain_text
from crdt.sequences.editing import ItemSequence, T
from crdt.sequences.layout import Layout
from crdt.sequences.spans import LEFT, RIGHT, Anchor, Content, Span
from crdt.sequences.woven import Woven
from crdt.tagged import decode, decode_int, encode, encode_int


class TwoSided(Woven[T]):
    """Items anchored left or right of each other, in the order of Fugue."""

    def _place(self, layout: Layout, index: int) -> tuple[Anchor, str]:
        # Right of the item before, or left of the one behind if something is there already: so
        # runs stay together, whether typed forwards or backwards.
        span, counter = layout.before(index)
        if counter and counter < span.end - 1:
            return (span.replica, counter + 1), LEFT
        if span.rights:
            behind = layout.order.behind(span)
            return (behind.replica, behind.first), LEFT
        return (span.replica, counter) if counter else None, RIGHT

    @staticmethod
    def _rank(span: Span) -> tuple[str, int]:
        return span.replica, span.first

    def _next_counter(self, replica: str) -> int:
        return self._named.get(replica, 0) + 1

    def _encode_place(self, anchor: Anchor, side: str) -> list[Any]:
        return [side] if anchor is None else [side, anchor[0], encode_int(anchor[1])]

    def _decode_place(self, payload: Any, place: str) -> tuple[Anchor, str]:
        if payload == [RIGHT] and type(payload) is list:
            return None, RIGHT
        side, replica, counter = expect_list(payload, place, 3)
        if side not in (LEFT, RIGHT) or type(side) is not str:
            raise PayloadError(f"expected {LEFT!r} or {RIGHT!r}", f"{place}[0]")
        holder = expect_replica(replica, f"{place}[1]")
        return (holder, decode_int(counter, f"{place}[2]", at_least=1)), side


class ItemWoven(Woven[T], ItemSequence[T]):
    """Anchored items of any kind."""

    def _encode_content(self, contents: list[Content]) -> list[Any]:
        return [key if type(key) is str else encode(key) for content in contents for key in content]

    def _decode_content(self, payload: Any, place: str) -> Content:
        items = expect_list(payload, place)
        if set(map(type, items)) == {str} and is_plain_text("".join(items)):
            return items.copy()
        return [decode(item, f"{place}[{i}]", values=True) for i, item in enumerate(items)]


class Sequence(TwoSided[T], ItemWoven[T]):
    """A list that many replicas edit at once.

    What one replica inserts in a run, forwards or backwards, stays together: a run that another
    replica inserts at the same place stands before or behind it. Inserting and deleting cost about
    the same wherever they happen. A deleted item leaves its id behind, in runs and without content;
    an item that comes before what it is anchored at waits unseen.

    Items are None, bool, int, finite float, str, bytes, tuples, lists, and dicts with str keys,
    nested at most 8 deep; lists and dicts are copied in and out.

    Args:
        replica: Whom the object acts as; the caller promises that nobody else does.

    Payload:
        ``{replica: [runs, deleted]}``. A run ``[skipped, taken, place, items]`` stands for ids in a
        row, each anchored right of the one before; ``place`` is where the first one is: ``[">"]``
        at the start, ``[">", replica, counter]`` right of an item, ``["<", replica, counter]`` left
        of one. ``items`` are those of the live ids; ``deleted`` has the others, as runs
        ``[skipped, taken, skipped, taken...]``.

    Source:
        Weidner, Kleppmann, "The art of the Fugue: minimizing interleaving in collaborative text
        editing" (2023), Algorithm 1; runs after Yjs (Nicolaescu et al., 2016).

    Example:
        >>> here, there = Sequence("here"), Sequence("there")
        >>> _ = there.join(here.extend(["bread", "milk"]))
        >>> tea, jam = here.insert(1, "tea"), there.insert(1, "jam")
        >>> here.join(jam), there.join(tea), here == there
        (True, True, True)
        >>> here[1:], here.index("milk")
        (['tea', 'jam', 'milk'], 3)
        >>> here.delete(0).payload
        {'here': [[], [0, 1]]}
    """
