"""Keeps the parts of plain objects from being changed where nobody would notice."""

from collections.abc import Callable, Iterator

from crdt import StateCRDT
from crdt.native import Native

Guard = Callable[[StateCRDT], None]
"""Gets the delta of a part before it applies; raises to refuse it."""


class Guards:
    """Which parts of which plain objects are watched.

    A part can be replaced, by its owner or by a join, so `renew` is called after each.
    """

    def __init__(self) -> None:
        self._watched: dict[int, list[tuple[StateCRDT, Callable[[], None]]]] = {}

    def renew(self, hn: int, obj: StateCRDT, guard: Guard) -> None:
        """Let `guard` watch all parts that the object at place `hn` has now, and no others."""
        watched = self._watched.get(hn, [])
        parts = list(_parts(obj))
        if [id(part) for part in parts] == [id(part) for part, _ in watched]:
            return
        for _, end in watched:
            end()
        self._watched[hn] = [(part, part.observe(guard)) for part in parts]


def _parts(obj: StateCRDT) -> Iterator[StateCRDT]:
    """The CRDTs in an object, and those in the hand-written ones among them."""
    for child in obj.children():
        yield child
        if not isinstance(child, Native):
            yield from _parts(child)
