"""The observed-remove set: adding wins, and removing leaves nothing behind."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Self

from crdt import replica as replicas
from crdt.atoms import Key, identify, lookup
from crdt.causal.causal import Causal
from crdt.causal.store import Live
from crdt.seat import Seat
from crdt.sets.elements import E
from crdt.sets.mutable import MutableElementSet

_new = object.__new__

_PATCH_UP_TO = 64
"""Changed keys up to which the index of all keys is patched instead of dropped."""

_SHORT = 2**16
"""Longer text takes the general path, which knows how long it may be."""

_FEW = 4
"""Replicas with live elements up to which a look into each beats one more index."""


class ORSet(Causal, MutableElementSet[E]):
    """A set where a concurrent add beats a remove.

    Every add makes a fresh dot and replaces the dots of that element seen so far; a remove takes
    away the dots that it sees, and nothing else. So an element can come and go for ever, and an
    element added unseen by the remover stays. Removed elements leave no tombstones.

    Args:
        replica: Whom the object acts as; the caller promises that nobody else does.

    Payload:
        ``{replica: [elements, live, context]}``: the elements in the order of their dots, then
        the live dots and all dots seen, as runs ``[skipped, taken, skipped, taken...]``.

    Source:
        Shapiro et al., INRIA RR-7506 (2011), Specification 15; without tombstones after Bieniusa
        et al., "An optimized conflict-free replicated set" (2012); deltas after Almeida, Shoker,
        Baquero, "Delta state replicated data types" (2018).

    Example:
        >>> here, there = ORSet("here"), ORSet("there")
        >>> added = here.add("milk")
        >>> _ = there.join(added)
        >>> removed = there.remove("milk")      # while here it is added again:
        >>> again = here.add("milk")
        >>> here.join(removed), there.join(again)
        (False, True)
        >>> here == there == {"milk"}
        True
        >>> here.payload
        {'here': [['milk'], [1, 1], [0, 2]]}
    """

    _cached: dict[Key, None] | None = None  # the keys of several replicas, once asked for

    def add(self, element: E) -> Self:  # type: ignore[override]  # a set's returns None
        """Add an element and return the delta to gossip; it beats every concurrent remove.

        Raises:
            TypeError: It is of a type that cannot be an element; the message names a conversion.
            ValueError: NaN, an infinity, a lone surrogate, or nested too deep. Nothing changed.
        """
        key: Any = element
        quick = self._quick
        if quick is not None and type(key) is str and key.isascii():
            # The short path: an element of the usual kind, under an id that is all ours.
            process, seat, replica, own, seen, lone = quick
            if process is not replicas.process:
                pass  # a forked child, which the long way gives an id of its own
            elif key in own:
                if lone or self._sole(replica, key):
                    return self._renew(seat, key)
            elif len(key) < _SHORT and (lone or not self._has(key)):
                delta = _new(type(self))
                counter = seen[replica] + 1
                delta._fold = (replica, counter, key)
                if seat.observers:
                    seat.offer(delta)
                own[key] = seen[replica] = counter
                if not lone:
                    self._note(replica, counter, (key,))
                return delta
        return self._change([identify(element)], ())

    def remove(self, element: E) -> Self:  # type: ignore[override]  # a set's returns None
        """Remove an element and return the delta to gossip; it covers the dots seen here.

        Raises:
            KeyError: It is not there; nothing has changed.
        """
        quick = self._quick
        if quick is not None and type(element) is str:
            # The short path: an element that only this replica has added.
            process, seat, replica, own, _, lone = quick
            if process is not replicas.process:
                pass  # a forked child, which the long way gives an id of its own
            elif lone and not seat.observers:
                counter = own.pop(element, None)
                if counter is not None:
                    delta = _new(type(self))
                    delta._fold = (replica, counter)
                    return delta
            elif element in own and (lone or self._sole(replica, element)):
                return self._remove_own(seat, element)
        return super().remove(element)

    def _remove_own(self, seat: Seat, key: Key) -> Self:
        """Remove the only dot of ``key``, which is our own: the short path with company."""
        counter = self._main[key]
        delta = _new(type(self))
        delta._fold = (seat.id, counter)
        if seat.observers:
            seat.offer(delta)
        del self._main[key]
        self._unnote(seat.id, counter, key)
        return delta

    def __contains__(self, element: object) -> bool:
        if type(element) is str:
            return element in self._main or (len(self._live) > 1 and self._has(element))
        return self._has(lookup(element))

    def _has(self, key: Key) -> bool:
        if len(self._live) > _FEW:
            return key in self._all()
        return self._in_some(key)

    def _keys(self) -> Collection[Key]:
        if len(self._live) == 1:
            (live,) = self._live.values()
            return live.keys()
        return self._all().keys()

    def _all(self) -> dict[Key, None]:
        cached = self._cached
        if cached is None:
            cached = {key: None for live in self._live.values() for key in live}
            if self._live:  # the short path of a lone replica does not keep it up
                self._cached = cached
        return cached

    def _note(self, replica: str, first: int, keys: tuple[Key, ...]) -> None:
        super()._note(replica, first, keys)
        if self._cached is not None:
            self._cached.update(dict.fromkeys(keys))

    def _unnote(self, replica: str, counter: int, key: Key) -> None:
        super()._unnote(replica, counter, key)
        if self._cached is not None and not self._in_some(key):
            self._cached.pop(key, None)

    def _in_some(self, key: Key) -> bool:
        return any(key in live for live in self._live.values())

    def _changed(self, new: Live, gone: Live) -> None:
        cached = self._cached
        if cached is None:
            return
        if len(new) + len(gone) > _PATCH_UP_TO:
            self._cached = None
            return
        for key in gone:
            if not self._in_some(key):
                cached.pop(key, None)
        cached.update(dict.fromkeys(new))

    def _take_over(self, source: Self) -> None:
        super()._take_over(source)
        self._cached = None

    def _size(self) -> tuple[int, int]:
        return len(self), 0
