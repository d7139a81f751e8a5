"""What every map with removals is written like: a MutableMapping whose mutators return deltas.

A type says how it puts and removes; the rest of a dict's mutators follow.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Self

from crdt.maps.entries import EntryMap, K, V


class WritableMap(EntryMap[K, V], MutableMapping[K, V]):
    """A map type's writing side."""

    @abstractmethod
    def put(self, key: K, value: V) -> Self:
        """Put one value under a key and return the delta to gossip."""

    @abstractmethod
    def remove(self, key: K) -> Self:
        """Remove a key and return the delta to gossip, or raise KeyError."""

    @abstractmethod
    def _put_all(self, pairs: Iterable[tuple[K, V]]) -> Self:
        """Put several values as one delta and return it; of one key, the last counts."""

    def update(  # type: ignore[override]  # a dict's returns None
        self, other: Mapping[K, V] | Iterable[tuple[K, V]] = (), /, **more: V
    ) -> Self:
        """Put several values as one delta and return it.

        Raises:
            TypeError: One of the keys or values cannot be put; nothing has changed.
            ValueError: One of the keys or values cannot be put; nothing has changed.
        """
        pairs: Iterable[Any] = other.items() if isinstance(other, Mapping) else other
        named: Iterable[Any] = more.items()
        return self._put_all([*pairs, *named])

    def __ior__(  # type: ignore[override,misc]  # in place; ``|`` gives a plain dict
        self, other: Mapping[K, V] | Iterable[tuple[K, V]]
    ) -> Self:
        if not isinstance(other, Iterable):
            return NotImplemented
        self.update(other)
        return self

    def __setitem__(self, key: K, value: V) -> None:
        self.put(key, value)

    def __delitem__(self, key: K) -> None:
        self.remove(key)

    def popitem(self) -> tuple[K, V]:
        """Remove some key and return it with what ``pop`` gives for it.

        Raises:
            KeyError: The map is empty.
        """
        key = self._some()
        return key, self.pop(key)
