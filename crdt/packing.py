"""Parts of a state that stay under a limit: rows are packed one after the other.

The size of a part is estimated from above, row by row, so that a part in JSON never exceeds the
limit unless it is a single row that does so alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from crdt.tagged import canonical_json

R = TypeVar("R")

_AROUND_BYTES = 2
"""The brackets or braces around all rows."""


def sized(payload: Any) -> int:
    """Return how many bytes a payload takes as a row: compact JSON and a comma."""
    return len(canonical_json(payload)) + 1


def packed(
    rows: Iterable[tuple[R, int]], limit_bytes: int, around_bytes: int = _AROUND_BYTES
) -> Iterator[list[R]]:
    """Yield lists of rows, each list of at most ``limit_bytes``; a larger row stands alone.

    Args:
        rows: Each row with its size in bytes.
        limit_bytes: What a part may take.
        around_bytes: What a part takes before its first row.
    """
    part: list[R] = []
    size_bytes = around_bytes
    for row, row_bytes in rows:
        if part and size_bytes + row_bytes > limit_bytes:
            yield part
            part, size_bytes = [], around_bytes
        part.append(row)
        size_bytes += row_bytes
    if part:
        yield part


def packed_items(payload: dict[str, Any], limit_bytes: int) -> Iterator[dict[str, Any]]:
    """Yield dicts with the items of ``payload``, each dict of at most ``limit_bytes``."""
    items = [(item, sized(item[0]) + sized(item[1])) for item in payload.items()]
    return map(dict, packed(items, limit_bytes))
