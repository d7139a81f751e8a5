"""The replicated growable array: the classic list, kept for those who know it."""

from __future__ import annotations

from typing import Any

from crdt.payloads import expect_list, expect_replica
from crdt.sequences.editing import T
from crdt.sequences.layout import Layout
from crdt.sequences.sequence import ItemWoven
from crdt.sequences.spans import RIGHT, Anchor, Span
from crdt.tagged import decode_int, encode_int


class RGA(ItemWoven[T]):
    """A list in which everything stands behind what it was inserted behind, the newest first.

    Two runs typed forwards at the same place stay apart; runs typed backwards (each item before the
    last) may mix. `Sequence` does better there; otherwise both behave alike. A deleted item leaves
    its id behind, in runs and without content; an item that comes before the one it stands behind
    waits unseen.

    Items are None, bool, int, finite float, str, bytes, tuples, lists, and dicts with str keys,
    nested at most 8 deep; lists and dicts are copied in and out.

    Args:
        replica: Whom the object acts as; the caller promises that nobody else does.

    Payload:
        ``{replica: [runs, deleted]}``. A run ``[skipped, taken, place, items]`` stands for ids in a
        row, each behind the one before; ``place`` is what the first one stands behind: ``[]`` for
        the start, else ``[replica, counter]``, with a smaller counter. ``items`` are those of the
        live ids; ``deleted`` has the others, as runs ``[skipped, taken, skipped, taken...]``.

    Source:
        Shapiro et al., INRIA RR-7506 (2011), Specification 19, after Roh et al., "Replicated
        abstract data types" (2011); its timestamps are the counters of Lamport (1978).

    Example:
        >>> here, there = RGA("here"), RGA("there")
        >>> _ = there.join(here.extend("ad"))
        >>> b, c = here.insert(1, "c"), there.insert(1, "b")
        >>> here.join(c), there.join(b), here.value == there.value
        (True, True, True)
        >>> sorted(here.value)
        ['a', 'b', 'c', 'd']
        >>> here.payload["there"]
        [[[2, 1, ['here', 1], ['b']]], []]
    """

    _ageing = True

    def _place(self, layout: Layout, index: int) -> tuple[Anchor, str]:
        span, counter = layout.before(index)
        return (span.replica, counter) if counter else None, RIGHT

    @staticmethod
    def _rank(span: Span) -> tuple[int, str]:
        return -span.first, span.replica

    def _next_counter(self, replica: str) -> int:
        return max(self._named.values(), default=0) + 1

    def _encode_place(self, anchor: Anchor, side: str) -> list[Any]:
        return [] if anchor is None else [anchor[0], encode_int(anchor[1])]

    def _decode_place(self, payload: Any, place: str) -> tuple[Anchor, str]:
        if payload == [] and type(payload) is list:
            return None, RIGHT
        replica, counter = expect_list(payload, place, 2)
        holder = expect_replica(replica, f"{place}[0]")
        return (holder, decode_int(counter, f"{place}[1]", at_least=1)), RIGHT
