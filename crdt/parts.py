"""A big payload as several small ones that join to the same state.

For types whose payload is a dict of lists where any part of each list is a lawful payload by
itself: sets, graphs, logs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crdt.amounts import whole
from crdt.tagged import canonical_json

Lists = dict[str, list[Any]]


def check_limit(limit: object) -> int:
    """Return ``limit``, in bytes, if there can be parts under it.

    Raises:
        TypeError: It is no int.
        ValueError: It is below 1.
    """
    return whole(limit, at_least=1)


def parts_of(payload: Lists, limit: int) -> Iterator[Lists]:
    """Yield payloads of at most ``limit`` bytes, in JSON, that hold each row of ``payload`` once.

    A row that is larger by itself has a part of its own.
    """
    part: Lists = {}
    size_bytes = 2  # the braces
    for name, rows in payload.items():
        for row in rows:
            row_bytes = len(canonical_json(row)) + 1
            field_bytes = 0 if name in part else len(canonical_json(name)) + 4
            if part and size_bytes + row_bytes + field_bytes > limit:
                yield part
                part, size_bytes = {}, 2
                field_bytes = len(canonical_json(name)) + 4
            part.setdefault(name, []).append(row)
            size_bytes += row_bytes + field_bytes
    if part:
        yield part
