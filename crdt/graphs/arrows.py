"""Directed edges, looked at from both ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from crdt.atoms import Key

Edge = tuple[Key, Key]
"""``(from, to)``."""

_NONE: Mapping[Key, None] = {}


class Arrows:
    """A set of directed edges that knows who follows and who precedes each vertex."""

    __slots__ = ("_ahead", "_behind", "_count")

    def __init__(self, edges: Iterable[Edge] = ()) -> None:
        self._ahead: dict[Key, dict[Key, None]] = {}
        self._behind: dict[Key, dict[Key, None]] = {}
        self._count = 0
        for edge in edges:
            self.add(edge)

    def __len__(self) -> int:
        return self._count

    def __contains__(self, edge: Edge) -> bool:
        return edge[1] in self.ahead(edge[0])

    def __iter__(self) -> Iterator[Edge]:
        return ((start, end) for start, ends in self._ahead.items() for end in ends)

    def ahead(self, vertex: Key) -> Mapping[Key, None]:
        """Return the ends of the edges that start at ``vertex``."""
        return self._ahead.get(vertex, _NONE)

    def behind(self, vertex: Key) -> Mapping[Key, None]:
        """Return the starts of the edges that end at ``vertex``."""
        return self._behind.get(vertex, _NONE)

    def add(self, edge: Edge) -> None:
        """Add an edge that is not there yet."""
        start, end = edge
        self._ahead.setdefault(start, {})[end] = None
        self._behind.setdefault(end, {})[start] = None
        self._count += 1

    def drop(self, edge: Edge) -> None:
        """Take out an edge that is there."""
        start, end = edge
        del self._ahead[start][end]
        del self._behind[end][start]
        self._count -= 1

    def reaches(self, start: Key, end: Key) -> bool:
        """Tell whether a way of one edge or more leads from ``start`` to ``end``.

        Looks from both ends, always where there is less left to look at, so that a vertex which
        few others follow or precede is told apart at once.
        """
        seen_ahead: set[Key] = set()
        seen_behind = {end}
        front, back = [start], [end]
        while front and back:
            if len(front) <= len(back):
                found = [key for vertex in front for key in self.ahead(vertex)]
                if not seen_behind.isdisjoint(found):
                    return True
                front = _new(found, seen_ahead)
            else:
                found = [key for vertex in back for key in self.behind(vertex)]
                if start in found or not seen_ahead.isdisjoint(found):
                    return True
                back = _new(found, seen_behind)
        return False

    def tangled(self) -> list[Edge]:
        """Return the edges that may be part of a cycle, none if there is no cycle.

        Vertices that nobody precedes are taken away again and again, then those that nobody
        follows; whatever stays lies on a cycle or between two.
        """
        edges = _without_loose_ends(list(self))
        edges = _without_loose_ends([(end, start) for start, end in edges])
        return [(start, end) for end, start in edges]


def _new(found: list[Key], seen: set[Key]) -> list[Key]:
    """Return what was not seen before, each once, and note it as seen."""
    new = [key for key in dict.fromkeys(found) if key not in seen]
    seen.update(new)
    return new


def _without_loose_ends(edges: list[Edge]) -> list[Edge]:
    """Leave out the edges that start where no edge ends, again and again."""
    ahead: dict[Key, list[Key]] = {}
    waiting: dict[Key, int] = {}
    for start, end in edges:
        ahead.setdefault(start, []).append(end)
        waiting[end] = waiting.get(end, 0) + 1
    loose = [start for start in ahead if start not in waiting]
    while loose:
        for end in ahead.pop(loose.pop(), ()):
            waiting[end] -= 1
            if not waiting[end]:
                loose.append(end)
    return [(start, end) for start, ends in ahead.items() for end in ends]
