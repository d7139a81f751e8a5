"""What the built-in types share: mutators that publish deltas, copies, validation, one identity.

A mutator validates, builds the delta, offers it to the observers, applies it and returns it; an
error on the way means that nothing has changed. `Native._publish` is that path. A hot mutator may
take a shorter one where `Native._quick` is there and begins with the token of this process: then
the object has its id for itself, and deltas may be made without running a constructor. What the
short path relies on changes through the seat or by replacing what the tuple holds, and whoever does
either closes it.

A type brings: ``_fields`` (the attributes of its state), ``_empty``, ``_copied``, ``_encode``,
``_decode``, ``_join``, ``compare``, ``_size``, and, if it names replicas, ``_replicas`` and
``_shows_more``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Self

from crdt import replica as replicas
from crdt.amounts import whole
from crdt.attributes import attributes
from crdt.base import StateCRDT
from crdt.clock import Clock
from crdt.seat import Seat, seat_for
from crdt.tagged import canonical_json

_new = object.__new__

_KEYS = ("_seat", "_quick", "_fold", "_main", "_print")

Shortcut = tuple[Any, ...]
"""``(process, seat, replica, ...)``: all that the short path of a mutator needs, in one look."""


class Folded:
    """Stands for a field of a folded delta, and unfolds it when somebody looks.

    A delta that a hot mutator has just made holds its one change as a tuple: most deltas are only
    put into a list, to be encoded later or dropped, and joins know how to take a fold. As a
    descriptor without ``__set__`` it yields to the instance's own attribute.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, delta: Native | None, kind: type) -> Any:
        if delta is None:
            return self
        fold = delta._fold
        if fold is None:
            raise AttributeError(f"the constructor of this {type(delta).__name__} has not run")
        delta._fold = None
        delta._empty()
        delta._unfold(*fold)
        return vars(delta)[self._name]


class Native(StateCRDT):
    """The base of every built-in type.

    Args:
        replica: Whom the object acts as; the caller promises that nobody else does. Without one, a
            random id is drawn at the first mutation that needs it.
    """

    _fields: ClassVar[tuple[str, ...]]
    _bare: ClassVar[bool] = True
    _quick: Shortcut | None = None
    _resettable: ClassVar[bool] = False
    """A map may keep objects of this type as deltas: no later write relies on an earlier one."""
    _mark: str | None = None
    """As a delta, what stands in the canonical text of all of which it may say all."""
    _fold: Any = None

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        # A subclass with a constructor of its own is built by it, deltas included.
        cls._bare = getattr(cls.__init__, "__module__", "").startswith("crdt.")
        # CPython lets instances share the keys that the first of them had. Deltas have few, and if
        # they came first, every object that acts would pay 270 bytes for a dict of its own.
        first = _new(cls)
        for name in (*getattr(cls, "_fields", ()), *_KEYS):
            object.__setattr__(first, name, None)

    def __init__(self, replica: str | None = None) -> None:
        self._start(replica, None)

    def _start(self, replica: str | None, clock: Clock | None) -> None:
        self._empty()
        seat = seat_for(replica, clock)
        if seat is not None:
            self._seat = seat

    def _supersedes(self, before: Self) -> bool:
        """As a delta: may it say all that an older one says, which ``before`` has joined?"""
        return True

    def _unfold(self, *fold: Any) -> None:
        """Set the fields, which are empty so far, to what a fold holds; types that fold bring it."""

    # --- what a type brings --------------------------------------------------------------------

    @abstractmethod
    def _empty(self) -> None:
        """Set the fields to the initial state."""

    @abstractmethod
    def _copied(self) -> Self:
        """Return a blank twin with a copy of the state."""

    @abstractmethod
    def _encode(self) -> Any:
        """Return the payload, sharing nothing."""

    @abstractmethod
    def _decode(self, payload: Any) -> None:
        """Set the fields of this blank object to what ``payload`` says, or raise PayloadError."""

    @abstractmethod
    def _join(self, other: Self) -> bool:
        """Join the fields of ``other``, sharing nothing; True if this object grew."""

    def _replicas(self) -> set[str]:
        """Return the replicas that the state names; none unless the type says otherwise."""
        return set()

    def _shows_more(self, other: Self, replica: str) -> bool:
        """Tell whether ``other`` knows more under ``replica``; never where nobody is named."""
        return False

    @abstractmethod
    def _size(self) -> tuple[int, int]:
        """Return the numbers of elements and of tombstones."""

    # --- the interface -------------------------------------------------------------------------

    @property
    def payload(self) -> Any:
        """The state in plain JSON terms; see the class for the shape. Shares nothing.

        Assigning it replaces the state and forgets the replica.

        Raises:
            PayloadError: What is assigned is not a canonical payload of this type; nothing changed.
            RuntimeError: The object is bound to a node, which would not hear of it; join instead.
        """
        return self._encode()

    @payload.setter
    def payload(self, payload: Any) -> None:
        if self._seat is not None:
            self._seat.check_idle()
            if self._seat.bound:
                raise RuntimeError("a node holds this object; join a state instead of assigning it")
        self._take_over(self._decoded(payload))
        if self._seat is not None:
            self._seat.forget()

    @classmethod
    def from_payload(cls, payload: Any, replica: str | None = None) -> Self:
        """Return a new object with the state that ``payload`` describes.

        Args:
            payload: Foreign data; nothing of it is kept.
            replica: Whom the object acts as. The caller promises that nobody else does.

        Raises:
            PayloadError: The payload is not a canonical one of this type. Nothing was built.
            TypeError: ``replica`` is no str.
            ValueError: ``replica`` is empty or too long.
        """
        new = cls._decoded(payload)
        seat = seat_for(replica, None, fresh=False)
        if seat is not None:
            new._seat = seat
        return new

    @classmethod
    def merge(cls, X: Self, Y: Self) -> Self:
        """Return a new instance, the join of ``X`` and ``Y``, which stay as they are.

        The result shares the replica of ``X`` until one of the two changes: the first to do so
        keeps it, the other draws a fresh one.

        Raises:
            TypeError: ``X`` and ``Y`` are not both of this very type.
        """
        if type(X) is not cls:
            raise TypeError(f"{cls.__qualname__}.merge cannot take a {type(X).__qualname__}")
        X._same_type(Y)
        new = X.clone()
        if X._seat is not None:
            share = X._seat.share()
            if share is not None:
                X._quick = None
                new._own_seat().join_share(share)
        new.absorb(Y)  # gives the id up again if Y shows more of it
        return new

    def clone(self, replica: str | None = None) -> Self:
        """Return an independent copy: state and clock, but neither replica nor observers."""
        new = self._copied()
        seat = seat_for(None, None, fresh=False) if self._seat is None else self._seat.copy()
        if replica is not None:
            seat = seat or Seat()
            seat.take(replica)
        if seat is not None:
            new._seat = seat
        return new

    def absorb(self, other: Self) -> bool:
        """Join ``other`` into this object without asking the observers; see the base.

        Raises:
            TypeError: ``other`` is of another type; nothing changed.
        """
        other = self._same_type(other)
        if other is self:
            return False
        if self._seat is not None:
            self._seat.check_idle()
            self._yield_id(other)
        return self._join(other)

    def canonical(self) -> bytes:
        """Return bytes that are equal exactly if the states are: the payload as compact JSON."""
        return canonical_json(self._encode()).encode("ascii")

    def stats(self) -> dict[str, int]:
        """Return ``replicas``, ``elements``, ``tombstones`` and ``payload_bytes`` as counts."""
        elements, tombstones = self._size()
        return {
            "replicas": len(self._replicas()),
            "elements": elements,
            "tombstones": tombstones,
            "payload_bytes": len(self.canonical()),
        }

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value!r})"

    def split(self, limit: int) -> Iterator[Self]:
        """Return deltas that join to this state, each of at most ``limit`` bytes as JSON.

        What cannot be divided and is larger is a delta of its own; of an initial state there are
        none. Each delta is lawful alone. They are made while they are taken, of the state as it is
        now: what changes meanwhile is not in them.

        Raises:
            TypeError: ``limit`` is no int.
            ValueError: ``limit`` is below 1.
        """
        return self._copied()._under(whole(limit, at_least=1))

    def _under(self, limit_bytes: int) -> Iterator[Self]:
        """Yield the parts of this state; one, unless the type says otherwise."""
        if not self.initial:
            yield self._copied()

    def _parts_since(self, context: Any, limit_bytes: int) -> Iterator[Self]:
        """Return what the owner of ``context`` lacks in deltas of at most so many bytes as JSON.

        Together they are its `delta_since`, made while they are taken; for types that have that.

        Raises:
            PayloadError: ``context`` is none.
        """
        delta = self.delta_since(context)  # type: ignore[attr-defined]  # those types have it
        parts: Iterator[Self] = delta._under(limit_bytes)
        return parts

    # --- mutators ------------------------------------------------------------------------------

    def _candidate(self) -> str:
        """Return the id that this mutation is to act as; `_publish` settles it."""
        return self._own_seat().candidate(self._replicas)

    def _publish(self, delta: Self, replica: str | None = None) -> Self:
        """Offer ``delta`` to the observers, settle who acted, apply it and return it."""
        watched = self._watched()
        if watched is not None:
            watched.offer(delta)
        if replica is not None:
            self._own_seat().settle(replica)
        self._join(delta)
        if replica is not None and self._bare:
            own = self._shortcut(replica)
            if own is not None:
                self._quick = (replicas.process, self._seat, replica, *own)
        return delta

    def _shortcut(self, replica: str) -> Shortcut | None:
        """Return what the short path needs to act as ``replica``; None if it cannot be taken."""
        return None

    @classmethod
    def _blank(cls) -> Self:
        """Return an object in the initial state, with no replica, clock or observer."""
        if cls._bare:
            new = cls.__new__(cls)
            new._empty()
            return new
        new = cls()
        new._seat = None
        return new

    # --- what the base asks for ----------------------------------------------------------------

    @classmethod
    def _decoded(cls, payload: Any) -> Self:
        new = cls._blank()
        new._decode(payload)
        return new

    def _snapshot(self) -> Self:
        return self._copied()

    def _payload_or_none(self) -> tuple[Any] | None:
        return (None,)  # every state has one; nobody here looks at it

    def _yield_id(self, other: Self) -> None:
        """Give the id up if ``other`` shows more of it than was made here: somebody else uses it."""
        if self._seat is not None:
            replica = self._seat.replica
            if replica is not None and self._shows_more(other, replica):
                self._seat.forget()
                self._quick = None

    def _adopt(self, source: Self) -> None:
        self._yield_id(source)
        self._take_over(source._copied())

    def _fits(self, other: Any) -> None:
        self._same_type(other)

    def _take_over(self, source: Self) -> None:
        """Make the fields of ``source``, which nobody uses any more, those of this object."""
        for field in self._fields:
            setattr(self, field, getattr(source, field))
        self._quick = None

    def __getstate__(self) -> dict[str, Any]:
        state = {**attributes(self), **{field: getattr(self, field) for field in self._fields}}
        if self._seat is not None and self._seat.clock is not None:
            state["_clock"] = self._seat.clock
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        clock = state.pop("_clock", None)
        vars(self).update(state)
        if clock is not None:
            self._seat = Seat(clock=clock)

    def children(self) -> Iterator[StateCRDT]:
        """Yield the CRDTs among this object's attributes: only a subclass can have added some."""
        return iter(()) if self._bare else super().children()

    @property
    def initial(self) -> bool:
        """Whether the state is the initial one, so that there is nothing to tell anybody."""
        fresh = self._blank()
        return all(getattr(self, field) == getattr(fresh, field) for field in self._fields)

    def _own_seat(self) -> Seat:
        self._quick = None  # whoever touches the seat may change what the short path relies on
        return super()._own_seat()
