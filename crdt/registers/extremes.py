"""Registers that keep the greatest or the least value ever written.

All elements stand in one order: None < bool < numbers by value < str < bytes < tuple, with False
before True, text by code points, tuples item by item, and an int before the float that equals it.
A total order, so a join is a maximum and needs neither stamps nor replicas.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

from crdt.atoms import Key, element_of, identify
from crdt.native import Native
from crdt.payloads import expect_list
from crdt.tagged import decode, encode

_MARKED = {bool: 1, float: 2, bytes: 4}
"""Where elements stand whose keys begin with their type."""


class ExtremeRegister(Native):
    """What both registers share: all but which end of the order wins."""

    _fields = ("_held",)
    _resettable = True
    _held: tuple[Key] | None

    @property
    def value(self) -> Any:
        """The value that won; None until there is one, see `assigned`."""
        return None if self._held is None else element_of(self._held[0])

    @property
    def assigned(self) -> bool:
        """Whether anybody has written; a written None counts."""
        return self._held is not None

    def assign(self, value: Any) -> Self:
        """Write a value and return the delta to gossip, empty if what is here wins.

        Args:
            value: An element: None, bool, int, finite float, str, bytes, or a tuple of these.

        Raises:
            TypeError: It is of a type that cannot be an element; the message names a conversion.
            ValueError: NaN, an infinity, a lone surrogate, or nested too deep. Nothing changed.
        """
        delta = self._blank()
        held = (identify(value),)
        if not self._loses_to(held):
            return delta
        delta._held = held
        return self._publish(delta)

    def compare(self, other: Self) -> bool:
        """Tell whether what is here is what ``other`` has, or loses to it."""
        other = self._same_type(other)
        return self._held == other._held or self._loses_to(other._held)

    @abstractmethod
    def _wins(self, one: Key, other: Key) -> bool:
        """Tell whether the first of two different keys wins."""

    def _loses_to(self, held: tuple[Key] | None) -> bool:
        if held is None or held == self._held:
            return False
        return self._held is None or self._wins(held[0], self._held[0])

    def _empty(self) -> None:
        self._held = None

    def _copied(self) -> Self:
        new = self._blank()
        new._held = self._held
        return new

    def _join(self, other: Self) -> bool:
        if not self._loses_to(other._held):
            return False
        self._held = other._held
        return True

    def _encode(self) -> list[Any]:
        return [] if self._held is None else [encode(self._held[0])]

    def _decode(self, payload: Any) -> None:
        if expect_list(payload, "payload"):
            (value,) = expect_list(payload, "payload", 1)
            self._held = (decode(value, "payload[0]"),)

    def _size(self) -> tuple[int, int]:
        return int(self.assigned), 0


class MaxRegister(ExtremeRegister):
    """A register that keeps the greatest value ever written.

    None < bool < numbers by value < str < bytes < tuple; an int comes before an equal float.

    Args:
        replica: Taken as every type does; writing needs no identity, so none is ever drawn.

    Payload:
        ``[value]``, or ``[]`` until the first write.

    Source:
        The maximum over a total order, the simplest of the semilattices of INRIA RR-7506 (2011),
        section 2; "max register" after Aspnes, Attiya and Censor (2009).

    Example:
        >>> record, other = MaxRegister(), MaxRegister()
        >>> delta = record.assign(9.58)
        >>> record.assign(7).payload          # less, so there is nothing to gossip
        []
        >>> other.assign(9).payload, other.join(delta), other.value
        ([9], True, 9.58)
    """

    def _wins(self, one: Key, other: Key) -> bool:
        return order_of(one) > order_of(other)


class MinRegister(ExtremeRegister):
    """A register that keeps the least value ever written.

    None < bool < numbers by value < str < bytes < tuple; an int comes before an equal float.

    Args:
        replica: Taken as every type does; writing needs no identity, so none is ever drawn.

    Payload:
        ``[value]``, or ``[]`` until the first write.

    Source:
        The minimum over a total order: `MaxRegister` upside down.

    Example:
        >>> earliest = MinRegister()
        >>> _ = earliest.assign("2026-05-01")
        >>> earliest.assign("2026-04-01").payload
        ['2026-04-01']
        >>> earliest.assign("2026-06-01").payload, earliest.value
        ([], '2026-04-01')
    """

    def _wins(self, one: Key, other: Key) -> bool:
        return order_of(one) < order_of(other)


def order_of(key: Key) -> tuple[Any, ...]:
    """Return what the order of elements is told by: tuples that Python compares."""
    if key is None:
        return (0,)
    if type(key) is int:
        return (2, key, 0)
    if type(key) is str:
        return (3, key)
    place = _MARKED.get(key[0]) if key and type(key[0]) is type else None
    if place is None:
        return (5, tuple([order_of(item) for item in key]))
    return (place, key[1], 1)
