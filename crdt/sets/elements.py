"""What every set type shares: it reads like a set of Python's, by (type, value).

A type says which keys it shows (`_keys`, `_has`); iteration, comparisons, operators and ``value``
follow. Comparisons look at keys, so ``1``, ``True`` and ``1.0`` stay three elements; only plain
Python sets, which cannot hold all three, merge them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Set
from typing import Any, Generic, TypeVar

from crdt.atoms import Key, element_of, identify, lookup
from crdt.rows import Rowed
from crdt.tagged import canonical_text

E = TypeVar("E")
T = TypeVar("T")


class ElementSet(Rowed, Set[E], Generic[E]):
    """A set type's reading side."""

    @abstractmethod
    def _keys(self) -> Collection[Key]:
        """Return the keys of the visible elements, each once."""

    @abstractmethod
    def _has(self, key: Key) -> bool:
        """Tell whether the element of ``key`` is visible."""

    @property
    def value(self) -> set[E]:
        """The visible elements as a new plain set.

        Python's sets merge 1, True and 1.0; of these the first in canonical order is kept.
        """
        keys = self._keys()
        merged: set[E] = {element_of(key) for key in keys}
        if len(merged) == len(keys):
            return merged
        return {element_of(key) for key in sorted(keys, key=canonical_text)}

    def __contains__(self, element: object) -> bool:
        return self._has(element if type(element) is str else lookup(element))

    def __iter__(self) -> Iterator[E]:
        for key in list(self._keys()):
            yield element_of(key)

    def __len__(self) -> int:
        return len(self._keys())

    # --- comparisons ---------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Set):
            return NotImplemented
        return len(self) == len(other) and self._shown_all_by(_keys_of(other))

    def __le__(self, other: Set[Any]) -> bool:
        if not isinstance(other, Set):
            return NotImplemented
        return len(self) <= len(other) and self._shown_all_by(_keys_of(other))

    def __lt__(self, other: Set[Any]) -> bool:
        if not isinstance(other, Set):
            return NotImplemented
        return len(self) < len(other) and self._shown_all_by(_keys_of(other))

    def __ge__(self, other: Set[Any]) -> bool:
        if not isinstance(other, Set):
            return NotImplemented
        return len(self) >= len(other) and all(self._has(key) for key in _keys_of(other))

    def __gt__(self, other: Set[Any]) -> bool:
        if not isinstance(other, Set):
            return NotImplemented
        return len(self) > len(other) and all(self._has(key) for key in _keys_of(other))

    def isdisjoint(self, other: Iterable[Any]) -> bool:
        """Tell whether no element of ``other`` is here."""
        return not any(element in self for element in other)

    def _shown_all_by(self, keys: Collection[Key]) -> bool:
        return all(key in keys for key in self._keys())

    # --- operators give plain sets -------------------------------------------------------------

    def __and__(self, other: Iterable[Any]) -> set[E]:
        if not isinstance(other, Iterable):
            return NotImplemented
        keys = _keys_of(other)
        return {element for element in self if identify(element) in keys}

    def __or__(self, other: Iterable[T]) -> set[E | T]:
        if not isinstance(other, Iterable):
            return NotImplemented
        return self.value | set(other)

    def __sub__(self, other: Iterable[Any]) -> set[E]:
        if not isinstance(other, Iterable):
            return NotImplemented
        keys = _keys_of(other)
        return {element for element in self if identify(element) not in keys}

    def __xor__(self, other: Iterable[T]) -> set[E | T]:
        if not isinstance(other, Iterable):
            return NotImplemented
        theirs = list(other)
        return (self - theirs) | {element for element in theirs if element not in self}

    def __rsub__(self, other: Iterable[T]) -> set[T]:
        if not isinstance(other, Iterable):
            return NotImplemented
        return {element for element in other if element not in self}

    __rand__ = __and__
    __ror__ = __or__
    __rxor__ = __xor__


def _keys_of(elements: Iterable[Any]) -> Collection[Key]:
    """Return the keys of ``elements``; whatever cannot be an element matches nothing."""
    if isinstance(elements, ElementSet):
        return elements._keys()
    return {lookup(element) for element in elements}
