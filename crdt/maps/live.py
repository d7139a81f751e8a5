"""What maps of live CRDTs share: entries of a key and a type, and children that act as the map.

An entry is ``(key, type tag)``: one key may hold objects of several types, since two replicas may
open it with two types at once. The smaller tag shows. Maps nest 4 deep.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable
from functools import cache
from typing import Any, TypeVar, get_origin

from crdt.atoms import Key, identify, lookup
from crdt.base import StateCRDT, behind
from crdt.catalogue import tag_of, type_of
from crdt.causal.dotted import Entry
from crdt.compound import Compound
from crdt.maps.entries import EntryMap, K

C = TypeVar("C", bound=StateCRDT)

MAX_DEPTH = 4
"""How deep maps of CRDTs nest."""


class LiveMap(EntryMap[K, Any]):
    """A map whose values are live CRDTs."""

    _tags: dict[Key, tuple[str, ...]]
    """The tags under which something shows, ascending."""
    _level: int = 1
    _relaying: bool = False

    @abstractmethod
    def _handle(self, entry: Entry) -> Any:
        """Return the live child of an entry."""

    @abstractmethod
    def _check_kind(self, kind: type[StateCRDT]) -> None:
        """Raise TypeError if objects of this type cannot live here."""

    @abstractmethod
    def _below(self) -> Iterable[Any]:
        """Yield the children that hold something."""

    def open(self, key: K, type: type[C]) -> C:
        """Return the live child of a type under a key; this changes nothing.

        Args:
            key: What may be an element of a set.
            type: A type that the catalogue knows; ``ORSet[str]`` is as good as ``ORSet``.

        Raises:
            TypeError: ``key`` cannot be a key, or the type cannot live in such a map.
            ValueError: ``key`` cannot be a key, or maps would nest over 4 deep.
            UnknownTypeError: The catalogue does not know the type; see `crdt.register`.
        """
        child: C = self._handle((identify(key), self._tag_for(type)))
        return child

    def types(self, key: object) -> list[type[StateCRDT]]:
        """Return the types that hold something under a key, in the order of their tags."""
        return [type_of(tag) for tag in self._tags.get(lookup(key), ())]

    def _tag_for(self, wanted: Any) -> str:
        kind = get_origin(wanted) or wanted
        if not isinstance(kind, type) or not issubclass(kind, StateCRDT):
            raise TypeError(f"expected a replicated type, not {wanted!r:.80}")
        self._check_kind(kind)
        if issubclass(kind, LiveMap) and self._level >= MAX_DEPTH:
            raise ValueError(f"maps nest at most {MAX_DEPTH} deep")
        return tag_of(kind)

    def _tag_to_put(self, state: Any) -> str:
        """Return the tag of a state that is to stand under a key."""
        if not isinstance(state, StateCRDT):
            raise TypeError(f"the values of this map are CRDTs, not {type(state).__name__}")
        kind = behind(state)
        tag = self._tag_for(kind)
        try:
            kind()._same_type(state)
        except TypeError as error:
            raise ValueError(f"not in a map: {error}") from None
        if height_of(state) > MAX_DEPTH - self._level:
            raise ValueError(f"maps nest at most {MAX_DEPTH} deep")
        return tag

    def _relay(self, change: Any, replica: str | None) -> None:
        """Offer and settle a change that a child is about to make, as one of this map."""
        self._relaying = True
        try:
            self._publish(change, replica)
        finally:
            self._relaying = False

    def _lower(self, child: Any) -> None:
        """Let a child know how many maps stand around it."""
        if hasattr(child, "_level"):
            child._level = type(child)._level + self._level

    def _show(self, entry: Entry) -> None:
        key, tag = entry
        tags = self._tags.get(key)
        if tags is None:
            self._tags[key] = _lone(tag)
        elif tag not in tags:
            self._tags[key] = tuple(sorted([*tags, tag]))

    def _hide(self, entry: Entry) -> None:
        key, tag = entry
        left = tuple([shown for shown in self._tags[key] if shown != tag])
        if left:
            self._tags[key] = left
        else:
            del self._tags[key]

    def _keys(self) -> Collection[Key]:
        return self._tags.keys()

    def _has(self, key: Key) -> bool:
        return key in self._tags

    def _at(self, key: Key) -> Any:
        return self._handle(self._shown(key))

    def _shown(self, key: Key) -> Entry:
        return key, self._tags[key][0]

    def _size(self) -> tuple[int, int]:
        return len(self._tags), 0


@cache
def _lone(tag: str) -> tuple[str, ...]:
    """Return the tag alone: nearly all keys show one type, and share it."""
    return (tag,)


def height_of(state: Any) -> int:
    """Return how many maps stand in one another in a state, itself included."""
    if isinstance(state, LiveMap):
        return 1 + max([height_of(child) for child in state._below()], default=0)
    if isinstance(state, Compound):
        return max([height_of(part) for _, part in state._held()], default=0)
    return 0
