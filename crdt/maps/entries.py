"""What every map reads like: a MutableMapping by (type, value) of its keys.

A type says which keys it shows and what stands under one; comparisons, views and ``pop`` follow.
Keys are compared by type and value, so ``1``, ``True`` and ``1.0`` stay three; only plain dicts,
which cannot hold all three, merge them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Generic, TypeVar

from crdt.atoms import NOTHING, Key, element_of, lookup
from crdt.base import StateCRDT
from crdt.rows import Rowed
from crdt.tagged import canonical_text

K = TypeVar("K")
V = TypeVar("V")


class EntryMap(Rowed, Mapping[K, V], Generic[K, V]):
    """A map type's reading side."""

    @abstractmethod
    def _keys(self) -> Collection[Key]:
        """Return the keys that are shown, each once."""

    @abstractmethod
    def _has(self, key: Key) -> bool:
        """Tell whether a key is shown."""

    @abstractmethod
    def _at(self, key: Key) -> V:
        """Return what stands under a key that is shown."""

    def _plain_at(self, key: Key) -> Any:
        """Return the plain value of what stands under a key."""
        return self._at(key)

    @property
    def value(self) -> dict[K, Any]:
        """The visible entries as a new plain dict.

        Python's dicts merge 1, True and 1.0; of these the first in canonical order is kept.
        """
        keys = self._keys()
        if len({element_of(key) for key in keys}) == len(keys):
            return {element_of(key): self._plain_at(key) for key in keys}
        plain: dict[K, Any] = {}
        for key in sorted(keys, key=canonical_text):
            plain.setdefault(element_of(key), self._plain_at(key))
        return plain

    def __getitem__(self, key: K) -> V:
        found = lookup(key)
        if not self._has(found):
            raise KeyError(key)
        return self._at(found)

    def __contains__(self, key: object) -> bool:
        return self._has(lookup(key))

    def __iter__(self) -> Iterator[K]:
        for key in list(self._keys()):
            yield element_of(key)

    def _some(self) -> K:
        """Return some key that is shown, without looking at the others, for ``popitem``."""
        for key in self._keys():
            some: K = element_of(key)
            return some
        raise KeyError("popitem(): the map is empty")

    def __len__(self) -> int:
        return len(self._keys())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        if self is other:
            return True
        theirs = _entries_of(other)
        return len(theirs) == len(self) and all(
            self._has(key) and self._plain_at(key) == plain for key, plain in theirs.items()
        )

    def __or__(self, other: Mapping[Any, Any]) -> dict[Any, Any]:
        if not isinstance(other, Mapping):
            return NotImplemented
        return {**dict(self), **dict(other)}

    def __ror__(self, other: Mapping[Any, Any]) -> dict[Any, Any]:
        if not isinstance(other, Mapping):
            return NotImplemented
        return {**dict(other), **dict(self)}


def _entries_of(mapping: Mapping[Any, Any]) -> dict[Key, Any]:
    if isinstance(mapping, EntryMap):
        return {key: mapping._plain_at(key) for key in mapping._keys()}
    plain = {lookup(key): _plain(mapping[key]) for key in mapping}
    plain.pop(NOTHING, None)  # nothing here has such a key: the lengths differ then
    return plain if len(plain) == len(mapping) else {NOTHING: None}


def _plain(held: Any) -> Any:
    return held.value if isinstance(held, StateCRDT) else held
