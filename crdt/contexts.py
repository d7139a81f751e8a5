"""What the parts of something bigger tell of themselves, and what is sent to who lacks some of it.

For maps and compounds whose parts are objects of their own. A part that knows contexts tells its
own; of any other one a hash of its state is told, and all of it is sent where that differs.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from crdt.errors import PayloadError

_HASH_BYTES = 8


def context_of(part: Any) -> Any:
    """Return what a part tells of itself, JSON-friendly."""
    told = getattr(part, "context", None)
    return hash_of(part.canonical()) if told is None else told


def since(part: Any, told: Any, place: str) -> Any:
    """Return what somebody lacks of a part, None if nothing.

    Args:
        part: The part.
        told: What `context_of` told of it.
        place: Where that stands, for the error.

    Raises:
        PayloadError: ``told`` is nothing that such a part tells.
    """
    if hasattr(part, "context"):
        try:
            delta = part.delta_since(told)
        except PayloadError as error:
            raise PayloadError(error.reason, place) from None
        return None if delta.initial else delta
    if type(told) is not str or len(told) != 2 * _HASH_BYTES:
        raise PayloadError(f"expected {2 * _HASH_BYTES} hexadecimal digits", place)
    return None if told == hash_of(part.canonical()) else part._snapshot()


def parts_of(part: Any, limit_bytes: int) -> Iterator[Any]:
    """Yield a part in parts of its own; a hand-written one is whole."""
    if hasattr(part, "split"):
        yield from part.split(limit_bytes)
    else:
        yield part._snapshot()


def hash_of(told: bytes) -> str:
    """Return 64 bits of BLAKE2b in hexadecimal."""
    return blake2b(told, digest_size=_HASH_BYTES).hexdigest()


def settled(part: Any, stable: Any) -> Any:
    """Return what compacting does to a part by a state of it, None if nothing."""
    if not hasattr(part, "compact"):
        return None
    delta = part.clone().compact(stable)
    return None if delta.initial else delta
