"""The spans of a sequence in parts that are small enough to be sent alone.

The size of a part is estimated from above, span by span, so that one pass over a state suffices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from crdt.packing import grouped, sized
from crdt.sequences.spans import Span

Measure = Callable[[Span], int]
"""Returns what a span takes at most, in bytes as JSON, within the payload of its replica."""

_BRACES_BYTES = 2
_BRACKETS_BYTES = len(":[[],[]]")


def parts_of(spans: Iterable[Span], measure: Measure, limit_bytes: int) -> Iterator[Iterable[Span]]:
    """Yield spans that take at most ``limit_bytes``; a larger single item stands alone."""
    rows = (
        (span.replica, piece, piece_bytes)
        for span in spans
        for piece, piece_bytes in _fitting(
            span, measure, limit_bytes - _BRACES_BYTES - _around_bytes(span.replica)
        )
    )
    for part in grouped(rows, limit_bytes, _around_bytes):
        yield chain.from_iterable(part.values())


def _around_bytes(replica: str) -> int:
    return sized(replica) + _BRACKETS_BYTES


def _fitting(span: Span, measure: Measure, room_bytes: int) -> Iterator[tuple[Span, int]]:
    """Yield a span, or pieces of it that find room, each with its size."""
    size_bytes = measure(span)
    if size_bytes <= room_bytes or span.content is None or span.end - span.first == 1:
        yield span, size_bytes
        return
    middle = (span.first + span.end) // 2
    yield from _fitting(span.part(span.first, middle), measure, room_bytes)
    yield from _fitting(span.part(middle, span.end), measure, room_bytes)
