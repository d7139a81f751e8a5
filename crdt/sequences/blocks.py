"""Items in blocks, as a fingerprint hashes them: a hash for every letter would take too long.

A block holds the items of a replica with the counters ``number * BLOCK`` and up, those that are
visible, each with its place in the block. What a block holds follows from the state alone, however
its spans were cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from crdt.sequences.spans import Row, Span

BLOCK: Final = 64
"""Counters in a block. More make the first fingerprint cheaper, and those after a change dearer."""


def bulk(row: Row) -> int:
    """Return about how many spans and blocks a replica has, without a look at many spans."""
    spans = row.spans
    exactly = len(spans) <= BLOCK
    held = (
        sum([span.end - span.first for span in spans])
        if exactly
        else spans[-1].end - spans[0].first
    )
    return len(spans) + held // BLOCK


def numbers_of(span: Span) -> range:
    """Return the numbers of the blocks in which a span has ids."""
    return range(span.first // BLOCK, (span.end - 1) // BLOCK + 1)


def block(replica: str, row: Row, number: int) -> tuple[Any, ...] | None:
    """Return what a block holds, to be hashed: ``(replica, number, (offset, items)...)``."""
    start = number * BLOCK
    pieces: list[tuple[int, Any]] = []
    end = -1
    for low, high, span in row.parts(max(start, 1), start + BLOCK):
        if span is not None and span.content is not None:
            content = span.content[low - span.first : high - span.first]
            items = content if isinstance(content, str) else tuple(content)
            if low == end:
                offset, before = pieces.pop()
                items = before + items
            else:
                offset = low - start
            pieces.append((offset, items))
            end = high
    return (replica, number, *pieces) if pieces else None


def blocks(replica: str, row: Row) -> Iterator[tuple[Any, ...]]:
    """Yield all blocks of a replica that hold something."""
    spans = [span for span in row.spans if span.content is not None]
    numbers = dict.fromkeys(number for span in spans for number in numbers_of(span))
    yield from filter(None, (block(replica, row, number) for number in numbers))
