"""The interface of every replicated type, and what a type of your own gets for free.

A subclass of `StateCRDT` needs four members: ``__init__`` (the initial state), ``payload`` (get
and set), ``value`` and ``merge``. Everything else here works on top of them, in a node's registry
too. The base keeps its own data in one attribute with a class-level default, so ``__init__`` need
not call ``super()``.

Theory of operation. States form a join semilattice: ``merge`` computes the least upper bound, so
states may arrive in any order and any number of times. An initial state may have no payload (its
getter raises); such an object counts as the bottom of the lattice: joining it changes nothing,
joining something into it takes that over.

A delta is a small state of the same type that carries one change. Built-in mutators build it, show
it to the observers, apply it and return it. ``join`` is for users and passes the same gate;
``absorb`` is the join without the gate, for whoever feeds in what came from elsewhere (a node).

Objects are not thread-safe: use each from one thread at a time.

Source: Shapiro, Preguica, Baquero, Zawirski, "A comprehensive study of Convergent and Commutative
Replicated Data Types", INRIA RR-7506 (2011); deltas after Almeida, Shoker, Baquero, "Delta state
replicated data types" (2018).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Self

from crdt.attributes import adopt_attributes, attributes, crdts_among, mend_clocks
from crdt.clock import Clock
from crdt.errors import PayloadError
from crdt.jsonlike import checked_copy
from crdt.seat import Observer, Seat
from crdt.tagged import canonical_json


class StateCRDT(ABC):
    """A replicated object whose copies converge by joining their states.

    Subclass it with ``__init__``, ``payload``, ``value`` and ``merge``. The constructor must work
    without arguments. A payload is made of strings, numbers, booleans, None, lists and dicts with
    str keys, and a list that stands for a set must be sorted, because equal states are recognised
    by equal bytes. `crdt.testing.check_laws` tells whether a type keeps the laws.

    Nothing here is hashable, since every object can change. ``==`` compares state; sets, maps and
    sequences compare what they hold.
    """

    _seat: Seat | None = None
    _behind: ClassVar[type[Any] | None] = None
    """The type that users see, where an object's class is one that is made to listen."""
    __hash__: ClassVar[None]  # type: ignore[assignment]  # object's is a method; ours says: none

    @abstractmethod
    def __init__(self) -> None:
        """Make the initial state."""

    @property
    @abstractmethod
    def payload(self) -> Any:
        """The state as strings, numbers, booleans, None, lists and dicts with str keys.

        Never shares anything mutable with the object or the caller. Assigning it replaces the
        state and forgets the replica.
        """

    @payload.setter
    @abstractmethod
    def payload(self, payload: Any) -> None: ...

    @property
    @abstractmethod
    def value(self) -> Any:
        """What the state means to its users, computed afresh."""

    @classmethod
    @abstractmethod
    def merge(cls, X: Any, Y: Any) -> Any:
        """Return a new instance, the join of ``X`` and ``Y``, which stay as they are."""

    # --- making copies -------------------------------------------------------------------------

    @classmethod
    def from_payload(cls, payload: Any, replica: str | None = None) -> Self:
        """Return a new object with the state that ``payload`` describes.

        Args:
            payload: Foreign data; nothing of it is kept.
            replica: Whom the object acts as. The caller promises that nobody else does.

        Raises:
            PayloadError: The payload is not one of this type. Nothing was built.
        """
        copy = checked_copy(payload)
        new = cls()
        try:
            new.payload = copy
        except PayloadError:
            raise
        except Exception as error:  # a hand-written setter may raise anything
            raise PayloadError(f"{cls.__name__} refuses it: {error!r:.200}") from error
        if replica is not None:
            new.replica = replica
        return new

    def clone(self, replica: str | None = None) -> Self:
        """Return an independent copy: state and clock, but neither replica nor observers."""
        new = self._snapshot()
        mend_clocks(new, self)
        if replica is not None:
            new.replica = replica
        return new

    def __copy__(self) -> Self:
        return self.clone()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.clone()

    def __getstate__(self) -> Any:
        return attributes(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, attribute in state.items():
            setattr(self, name, attribute)

    # --- the lattice ---------------------------------------------------------------------------

    def join(self, other: Self) -> bool:
        """Join ``other`` into this object, past the observers.

        Returns:
            True if this object grew.

        Raises:
            TypeError: ``other`` is of another type (a subclass is one); nothing changed.
            Exception: Whatever an observer raised to refuse; nothing changed.
        """
        other = self._same_type(other)
        if self._seat is not None:
            self._seat.check_idle()
        watched = self._watched()
        if watched is not None:
            if other.compare(self):
                return False
            watched.offer(other._snapshot())
        return self.absorb(other)

    def absorb(self, other: Self) -> bool:
        """Join ``other`` into this object without asking the observers.

        For whoever carries states between replicas, such as a node: its observers see what was
        written here, not what came from elsewhere. Users call `join`.

        Returns:
            True if this object grew.

        Raises:
            TypeError: ``other`` is of another type; nothing changed.
            RuntimeError: An observer of this object calls it; nothing changed.
        """
        other = self._same_type(other)
        if self._seat is not None:
            self._seat.check_idle()
        return other is not self and self._join(other)

    def compare(self, other: Self) -> bool:
        """Tell whether everything in this state is in ``other`` too (self <= other).

        Raises:
            TypeError: ``other`` is of another type.
        """
        other = self._same_type(other)
        if other is self or self._payload_or_none() is None:
            return True
        if other._payload_or_none() is None:
            return False
        merged: StateCRDT = type(self).merge(self, other)
        return merged.canonical() == other.canonical()

    def canonical(self) -> bytes:
        """Return bytes that are equal exactly if the states are.

        By default compact JSON of the payload with sorted keys, in ASCII.

        Raises:
            PayloadError: The payload of a hand-written type is not JSON-friendly.
        """
        return canonical_json(checked_copy(self.payload)).encode("ascii")

    def fingerprint(self, hash: Callable[[bytes], bytes]) -> bytes:
        """Return ``hash`` of the state: equal for equal states, whatever way they took."""
        return hash(self.canonical())

    def _bulk(self) -> int:
        """Return about how many rows the state has; 0 where they are never looked at in portions."""
        return 0

    def _prepare(self, hash: Callable[[bytes], bytes], most: int) -> bool:
        """Do a part of the work of the next `fingerprint`: about so many rows of the state.

        Returns:
            True once no more than that is left to do, or where it cannot be divided.
        """
        return True

    @property
    def initial(self) -> bool:
        """Whether the state is the initial one, so that there is nothing to tell anybody."""
        if self._payload_or_none() is None:
            return True
        fresh = type(self)()
        return fresh._payload_or_none() is not None and fresh.canonical() == self.canonical()

    def stats(self) -> dict[str, int]:
        """Return ``replicas``, ``elements``, ``tombstones`` and ``payload_bytes`` as counts."""
        elements, tombstones = self._size()
        return {
            "replicas": len(self._replicas()),
            "elements": elements,
            "tombstones": tombstones,
            "payload_bytes": 0 if self._payload_or_none() is None else len(self.canonical()),
        }

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StateCRDT) or behind(self) is not behind(other):
            return NotImplemented
        mine, theirs = self._payload_or_none(), other._payload_or_none()
        if mine is None or theirs is None:
            return mine is theirs
        return self.canonical() == other.canonical()

    # --- who acts, and who watches -------------------------------------------------------------

    @property
    def replica(self) -> str | None:
        """The id that the next mutation acts as; None if it will draw one. Reading never draws.

        Setting it passes the id on to the CRDTs among the attributes. None gives the id up. Where
        a node holds the object, setting it raises RuntimeError: it acts as the node, for life.
        """
        return None if self._seat is None else self._seat.replica

    @replica.setter
    def replica(self, replica: str | None) -> None:
        self._own_seat().check_free()
        self._own_seat().take(replica)
        for child in self.children():
            child.replica = replica

    def bind(
        self,
        replica: str,
        *,
        spare: Callable[[], str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Make the object and the CRDTs among its attributes act for a node, for life.

        A bound object keeps its id in a merge (the result draws its own), and a built-in one
        refuses to have its payload assigned, because nobody would hear of it: join instead.

        Args:
            replica: The id to act as; the caller promises that nobody else uses it.
            spare: Makes a new id whenever the object must give one up, because a joined state
                shows more under that id than was made here. Default: `crdt.acting`, then chance.
            clock: Returns whole milliseconds since 1970. Default: what holds without it.
        """
        self._own_seat().bind(replica, spare, clock)
        for child in self.children():
            child.bind(replica, spare=spare, clock=clock)

    def observe(self, callback: Observer) -> Callable[[], None]:
        """Show every delta to ``callback`` before it applies, until the returned end is called.

        What the callback raises refuses the change: nothing has changed then, and the caller of
        the mutator gets that exception. The callback must not change this object. Deltas are those
        of this object's mutators and of ``join``, not what ``absorb`` brings.
        """
        if not callable(callback):
            raise TypeError(f"an observer is a callable, not {type(callback).__name__}")
        return self._own_seat().observe(callback)

    def children(self) -> Iterator[StateCRDT]:
        """Yield the CRDTs among this object's attributes, and in lists and dicts of these."""
        return crdts_among(self)

    # --- for subclasses in this package --------------------------------------------------------

    def _own_seat(self) -> Seat:
        if self._seat is None:
            self._seat = Seat()
        return self._seat

    def _watched(self) -> Seat | None:
        """Return the seat if somebody observes this object."""
        seat = self._seat
        if seat is None:
            return None
        seat.enter()
        return seat if seat.observers else None

    def _snapshot(self) -> Self:
        """Return a copy fit to be a delta: the state alone."""
        state = self._payload_or_none()
        if state is not None:
            return type(self).from_payload(*state)
        new = type(self)()
        adopt_attributes(new, self, copying=True)
        return new

    # What holds objects of several types asks all of them for this; built-in types have their own.

    @classmethod
    def _blank(cls) -> Self:
        """Return an object in the initial state."""
        return cls()

    def _copied(self) -> Self:
        """Return a copy of the state."""
        return self._snapshot()

    def _encode(self) -> Any:
        """Return the payload, sharing nothing."""
        return checked_copy(self.payload)

    def _join(self, other: Self) -> bool:
        """Join a state of the same type; True if this object grew."""
        if other._payload_or_none() is None:
            return False
        if self._payload_or_none() is None:
            self._adopt(other.clone())
            return True
        before = self.canonical()
        merged = type(self).merge(self, other)
        if merged.canonical() == before:
            return False
        self._adopt(merged)
        return True

    def _fits(self, other: Any) -> None:
        """Raise, before anything has changed, if ``other`` does not join with this state."""
        self.compare(other)  # a merge by hand may refuse in any way

    def _take_over(self, source: Self) -> None:
        """Make the state of ``source``, which nobody uses any more, that of this object."""
        self._adopt(source)

    def _shows_more(self, other: Self, replica: str) -> bool:
        """Tell whether ``other`` knows more under ``replica``, as far as its attributes tell."""
        pairs = zip(self.children(), other.children(), strict=False)
        return any(
            type(mine) is type(theirs) and mine._shows_more(theirs, replica)
            for mine, theirs in pairs
        )

    def _size(self) -> tuple[int, int]:
        """Return the numbers of elements and of tombstones."""
        sizes = [child._size() for child in self.children()]
        return sum([size[0] for size in sizes]), sum([size[1] for size in sizes])

    def _same_type(self, other: Any) -> Self:
        if type(other) is not type(self) and behind(other) is not behind(self):
            raise TypeError(
                f"{type(self).__qualname__} joins only with its own type, "
                f"not with {type(other).__qualname__}"
            )
        same: Self = other
        return same

    def _payload_or_none(self) -> tuple[Any] | None:
        """Return ``(payload,)``, None while an initial state has none."""
        try:
            return (self.payload,)
        except Exception:  # noqa: BLE001  # an initial state may refuse in any way it likes
            return None

    def _adopt(self, source: Self) -> None:
        """Take over the state of ``source``.

        CRDTs among the attributes stay the objects they are, with their replica and observers.
        """
        adopt_attributes(self, source)
        if self._seat is not None:
            self._seat.bind_alike(child._own_seat() for child in self.children())

    def _replicas(self) -> set[str]:
        return set[str]().union(*[child._replicas() for child in self.children()])


def behind(obj: object) -> type[Any]:
    """Return the type of an object as users know it."""
    kind = type(obj)
    return getattr(kind, "_behind", None) or kind
