"""What people do with each type: which of its mutators are called, and with what.

Rule of this file: chance comes in as a `random.Random`; nothing depends on the state of an object,
so that a write can be planned before the run. A few values come again and again, since conflicts
are what a simulation is for.
"""

from collections.abc import Callable
from random import Random

from crdt import GCounter, GSet, LWWRegister, LWWSet, ORSet, PNCounter, StateCRDT, TwoPSet
from crdt.catalogue import tag_of, type_of

Call = tuple[str, tuple[object, ...]]
"""A mutator's name and its arguments."""

_ELEMENTS: tuple[object, ...] = ("a", "b", "c", "d", 1, True, 1.0, "1", ("x", 2), None)
"""Few enough to meet again; some that Python holds for equal and a set must not."""


def _tally_up(chance: Random) -> Call:
    return "increment", (chance.randint(1, 1000),)


def _tally(chance: Random) -> Call:
    return chance.choice(("increment", "decrement")), (chance.randint(1, 1000),)


def _element(chance: Random) -> object:
    return chance.choice(_ELEMENTS) if chance.random() < 0.7 else f"e{chance.randrange(1000)}"


def _grow(chance: Random) -> Call:
    if chance.random() < 0.1:
        return "update", ([_element(chance) for _ in range(chance.randint(2, 6))],)
    return "add", (_element(chance),)


def _add_or_discard(chance: Random) -> Call:
    if chance.random() < 0.35:
        return "discard", (_element(chance),)
    return "add", (_element(chance),)


def _set(chance: Random) -> Call:
    dice = chance.random()
    if dice < 0.05:
        return "clear", ()
    return _grow(chance) if dice < 0.15 else _add_or_discard(chance)


def _assign(chance: Random) -> Call:
    return "assign", (f"value-{chance.randrange(1_000_000)}",)


_CALLS: dict[type[StateCRDT], Callable[[Random], Call]] = {
    GCounter: _tally_up,
    PNCounter: _tally,
    GSet: _grow,
    TwoPSet: _add_or_discard,
    LWWSet: _add_or_discard,
    ORSet: _set,
    LWWRegister: _assign,
}

DEFAULT_TYPES: tuple[str, ...] = tuple(tag_of(kind) for kind in _CALLS)
"""Tags of all types that a drawn plan may write to."""


def call(tag: str, chance: Random) -> Call:
    """Draw one call for the type with this tag; a subclass is used like its base.

    Raises:
        LookupError: No type is registered under this tag, or nobody said how it is used.
    """
    for kind in type_of(tag).__mro__:
        if kind in _CALLS:
            return _CALLS[kind](chance)
    raise LookupError(f"nobody said how {tag} is written to")
