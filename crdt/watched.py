"""Hand-written objects that live in something bigger, which has to hear of their changes.

A built-in child shows its deltas. A hand-written one changes its attributes, in whatever way its
author likes. So the live object is given a subclass of its type in which each public method and
assignment is followed by a look at the state: if that has changed, the change is told as a
delta, and taken back if somebody refuses. Built-in objects among its attributes tell theirs as well.

What is told is the least that the change amounts to: what the method returned, if that is a delta;
a fresh object with nothing but what its built-in attributes were told, if that does it; else the
whole state. Only what an attribute holds in plain lists and dicts can be changed from outside
without our hearing of it; that is told with the next change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from inspect import getattr_static
from types import FunctionType
from typing import Any

from crdt.attributes import attributes, crdts_among, crdts_in
from crdt.base import StateCRDT, behind
from crdt.handles import ChildSeat
from crdt.native import Native
from crdt.seat import Observer

_MUTATING = frozenset(
    {"__setitem__", "__delitem__", "__iadd__", "__isub__", "__ior__", "__iand__", "__ixor__"}
)
"""Methods with a special name that change what they are called on."""


class HeardSeat(ChildSeat):
    """The seat of a hand-written object in something bigger.

    Attributes:
        busy: A method is at work; its end tells of all that it does.
        told: What built-in attributes were told meanwhile, with their places.
        known: The state as the whole knows it.
    """

    __slots__ = ("busy", "known", "told")

    def __init__(self, whole: Native, relay: Observer) -> None:
        super().__init__(whole, relay)
        self.busy = False
        self.told: list[tuple[int, Any]] = []
        self.known: Any = None


class _PartSeat(ChildSeat):
    """The seat of a built-in object among the attributes of a hand-written one."""

    __slots__ = ("_owner",)

    def __init__(self, owner: HeardSeat, whole: Native, relay: Observer) -> None:
        super().__init__(whole, relay)
        self._owner = owner

    def candidate(self, shown: Any) -> str:
        """Return the id that the whole would act as."""
        self._owner.drawn = super().candidate(shown)
        return self._owner.drawn

    def check_idle(self) -> None:
        """Let the methods of the hand-written type join; refuse others."""
        if self._owner.busy:
            self.enter()
        else:
            super().check_idle()


def seat_child(child: Any, whole: Native, relay: Observer) -> None:
    """Let an object that lives in ``whole`` act as that, which hears of every change.

    Args:
        child: The object; it may have such a seat already.
        whole: What it lives in.
        relay: Gets each delta, last of all observers.
    """
    if isinstance(child, Native):
        vars(child)["_bare"] = False  # no short paths: the whole must hear of everything
        child._seat = child._seat or ChildSeat(whole, relay)
        return
    if not isinstance(child._seat, HeardSeat):
        child._seat = HeardSeat(whole, relay)
        kind: Any = type(child)
        child.__class__ = _heard_type(kind)
        child._seat.known = plain_copy(child)
    _tie(child)


def plain_copy(state: Any) -> Any:
    """Return a copy of a hand-written object that is not live."""
    kind = behind(state)
    held = state._payload_or_none()
    return kind() if held is None else kind.from_payload(*held)


@contextmanager
def _quiet(child: Any) -> Iterator[None]:
    """Let the whole change what it holds, without hearing of that."""
    seat = child._seat
    was, seat.busy = seat.busy, True
    try:
        yield
        _tie(child)
        seat.known = plain_copy(child)
    finally:
        seat.busy = was


def _tie(child: Any) -> None:
    """Let the built-in objects among the attributes tell of their changes."""
    seat = child._seat
    for place, part in enumerate(_parts(child)):
        if not (isinstance(part._seat, _PartSeat) and part._seat._owner is seat):
            vars(part).update(_bare=False, _quick=None)  # no short paths
            part._seat = _PartSeat(seat, seat.whole, _relay_of(child, place))


def _relay_of(child: Any, place: int) -> Observer:
    def relay(delta: Any) -> None:
        seat = child._seat
        if seat.busy:
            seat.told.append((place, delta._snapshot()))
            return
        after = plain_copy(child)
        list(_parts(after))[place]._join(delta)
        told = [(place, delta)]
        seat.offer(_least(child, after, _only(child, told), _only(child, told, plain=True)))
        seat.known = after

    return relay


def _parts(state: StateCRDT) -> Iterator[Any]:
    """Yield the built-in objects among the attributes, those in hand-written ones too."""
    for child in crdts_among(state):
        if isinstance(child, Native):
            yield child
        else:
            yield from _parts(child)


def _only(child: Any, told: list[tuple[int, Any]], *, plain: bool = False) -> Callable[[], Any]:
    """Return what makes a fresh object with nothing but what was told; it may raise anything.

    Args:
        child: The live object.
        told: Places of built-in attributes, and what these were told.
        plain: The fresh object also gets the plain attributes: some types have no payload without.
    """

    def make() -> Any:
        new = behind(child)()
        for name, attribute in attributes(child).items() if plain else ():
            if next(crdts_in([attribute]), None) is None:
                setattr(new, name, attribute)
        parts = list(_parts(new))
        for place, delta in told:
            parts[place]._same_type(delta)
            parts[place]._join(delta)
        return plain_copy(new)

    return make


def _least(child: Any, after: Any, *makers: Callable[[], Any]) -> Any:
    """Return the first delta that takes what is known to ``after``, else ``after`` itself."""
    for make in makers:
        try:
            delta = make()
            tried = child._seat.known.clone()
            tried.absorb(delta)
            if tried.canonical() == after.canonical():
                return delta
        except Exception:  # noqa: BLE001  # hand-written code may not work on part of a state
            continue
    return after


def _heard(child: Any, call: Callable[[], Any]) -> Any:
    """Run what may change an object, and tell of what it did."""
    seat = child._seat
    if not isinstance(seat, HeardSeat) or seat.busy:
        return call()
    seat.busy = True
    seat.told = []
    try:
        returned = call()
        _tie(child)
        after = plain_copy(child)
        if _bytes(after) != _bytes(seat.known):
            told = seat.told

            def given() -> Any:
                delta = returned is not child and behind(returned) is behind(child)
                return plain_copy(returned) if delta else _nothing()

            makers = given, _only(child, told), _only(child, told, plain=True)
            seat.offer(_least(child, after, *makers))
            seat.known = after
    except BaseException:
        child._take_over(plain_copy(seat.known))
        raise
    finally:
        seat.busy = False
    return returned


def _nothing() -> Any:
    raise TypeError("no delta was returned")


def _bytes(state: Any) -> bytes | None:
    return None if state._payload_or_none() is None else state.canonical()


@lru_cache(maxsize=256)
def _heard_type(kind: Any) -> type[Any]:
    """Return a subclass of a hand-written type whose changes are heard."""

    def set_attribute(self: Any, name: str, value: Any) -> None:
        seat = self._seat
        if name == "payload" and isinstance(seat, HeardSeat) and not seat.busy:
            seat.check_idle()  # raises
        else:
            _heard(self, lambda: kind.__setattr__(self, name, value))

    def take_over(self: Any, source: Any) -> None:
        with _quiet(self):
            self._adopt(source)

    def join(self: Any, other: Any) -> bool:
        with _quiet(self):
            return bool(kind._join(self, other))

    def reduced(self: Any, protocol: Any = None) -> Any:
        held = self._payload_or_none()
        return (kind, ()) if held is None else (kind.from_payload, held)

    members: dict[str, Any] = {
        "__slots__": (),
        "__setattr__": set_attribute,
        "__reduce_ex__": reduced,
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__doc__": kind.__doc__,
        "_behind": kind,
        "_take_over": take_over,
        "_join": join,
        "_snapshot": plain_copy,
    }
    for name in dir(kind):
        found = getattr_static(kind, name)
        ours = found is getattr_static(StateCRDT, name, None)
        public = name in _MUTATING or not name.startswith("_")
        if isinstance(found, FunctionType) and public and not ours:
            members[name] = _heard_method(found)
    made: type[Any] = type(kind)(kind.__name__, (kind,), members)
    return made


def _heard_method(method: Any) -> Any:
    @wraps(method)
    def heard(self: Any, *args: Any, **named: Any) -> Any:
        return _heard(self, lambda: method(self, *args, **named))

    return heard
