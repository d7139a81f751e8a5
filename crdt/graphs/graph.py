"""What every graph type shares: how it is read.

A type says which vertices show and which edges are there (`_shown`, `_arrows`); an edge shows only
while both its ends do.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, Self, TypeVar

from crdt.atoms import Key, element_of, lookup
from crdt.graphs.arrows import Arrows, Edge
from crdt.packing import packed_lists
from crdt.rows import Rowed
from crdt.tagged import canonical_text

V = TypeVar("V")


class Graph(Rowed, Generic[V]):
    """A graph type's reading side."""

    @abstractmethod
    def _shown(self) -> Mapping[Key, None]:
        """Return the visible vertices."""

    @abstractmethod
    def _arrows(self) -> Arrows:
        """Return the edges that are there, whether their vertices show or not."""

    @property
    def value(self) -> tuple[set[V], set[tuple[V, V]]]:
        """The visible vertices and edges, ``(from, to)`` each, as new plain sets.

        Python's sets merge 1, True and 1.0; of these the first in canonical order is kept.
        """
        return self.vertices, self.edges

    @property
    def vertices(self) -> set[V]:
        """The visible vertices as a new plain set, merged as in `value`."""
        shown = self._shown()
        merged: set[V] = {element_of(key) for key in shown}
        if len(merged) == len(shown):
            return merged
        return {element_of(key) for key in sorted(shown, key=canonical_text)}

    @property
    def edges(self) -> set[tuple[V, V]]:
        """The visible edges as a new plain set, merged as in `value`."""
        shown = self._shown_edges()
        merged: set[tuple[V, V]] = {(element_of(start), element_of(end)) for start, end in shown}
        if len(merged) == len(shown):
            return merged
        return {
            (element_of(start), element_of(end)) for start, end in sorted(shown, key=edge_texts)
        }

    def __contains__(self, vertex: object) -> bool:
        return lookup(vertex) in self._shown()

    def __iter__(self) -> Iterator[V]:
        for key in list(self._shown()):
            yield element_of(key)

    def __len__(self) -> int:
        return len(self._shown())

    def has_edge(self, start: object, end: object) -> bool:
        """Tell whether an edge from ``start`` to ``end`` shows."""
        edge = self._find(start), self._find(end)
        return edge in self._arrows() and self._has(edge[0]) and self._has(edge[1])

    def successors(self, vertex: V) -> list[V]:
        """Return the vertices to which an edge leads from ``vertex``, in canonical order.

        Raises:
            KeyError: The vertex is not there.
        """
        return self._listed(self._arrows().ahead(self._visible(vertex)))

    def predecessors(self, vertex: V) -> list[V]:
        """Return the vertices from which an edge leads to ``vertex``, in canonical order.

        Raises:
            KeyError: The vertex is not there.
        """
        return self._listed(self._arrows().behind(self._visible(vertex)))

    def _under(self, limit_bytes: int) -> Iterator[Self]:
        return map(self._decoded, packed_lists(self._encode(), limit_bytes))

    def _find(self, vertex: object) -> Key:
        """Return the key of what somebody looks for."""
        return lookup(vertex)

    def _has(self, key: Key) -> bool:
        """Tell whether the vertex of ``key`` is there."""
        return key in self._shown()

    def _visible(self, vertex: object) -> Key:
        """Return the key of a vertex that is there.

        Raises:
            KeyError: It is not.
        """
        key = self._find(vertex)
        if not self._has(key):
            raise KeyError(vertex)
        return key

    def _shown_edges(self) -> list[Edge]:
        shown = self._shown()
        return [edge for edge in self._arrows() if edge[0] in shown and edge[1] in shown]

    def _listed(self, keys: Iterable[Key]) -> list[V]:
        shown = self._shown()
        visible = [key for key in keys if key in shown]
        return [element_of(key) for key in sorted(visible, key=canonical_text)]


def edge_texts(edge: Edge) -> tuple[str, str]:
    """Return what orders edges between elements canonically."""
    return canonical_text(edge[0]), canonical_text(edge[1])
