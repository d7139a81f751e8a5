"""What an object tells others: its payload, what it has seen, what somebody lacks, its parts.

Rule of this file: it reads and changes nothing. Hand-written code that fails is counted, and the
object has nothing to tell then; a failure of ours is not hidden.
"""

from collections.abc import Callable, Iterator, Sized
from typing import Any, Final, TypeVar

from crdt import PayloadError, StateCRDT
from crdtnode.metrics import Metrics
from crdtnode.registry.entry import Entry

A = TypeVar("A")

CROWD: Final = 512
"""Elements over which an object is large without anybody looking closer."""


def _asked(ask: Callable[[], A], metrics: Metrics) -> A | None:
    """What hand-written code answers; None where it fails."""
    try:
        return ask()
    except Exception:  # noqa: BLE001  # it may raise anything
        metrics.contained.add("registry")
        return None


def payloads(entry: Entry, metrics: Metrics) -> tuple[object, ...] | None:
    """Its state as the one payload, none where it is removed; None where it cannot tell."""
    if not entry.alive:
        return ()
    if not entry.kind.foreign:
        return (entry.state.payload,)
    return _asked(lambda: (entry.state.payload,), metrics)


def crowded(entry: Entry) -> bool:
    """Whether it has so many elements that packing it costs something."""
    if entry.kind.foreign or not isinstance(entry.state, Sized):
        return False
    return len(entry.state) > CROWD


def context(entry: Entry, metrics: Metrics) -> object:
    """What it has seen; None where it cannot tell."""
    if not entry.kind.contextual:
        return None
    state: Any = entry.state
    return _asked(lambda: state.context, metrics) if entry.kind.foreign else state.context


def parts_since(
    entry: Entry, context: object, limit_bytes: int, metrics: Metrics
) -> Iterator[object] | None:
    """What the owner of a context lacks of it, in parts; None if that is no context.

    There is at least one part, which may say nothing. A hand-written type's is one whole.
    """
    if not entry.kind.contextual:
        return None
    state: Any = entry.state
    try:
        if entry.kind.foreign:
            whole = _asked(lambda: state.delta_since(context).payload, metrics)
            return None if whole is None else iter((whole,))
        return _payloads(state._parts_since(context, limit_bytes), entry)
    except PayloadError:
        return None


def _payloads(parts: Iterator[StateCRDT], entry: Entry) -> Iterator[object]:
    part = next(parts, None)
    yield (entry.kind.cls() if part is None else part).payload
    for part in parts:
        yield part.payload


def parts(entry: Entry, limit_bytes: int) -> Iterator[object] | None:
    """Its state in parts of about so many bytes; None where that cannot be, or where it is small."""
    if entry.kind.foreign or not entry.alive or entry.most_bytes <= limit_bytes:
        return None
    return parts_of(entry.state, limit_bytes)


def parts_of(state: StateCRDT, limit_bytes: int) -> Iterator[object]:
    """The payloads of a state of a built-in type, in parts; made while they are taken."""
    split = state.split(limit_bytes)  # type: ignore[attr-defined]  # every built-in type has it
    return (part.payload for part in split)
