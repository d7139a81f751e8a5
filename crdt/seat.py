"""A seat: the id, the time and the observers of one live object; never part of its state.

Theory of operation. An id is held by one object. ``merge`` makes the id of its first argument
shared with the result; whoever mutates first keeps it, the other one draws anew (`Share`). An id
is looked up with `Seat.candidate` before a mutation and kept with `Seat.settle` after nobody
refused it, so that a refused mutation settles nothing. A forked child finds another process token
and gives up id and observers. Ids that an object held are remembered, lest a source repeat one.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from typing import Any

from crdt import replica as replicas
from crdt.ambient import NOBODY, Acting, IdSource, current
from crdt.clock import Clock, system_clock
from crdt.replica import check_replica, fresh_replica

Observer = Callable[[Any], object]
"""Gets a delta before it applies; raises to refuse it."""

_NO_IDS: frozenset[str] = frozenset()

_TRIES = 16
"""Calls of an id source before it counts as one that only repeats itself."""


class Share:
    """One id between the objects that a merge left with it, until one of them takes it."""

    __slots__ = ("taken",)

    def __init__(self) -> None:
        self.taken = False


class Seat:
    """Who an object acts as, by which clock, and who watches it.

    Attributes:
        id: The id or None, also while it is shared; `replica` knows whether it is still ours.
        bound: A node gave the id for life; merges leave it alone.
        clock: The clock given by hand, or None.
        observers: Who sees the deltas first, in the order in which they came.
        gating: A delta is before the observers right now.
    """

    __slots__ = (
        "_held",
        "_home",
        "_process",
        "_share",
        "_spare",
        "bound",
        "clock",
        "gating",
        "id",
        "observers",
    )

    def __init__(self, replica: str | None = None, clock: Clock | None = None) -> None:
        self.id: Any = None if replica is None else check_replica(replica)
        _check_callable(clock, "clock", "milliseconds")
        self.clock = clock
        self._home = current.get()
        self._share: Share | None = None
        self._spare: Callable[[], str] | None = None
        self._held = _NO_IDS
        self._process = replicas.process
        self.bound = False
        self.observers: tuple[Observer, ...] = ()
        self.gating = False

    def take_ambient(self) -> None:
        """Take the id that the running code acts as, if it is a fixed one and none was given."""
        if self.id is None and isinstance(self._home.replica, str):
            self.id = self._home.replica

    def copy(self) -> Seat | None:
        """Return the seat of a copy, None where it would say nothing.

        It has the clocks, and it knows which ids the original held: no source may give them to it.
        """
        held = self._held if self.id is None else self._held | {self.id}
        copy = Seat(clock=self.clock)
        copy._home = Acting(copy._home.replica, self._home.clock or copy._home.clock)
        copy._held = held
        return copy if held or self.clock is not None or copy._home != NOBODY else None

    def enter(self) -> None:
        """Give up id, binding and observers in a forked child: they are the parent's."""
        if self._process is not replicas.process:
            self._process = replicas.process
            self.forget()
            self.bound = False
            self.observers = ()
            self.gating = False

    def observe(self, callback: Observer) -> Callable[[], None]:
        """Show deltas to ``callback`` until the returned end is called, once or more often."""
        self.enter()
        self.observers = (*self.observers, callback)
        live = [callback]

        def end() -> None:
            for one in live:
                kept = list(self.observers)
                kept.reverse()
                kept.remove(one)
                self.observers = tuple(reversed(kept))
            live.clear()

        return end

    def offer(self, delta: Any) -> None:
        """Show ``delta`` to the observers; whoever raises has refused it."""
        if self.gating:
            self.check_idle()  # raises
        self.gating = True
        try:
            for callback in self.observers:
                callback(delta)
        finally:
            self.gating = False

    def check_idle(self) -> None:
        """Raise RuntimeError if an observer is being shown a delta of this very object."""
        self.enter()
        if self.gating:
            raise RuntimeError("an observer must not change the object whose delta it is shown")

    def check_free(self) -> None:
        """Raise RuntimeError if the id was given by a node, for life."""
        self.enter()
        if self.bound:
            raise RuntimeError("a node holds this object, which acts as the node does")

    @property
    def replica(self) -> str | None:
        """The id that the next mutation would use, None if it would draw one."""
        self.enter()
        return None if self._share is not None and self._share.taken else self.id

    def take(self, replica: str | None) -> None:
        """Act as ``replica`` from now on; None gives the id up."""
        self.enter()
        checked = None if replica is None else check_replica(replica)
        self.forget()
        self.id = checked

    def bind(self, replica: str, spare: Callable[[], str] | None, clock: Clock | None) -> None:
        """Act for a node, for life: see `StateCRDT.bind`."""
        _check_callable(spare, "spare", "ids")
        _check_callable(clock, "clock", "milliseconds")
        self.take(replica)
        self.bound = True
        self._spare = spare
        self.clock = clock if clock is not None else self.clock

    def bind_alike(self, seats: Iterable[Seat]) -> None:
        """If a node gave this id, give it to those of ``seats`` that are not bound yet."""
        if self.bound and self.id is not None:
            for seat in seats:
                if not seat.bound:
                    seat.bind(self.id, self._spare, self.clock)

    def forget(self) -> None:
        """Give the id up, never to take it again by drawing."""
        if self.id is not None:
            self._held |= {self.id}
        self.id = self._share = None

    def share(self) -> tuple[str, Share] | None:
        """Share the id, as a merge does. None if there is no id, or it is a node's for life."""
        replica = self.replica
        if replica is None or self.bound:
            return None
        self._share = self._share or Share()
        return replica, self._share

    def join_share(self, share: tuple[str, Share] | None) -> None:
        """Hold the id that somebody shared."""
        self.id, self._share = share or (None, None)

    def candidate(self, shown: Callable[[], Container[str]]) -> str:
        """Return the id a mutation is to use; nothing is settled by asking.

        Args:
            shown: Returns the ids that the object's state names. A drawn one is new to it.
        """
        replica = self.replica
        if replica is not None:
            return replica
        held = self._held if self.id is None else self._held | {self.id}
        named = shown()
        return self._draw(lambda drawn: drawn not in held and drawn not in named)

    def _draw(self, good: Callable[[str], bool]) -> str:
        for source in (self._spare, current.get().replica, self._home.replica):
            if callable(source):
                made = _first_good(source, good)
                if made is not None:
                    return made
            elif source is not None and good(source):
                return source
        return fresh_replica()

    def settle(self, replica: str) -> None:
        """Keep ``replica``, which `candidate` gave, because the mutation went through."""
        if self.replica != replica:
            self.forget()
            self.id = replica
        elif self._share is not None:
            self._share.taken = True
            self._share = None

    def now(self) -> int:
        """Return the time in milliseconds since 1970 by the clock that holds here and now."""
        clock = self.clock or current.get().clock or self._home.clock
        return system_clock() if clock is None else clock()


def seat_for(replica: str | None, clock: Clock | None, *, fresh: bool = True) -> Seat | None:
    """Return the seat of a new object, None where it would say nothing (the usual case).

    Args:
        replica: The id given by hand.
        clock: The clock given by hand.
        fresh: The object is in its initial state. Only then does it take a fixed id from
            `crdt.acting` at once: who has a state may have it from the holder of that id.

    Raises:
        TypeError: ``replica`` is no str, or ``clock`` is not callable.
        ValueError: ``replica`` is empty or too long.
    """
    if replica is None and clock is None and current.get() is NOBODY:
        return None
    seat = Seat(replica, clock)
    if fresh:
        seat.take_ambient()
    return seat


def _check_callable(given: object, name: str, what: str) -> None:
    if given is not None and not callable(given):
        raise TypeError(f"{name} is a callable that returns {what}, not {type(given).__name__}")


def _first_good(source: Callable[[], str], good: Callable[[str], bool]) -> str | None:
    for _ in range(_TRIES):
        drawn = check_replica(source())
        if good(drawn):
            return drawn
    return None


__all__ = ["IdSource", "Observer", "Seat", "Share", "seat_for"]
