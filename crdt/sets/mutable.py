"""What every set type shares that can also remove: the writing side of a Python set.

Each mutator comes down to one `_change`: keys to add and keys to drop, in one delta. Elements that
come from an unordered set are taken in canonical order, so that equal calls make equal states
whatever the hash seed.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, MutableSet, Set
from typing import Any, Self

from crdt.atoms import NOTHING, Key, element_of, identify, lookup
from crdt.sets.elements import E, ElementSet
from crdt.tagged import canonical_text


class MutableElementSet(ElementSet[E], MutableSet[E]):
    """A set type's writing side."""

    @abstractmethod
    def _change(self, adds: Iterable[Key], drops: Iterable[Key]) -> Self:
        """Add and drop in one delta, and return it; empty if nothing changes."""

    def add(self, element: E) -> Self:  # type: ignore[override]  # a set's returns None
        """Add an element and return the delta to gossip.

        Raises:
            TypeError: It is of a type that cannot be an element; the message names a conversion.
            ValueError: NaN, an infinity, a lone surrogate, or nested too deep. Nothing changed.
        """
        return self._change([identify(element)], ())

    def update(self, *others: Iterable[E]) -> Self:
        """Add all elements of ``others`` as one delta and return it.

        Raises:
            TypeError: One of them cannot be an element; nothing has changed.
            ValueError: One of them cannot be an element; nothing has changed.
        """
        return self._change([key for other in others for key in keys_to_add(other)], ())

    def discard(self, element: object) -> Self:  # type: ignore[override]  # a set's returns None
        """Remove an element if it is there, and return the delta to gossip."""
        return self._change((), [lookup(element)])

    def remove(self, element: E) -> Self:  # type: ignore[override]  # a set's returns None
        """Remove an element and return the delta to gossip.

        Raises:
            KeyError: It is not there; nothing has changed.
        """
        if element not in self:
            raise KeyError(element)
        return self._change((), [lookup(element)])

    def clear(self) -> Self:  # type: ignore[override]  # a set's returns None
        """Remove all that this replica sees, as one delta, and return it."""
        return self._change((), list(self._keys()))

    def pop(self) -> E:
        """Remove some element and return it.

        Raises:
            KeyError: There is none.
        """
        for key in self._keys():
            self._change((), [key])
            element: E = element_of(key)
            return element
        raise KeyError("pop from an empty set")

    def __ior__(self, other: Iterable[E]) -> Self:  # type: ignore[override,misc]  # any iterable
        if not isinstance(other, Iterable):
            return NotImplemented
        self.update(other)
        return self

    def __iand__(self, other: Iterable[Any]) -> Self:  # type: ignore[override]  # in place
        if not isinstance(other, Iterable):
            return NotImplemented
        kept = set(keys_to_find(other))
        self._change((), [key for key in self._keys() if key not in kept])
        return self

    def __isub__(self, other: Iterable[Any]) -> Self:  # type: ignore[override]  # in place
        if not isinstance(other, Iterable):
            return NotImplemented
        self._change((), keys_to_find(other))
        return self

    def __ixor__(self, other: Iterable[E]) -> Self:  # type: ignore[override,misc]  # any iterable
        if not isinstance(other, Iterable):
            return NotImplemented
        keys = keys_to_add(other)
        self._change(
            [key for key in keys if not self._has(key)], [key for key in keys if self._has(key)]
        )
        return self


def keys_to_add(elements: Iterable[Any]) -> list[Key]:
    """Return the keys of elements, in canonical order if ``elements`` has none of its own.

    Raises:
        TypeError: One of them cannot be an element.
        ValueError: One of them cannot be an element.
    """
    return _ordered(elements, [identify(element) for element in elements])


def keys_to_find(elements: Iterable[Any]) -> list[Key]:
    """Return the keys of those ``elements`` that can be elements at all."""
    keys = [lookup(element) for element in elements]
    return _ordered(elements, [key for key in keys if key is not NOTHING])


def _ordered(elements: Iterable[Any], keys: list[Key]) -> list[Key]:
    if isinstance(elements, Set) and not isinstance(elements, ElementSet):
        keys.sort(key=canonical_text)
    return keys
