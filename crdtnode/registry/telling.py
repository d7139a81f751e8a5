"""What an object tells others: its payload, what it has seen, what somebody lacks, its parts.

Rule of this file: it reads and changes nothing. Hand-written code that fails is counted, and the
object has nothing to tell then; a failure of ours is not hidden.
"""

from collections.abc import Callable, Iterator, Sized
from typing import Final, TypeVar

from crdt import PayloadError
from crdtnode.metrics import Metrics
from crdtnode.registry.entry import Entry

A = TypeVar("A")

CROWD: Final = 512
"""Elements over which an object is large without anybody looking closer."""


def _asked(entry: Entry, ask: Callable[[], A], metrics: Metrics) -> A | None:
    """What an object's code answers; None where a hand-written type fails."""
    try:
        return ask()
    except Exception:
        if not entry.kind.foreign:
            raise
        metrics.contained.add("registry")
        return None


def payloads(entry: Entry, metrics: Metrics) -> tuple[object, ...] | None:
    """Its state as the one payload, none where it is removed; None where it cannot tell."""
    return _asked(entry, lambda: (entry.state.payload,), metrics) if entry.alive else ()


def crowded(entry: Entry) -> bool:
    """Whether it has so many elements that packing it costs something."""
    if entry.kind.foreign or not isinstance(entry.state, Sized):
        return False
    return len(entry.state) > CROWD


def context(entry: Entry, metrics: Metrics) -> object:
    """What it has seen; None where it cannot tell."""
    if not entry.kind.contextual:
        return None
    return _asked(entry, lambda: entry.state.context, metrics)  # type: ignore[attr-defined]  # it is contextual


def payload_since(entry: Entry, context: object, metrics: Metrics) -> object:
    """What the owner of a context lacks of it; None if that is no context."""
    if not entry.kind.contextual:
        return None
    since = entry.state.delta_since  # type: ignore[attr-defined]  # it is contextual
    try:
        return _asked(entry, lambda: since(context).payload, metrics)
    except PayloadError:
        return None


def parts(entry: Entry, limit_bytes: int, payload: object) -> Iterator[object] | None:
    """Its state, or a payload, in parts of about so many bytes; None where that cannot be."""
    if entry.kind.foreign or not entry.alive:
        return None
    if payload is not None:
        whole = entry.kind.cls.from_payload(payload)
    elif entry.most_bytes > limit_bytes:
        whole = entry.state.clone()
    else:
        return None
    split = whole.split(limit_bytes)  # type: ignore[attr-defined]  # every built-in type has it
    return (part.payload for part in split)
