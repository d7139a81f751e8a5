"""What sets share that compute which elements they show, and remember it.

A type says by `_shows` whether an element shows, and by `_known` which ones might. The shown ones
are remembered once somebody asks for all of them; from then on every join tells which elements it
touched.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable
from typing import Self

from crdt.atoms import Key
from crdt.sets.elements import E
from crdt.sets.mutable import MutableElementSet


class ShownSet(MutableElementSet[E]):
    """A set whose visible elements take some computing."""

    _cached: dict[Key, None] | None = None

    @abstractmethod
    def _known(self) -> Iterable[Key]:
        """Return the keys of all elements that might be visible."""

    @abstractmethod
    def _shows(self, key: Key) -> bool:
        """Tell whether the element of ``key`` is visible, from the state itself."""

    def _keys(self) -> Collection[Key]:
        if self._cached is None:
            self._cached = {key: None for key in self._known() if self._shows(key)}
        return self._cached.keys()

    def _has(self, key: Key) -> bool:
        return self._shows(key) if self._cached is None else key in self._cached

    def _touched(self, keys: Iterable[Key]) -> None:
        """Look anew at elements that a join has changed."""
        cached = self._cached
        if cached is not None:
            for key in keys:
                if self._shows(key):
                    cached[key] = None
                else:
                    cached.pop(key, None)

    def _take_over(self, source: Self) -> None:
        super()._take_over(source)
        self._cached = None
