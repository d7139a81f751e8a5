"""The attributes of a hand-written type, whichever way it keeps them.

``__dict__`` and ``__slots__`` alike, without what the base keeps for itself. This is what a join
takes over, what pickle stores, and where child CRDTs are found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from crdt.base import StateCRDT

NOT_STATE = frozenset(
    {
        "_seat",
        "_quick",
        "_fold",
        "_print",
        "_cached",
        "_main",
        "_bare",
        "_handles",
        "_host",
        "_counted",
        "_owned",
        "_relaying",
        "_level",
        "__orig_class__",
    }
)
"""Who acts, what can be made again, and what typing leaves behind (``ORSet[str]()``)."""


def attributes(obj: object) -> dict[str, Any]:
    """Return the attributes that make up the state of ``obj``."""
    found = {
        name: getattr(obj, name)
        for kind in type(obj).__mro__
        for name, member in vars(kind).items()
        if isinstance(member, MemberDescriptorType) and hasattr(obj, name)
    }
    found.update(vars(obj))
    return {name: attribute for name, attribute in found.items() if name not in NOT_STATE}


def crdts_among(obj: object) -> Iterator[StateCRDT]:
    """Yield the CRDTs among the attributes of ``obj``, and those in lists and dicts of these."""
    return crdts_in(attributes(obj).values())


def crdts_in(values: Iterable[object]) -> Iterator[StateCRDT]:
    """Yield the CRDTs among some values, and those in lists and dicts of these."""
    waiting = list(values)
    while waiting:
        attribute = waiting.pop(0)
        if _is_crdt(attribute):
            yield attribute
        elif isinstance(attribute, dict):
            waiting.extend(attribute.values())
        elif isinstance(attribute, list | tuple):
            waiting.extend(attribute)


def adopt_attributes(target: StateCRDT, source: StateCRDT, *, copying: bool = False) -> None:
    """Give ``target`` the attributes of ``source`` and no others.

    Where both hold a CRDT of the same type, the target's object stays and takes over the state,
    so that whoever holds it keeps a live handle.

    Args:
        target: Who gets them.
        source: Whose they are.
        copying: Share nothing mutable with ``source``; CRDTs that the target has are never shared.
    """
    mine = attributes(target)
    theirs = attributes(source)
    for name in mine.keys() - theirs.keys():
        delattr(target, name)
    for name, theirs_now in theirs.items():
        new = deepcopy(theirs_now) if copying else theirs_now
        old = mine.get(name)
        if _is_crdt(old) and old is not new and type(old) is type(new):
            old._adopt(new)
        else:
            setattr(target, name, new)


def mend_clocks(target: StateCRDT, source: StateCRDT) -> None:
    """Give the CRDTs among the attributes of ``target`` the clocks of those of ``source``."""
    theirs = attributes(source)
    for name, mine in attributes(target).items():
        other = theirs.get(name)
        if _is_crdt(mine) and _is_crdt(other) and type(mine) is type(other):
            mine._seat = None if other._seat is None else other._seat.copy()
            mend_clocks(mine, other)


def _is_crdt(attribute: object) -> TypeGuard[StateCRDT]:
    # The class itself cannot be imported here: the base stands on this file.
    return hasattr(type(attribute), "_adopt")
