"""Parts of a state that stay under a limit: rows are packed one after the other.

The size of a part is estimated from above, row by row, so that a part in JSON never exceeds the
limit unless it is a single row that does so alone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, TypeVar

from crdt.tagged import canonical_json

R = TypeVar("R")
G = TypeVar("G", bound=Hashable)

_AROUND_BYTES = 2
"""The brackets or braces around all rows."""


def sized(payload: Any) -> int:
    """Return how many bytes a payload takes as a row: compact JSON and a comma."""
    return len(canonical_json(payload)) + 1


def grouped(
    rows: Iterable[tuple[G, R, int]],
    limit_bytes: int,
    group_bytes: Callable[[G], int],
    around_bytes: int = _AROUND_BYTES,
) -> Iterator[dict[G, list[R]]]:
    """Yield rows by group, in parts of at most ``limit_bytes``; a larger row stands alone.

    Args:
        rows: Each row with its group and its size in bytes.
        limit_bytes: What a part may take.
        group_bytes: Returns what a group takes in each part besides its rows.
        around_bytes: What a part takes before its first group.
    """
    part: dict[G, list[R]] = {}
    size_bytes = around_bytes
    for group, row, row_bytes in rows:
        wanted_bytes = row_bytes + (0 if group in part else group_bytes(group))
        if part and size_bytes + wanted_bytes > limit_bytes:
            yield part
            part, size_bytes = {}, around_bytes
            wanted_bytes = row_bytes + group_bytes(group)
        part.setdefault(group, []).append(row)
        size_bytes += wanted_bytes
    if part:
        yield part


def packed(
    rows: Iterable[tuple[R, int]], limit_bytes: int, around_bytes: int = _AROUND_BYTES
) -> Iterator[list[R]]:
    """Yield lists of rows, each list of at most ``limit_bytes``; a larger row stands alone.

    Args:
        rows: Each row with its size in bytes.
        limit_bytes: What a part may take.
        around_bytes: What a part takes before its first row.
    """
    alike = ((None, row, row_bytes) for row, row_bytes in rows)
    return (part[None] for part in grouped(alike, limit_bytes, lambda _: 0, around_bytes))


def packed_items(payload: dict[str, Any], limit_bytes: int) -> Iterator[dict[str, Any]]:
    """Yield dicts with the items of ``payload``, each dict of at most ``limit_bytes``."""
    items = [(item, sized(item[0]) + sized(item[1])) for item in payload.items()]
    return map(dict, packed(items, limit_bytes))


def packed_lists(payload: dict[str, list[Any]], limit_bytes: int) -> Iterator[dict[str, list[Any]]]:
    """Yield dicts with parts of the lists of ``payload``, each dict of at most ``limit_bytes``."""
    rows = ((name, row, sized(row)) for name, rows in payload.items() for row in rows)
    return grouped(rows, limit_bytes, lambda name: sized(name) + sized([]))
