"""Who acts and what time it is, for a stretch of code: ``with crdt.acting(...)``.

Objects that were given neither replica nor clock take both from here: those created inside for
life, those created elsewhere for what they do inside. What an object was given by hand (or by
`StateCRDT.bind`) stands above it. A daemon or a simulator wraps in it whatever runs foreign code,
so that hand-written types, too, are deterministic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from crdt.clock import Clock
from crdt.replica import check_replica

IdSource = str | Callable[[], str]
"""An id, or something that makes a new one at every call."""


@dataclass(frozen=True, slots=True)
class Acting:
    """What a stretch of code acts with; None leaves a part to whoever stands further out."""

    replica: IdSource | None = None
    clock: Clock | None = None


NOBODY = Acting()

current: ContextVar[Acting] = ContextVar("crdt_acting", default=NOBODY)
"""What the running code acts with."""


@contextmanager
def acting(*, replica: IdSource | None = None, clock: Clock | None = None) -> Iterator[None]:
    """Let objects inside the block take their identity and time from here.

    Args:
        replica: An id, or a callable that makes a new one at each call. An id promises that at
            most one live object of each replicated state uses it; copies made inside, and an
            object that must give up its id, draw a random one. With a callable they call it again.
        clock: Returns whole milliseconds since 1970.

    Raises:
        TypeError: ``replica`` is neither text nor callable, or ``clock`` is not callable.
        ValueError: ``replica`` is empty or too long.

    Example:
        >>> from crdt import LWWRegister, acting
        >>> with acting(replica="kitchen", clock=lambda: 1_700_000_000_000):
        ...     LWWRegister().assign("tea").payload
        [[1700000000000, 0], 'kitchen', 'tea']
    """
    if replica is not None and not callable(replica):
        check_replica(replica)
    if clock is not None and not callable(clock):
        raise TypeError(f"clock is a callable that returns milliseconds, not {clock!r}")
    outer = current.get()
    inner = Acting(
        outer.replica if replica is None else replica, outer.clock if clock is None else clock
    )
    token = current.set(inner)
    try:
        yield
    finally:
        current.reset(token)
