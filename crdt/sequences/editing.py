"""What every sequence type shares: it reads and edits like a list of Python's.

A type says how many items it shows, what stands between two positions, and how to make one delta of
some insertions and some deletions; all the rest follows. Every operation is one delta, or none if
it changes nothing, and arguments are checked before anything happens.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from operator import index as as_index
from typing import Any, Generic, Self, TypeVar, cast, overload

from crdt.atoms import NOTHING, Key, element_of, freeze
from crdt.rows import Rowed
from crdt.sequences.spans import Content

T = TypeVar("T")

Put = tuple[int, Content]
"""Items to insert, and the position before which, counted before the operation."""

Cut = tuple[int, int]
"""Positions to delete, from the first to the one behind the last."""


class Editable(Rowed, MutableSequence[T], Generic[T]):
    """A sequence type's face."""

    # --- what a type brings --------------------------------------------------------------------

    @abstractmethod
    def _edit(self, puts: list[Put], cuts: list[Cut]) -> Self:
        """Insert and delete in one delta, and return it; positions are those before."""

    @abstractmethod
    def _contents(self) -> list[Content]:
        """Return all visible items, in pieces."""

    @abstractmethod
    def _between(self, start: int, stop: int) -> list[Content]:
        """Return the visible items from ``start`` to ``stop - 1``, in pieces."""

    @abstractmethod
    def _shown(self, contents: list[Content]) -> Any:
        """Return items as users see them."""

    @abstractmethod
    def _one(self, item: Any) -> Content:
        """Return what ``item`` alone is inside, checked."""

    @abstractmethod
    def _many(self, items: Any) -> Content:
        """Return what ``items`` are inside, checked."""

    # --- changing, with the delta returned -----------------------------------------------------

    def insert(self, index: int, value: T) -> Self:  # type: ignore[override]  # a list's gives None
        """Insert before ``index``, counted as `list.insert` does, and return the delta to gossip.

        Raises:
            TypeError: ``index`` is no whole number, or ``value`` cannot be held; the message names
                a conversion.
            ValueError: ``value`` cannot be held. Nothing has changed.
        """
        at, size = as_index(index), len(self)
        content = self._one(value)
        return self._put(max(0, at + size) if at < 0 else min(at, size), content)

    def append(self, value: T) -> Self:  # type: ignore[override]  # a list's gives None
        """Insert at the end and return the delta to gossip.

        Raises:
            TypeError: ``value`` cannot be held; the message names a conversion.
            ValueError: ``value`` cannot be held. Nothing has changed.
        """
        return self._put(len(self), self._one(value))

    def extend(self, values: Iterable[T]) -> Self:  # type: ignore[override]  # a list's gives None
        """Insert all of ``values`` at the end as one delta, and return it.

        Raises:
            TypeError: One of them cannot be held; nothing has changed.
            ValueError: One of them cannot be held; nothing has changed.
        """
        content = self._many(values)
        return self._put(len(self), content)

    def delete(self, index: int | slice, stop: int | None = None) -> Self:
        """Delete an item, or several as one delta, and return the delta to gossip.

        Args:
            index: The position, or a slice.
            stop: If given, everything from ``index`` to before ``stop`` is deleted, as in a slice.

        Raises:
            IndexError: There is no item at ``index``; nothing has changed.
            TypeError: ``index`` is neither a whole number nor a slice.
        """
        if stop is not None:
            index = slice(as_index(cast("int", index)), as_index(stop))
        if isinstance(index, slice):
            return self._edit([], _cuts_of(range(len(self))[index]))
        at = self._position(index)
        return self._edit([], [(at, at + 1)])

    def replace(self, index: int | slice, value: Any) -> Self:
        """Put ``value`` in place of an item, or several in place of a slice, as one delta.

        Raises:
            IndexError: There is no item at ``index``; nothing has changed.
            TypeError: ``value`` cannot be held; the message names a conversion.
            ValueError: ``value`` cannot be held, or a slice with steps is given as many values as
                it has not. Nothing has changed.
        """
        if not isinstance(index, slice):
            at = self._position(index)
            return self._swap(at, at + 1, self._one(value))
        content = self._many(value)
        places = range(len(self))[index]
        if places.step == 1:
            return self._swap(places.start, max(places.start, places.stop), content)
        if len(content) != len(places):
            raise ValueError(f"{len(content)} values for a slice of {len(places)} items")
        puts = [(at, content[i : i + 1]) for i, at in enumerate(places)]
        return self._edit(sorted(puts, key=lambda put: put[0]), _cuts_of(places))

    def splice(self, start: int, stop: int, values: Iterable[T]) -> Self:
        """Put ``values`` in place of what is from ``start`` to before ``stop``, as one delta.

        Positions are those of a slice: negative ones count from the end, none is out of range.

        Raises:
            TypeError: One of ``values`` cannot be held; the message names a conversion.
            ValueError: One of ``values`` cannot be held. Nothing has changed.
        """
        return self.replace(slice(as_index(start), as_index(stop)), values)

    def remove(self, value: T) -> Self:  # type: ignore[override]  # a list's gives None
        """Delete the first item that is ``value``, and return the delta to gossip.

        Raises:
            ValueError: There is none; nothing has changed.
        """
        at = self.index(value)
        return self._edit([], [(at, at + len(self._one(value)))])

    def clear(self) -> Self:  # type: ignore[override]  # a list's gives None
        """Delete all that this replica sees, as one delta, and return it."""
        return self._edit([], [(0, len(self))])

    def reverse(self) -> Self:  # type: ignore[override]  # a list's gives None
        """Write all items anew in the opposite order, as one delta, and return it."""
        items = self.value
        return self._swap(0, len(self), self._many(items[::-1])) if len(self) > 1 else self._blank()

    # --- changing, as Python's lists do --------------------------------------------------------

    def pop(self, index: int = -1) -> T:
        """Delete an item and return it.

        Raises:
            IndexError: There is no item at ``index``.
        """
        at = self._position(index)
        item: T = self[at]
        self._edit([], [(at, at + 1)])
        return item

    def __setitem__(self, index: Any, value: Any) -> None:
        self.replace(index, value)

    def __delitem__(self, index: int | slice) -> None:
        self.delete(index)

    def __iadd__(self, values: Iterable[T]) -> Self:
        self.extend(values)
        return self

    # --- reading -------------------------------------------------------------------------------

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Any: ...

    def __getitem__(self, index: int | slice) -> Any:
        if not isinstance(index, slice):
            at = self._position(index)
            return self._shown(self._between(at, at + 1))[0]
        places = range(len(self))[index]
        if not places:
            return self._shown([])
        low, high = min(places), max(places)
        return self._shown(self._between(low, high + 1))[_within(places, low)]

    def __iter__(self) -> Iterator[T]:
        yield from self.value

    def __reversed__(self) -> Iterator[T]:
        yield from reversed(self.value)

    def _position(self, index: Any) -> int:
        at, size = as_index(index), len(self)
        if not -size <= at < size:
            raise IndexError(f"there is no item {at} among {size}")
        return at + size if at < 0 else at

    def _put(self, at: int, content: Content) -> Self:
        return self._edit([(at, content)] if content else [], [])

    def _swap(self, start: int, stop: int, content: Content) -> Self:
        return self._edit([(start, content)] if content else [], [(start, stop)])


class ItemSequence(Editable[T]):
    """A sequence of anything that a register can hold."""

    @property
    def value(self) -> list[T]:
        """The visible items as a new list; lists and dicts in it are copies."""
        shown: list[T] = self._shown(self._contents())
        return shown

    def __contains__(self, value: object) -> bool:
        return _key_of(value) in self._keys()

    def index(self, value: Any, start: int = 0, stop: int | None = None) -> int:
        """Return the first position of ``value``, which is 1 or True or 1.0, not all of them.

        Raises:
            ValueError: It is not there.
        """
        places = range(len(self))[start:stop]
        keys = self._keys()
        key = _key_of(value)
        for at in places:
            if keys[at] == key:
                return at
        raise ValueError(f"{value!r:.80} is not in the sequence")

    def count(self, value: Any) -> int:
        """Return how often ``value`` is there."""
        return self._keys().count(_key_of(value))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ItemSequence):
            return self._keys() == other._keys()
        if not isinstance(other, list):
            return NotImplemented
        return self._keys() == [_key_of(item) for item in other]

    def _keys(self) -> list[Key]:
        return [key for content in self._contents() for key in content]

    def _shown(self, contents: list[Content]) -> list[T]:
        return [element_of(key) for content in contents for key in content]

    def _one(self, item: Any) -> Content:
        return [freeze(item)]

    def _many(self, items: Any) -> Content:
        return [freeze(item) for item in items]


def _key_of(value: object) -> Key:
    try:
        return freeze(value)
    except (TypeError, ValueError):
        return NOTHING


def _cuts_of(places: Sequence[int]) -> list[Cut]:
    """Return positions as few ascending stretches."""
    cuts: list[Cut] = []
    for at in sorted(places):
        if cuts and cuts[-1][1] == at:
            cuts[-1] = (cuts[-1][0], at + 1)
        else:
            cuts.append((at, at + 1))
    return cuts


def _within(places: range, low: int) -> slice:
    """Return a slice that takes ``places`` from a list that begins at ``low``."""
    stop = places[-1] - low + (1 if places.step > 0 else -1)
    return slice(places[0] - low, None if stop < 0 else stop, places.step)
