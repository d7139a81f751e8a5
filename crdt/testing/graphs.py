"""How to exercise graphs, and plain models of them: sets of what happened, cycles found by search."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from crdt.graphs import MonotonicDAG, Sentinel
from crdt.tagged import canonical_text
from crdt.testing.models import Model, Shadow, typed

_VERTICES: tuple[Any, ...] = ("a", "b", "c", 1, True)
"""Few, so that they meet again."""

_START, _END = MonotonicDAG.START, MonotonicDAG.END

Act = Callable[[Any, int], Any]


def _one(chance: int) -> Any:
    return _VERTICES[chance % len(_VERTICES)]


def _two(chance: int) -> tuple[Any, Any]:
    return _one(chance), _one(chance // len(_VERTICES))


def read_graph(state: Any) -> tuple[set[Any], set[Any]]:
    """Return vertices and edges, told apart by (type, value)."""
    edges = {(typed(one), typed(next_one)) for one in state for next_one in state.successors(one)}
    return {typed(vertex) for vertex in state}, edges


TWO_PHASE_ACTS: tuple[Act, ...] = (
    lambda state, chance: state.add_vertex(_one(chance)),
    lambda state, chance: state.add_vertex(_one(chance)),
    lambda state, chance: state.add_edge(*_two(chance)),
    lambda state, chance: state.add_edge(*_two(chance)),
    lambda state, chance: state.remove_edge(*_two(chance)),
    lambda state, chance: state.remove_vertex(_one(chance)),
)


class TwoPhaseGraphModel(Model):
    """What was added less what was removed, and edges only between what is left."""

    def __init__(self) -> None:
        self._events: dict[int, tuple[int, Any]] = {}

    def learn(self, event: Any) -> None:
        """Note what the event adds or removes, unless it added what was there."""
        edge = tuple(map(typed, _two(event.chance)))
        what = edge if event.act in (2, 3, 4) else typed(_one(event.chance))
        added, removed = self._sides(event.past)
        if event.act > 3 or what not in added - removed:
            self._events[event.number] = (event.act, what)

    def value(self, shadow: Shadow) -> tuple[set[Any], set[Any]]:
        """Return the vertices and edges to be seen."""
        added, removed = self._sides(shadow)
        left = added - removed
        vertices = {one for one in left if type(one[0]) is str}
        return vertices, {one for one in left - vertices if vertices.issuperset(one)}

    def _sides(self, shadow: Shadow) -> tuple[set[Any], set[Any]]:
        known = [self._events[number] for number in shadow if number in self._events]
        return {what for act, what in known if act < 4}, {what for act, what in known if act > 3}


def _looked_at(state: Any, chance: int) -> Any:
    """Return ``state``, most times after its edges were asked for: an index must stay true."""
    if chance % 4:
        state.has_edge(*_two(chance))
    return state


ORDER_ACTS: tuple[Act, ...] = (
    lambda state, chance: _looked_at(state, chance).add_between(*_between(0, chance)),
    lambda state, chance: _looked_at(state, chance).add_between(*_between(1, chance)),
    lambda state, chance: _looked_at(state, chance).add_between(*_between(2, chance)),
    lambda state, chance: _looked_at(state, chance).add_between(*_between(3, chance)),
    lambda state, chance: _looked_at(state, chance).add_edge(*_two(chance)),
    lambda state, chance: state.remove_vertex(_one(chance)),
)


def _between(act: int, chance: int) -> tuple[Any, Any, Any]:
    """Return before, new and after: loose, at the end, at the start, between two."""
    new, (low, high) = _one(chance), _two(chance // 3)
    return ((_START, new, _END), (low, new, _END), (_START, new, low), (low, new, high))[act]


class OrderModel(Model):
    """Edges by rank, those left out that would close a cycle."""

    def __init__(self) -> None:
        self._added: dict[int, Any] = {}
        self._removed: dict[int, Any] = {}
        self._edges: dict[int, tuple[int, set[Any]]] = {}

    def learn(self, event: Any) -> None:
        """Note what the event adds or removes, and the rank of its edges."""
        if event.act == 5:
            self._removed[event.number] = _named(_one(event.chance))
            return
        known = self._ranks(event.past)
        if event.act == 4:
            edges = {tuple(map(_named, _two(event.chance)))} - known.keys()
        else:
            low, new, high = map(_named, _between(event.act, event.chance))
            self._added[event.number] = new
            edges = {(low, new), (new, high)}
        if edges:
            seen = [self._edges[number][0] for number in event.past if number in self._edges]
            self._edges[event.number] = (max(seen, default=0) + 1, edges)

    def value(self, shadow: Shadow) -> tuple[set[Any], set[Any]]:
        """Return the vertices and edges to be seen."""
        numbers = list(shadow)
        removed = {self._removed[number] for number in numbers if number in self._removed}
        known = {self._added[number] for number in numbers if number in self._added} | removed
        known |= {_named(_START), _named(_END)}
        ranks = self._ranks(numbers)
        edges: set[Any] = set()
        for low, high in sorted(ranks, key=lambda edge: (ranks[edge], edge)):
            if {low, high} <= known and not _leads(edges, high, low):
                edges.add((low, high))
        vertices = {
            name: typed_one for name, typed_one in _TYPED.items() if name in known - removed
        }
        return set(vertices.values()), {
            (vertices[low], vertices[high])
            for low, high in edges
            if low in vertices and high in vertices
        }

    def _ranks(self, shadow: Shadow) -> dict[Any, int]:
        ranks: dict[Any, int] = {}
        for number in shadow:
            rank, edges = self._edges.get(number, (0, set()))
            for edge in edges:
                ranks[edge] = min(rank, ranks.get(edge, rank))
        return ranks


def _named(vertex: Any) -> str:
    """Return the canonical text of a vertex."""
    if isinstance(vertex, Sentinel):
        return f'["{vertex.value}"]'
    return canonical_text((bool, vertex) if vertex is True else vertex)


_TYPED = {_named(vertex): typed(vertex) for vertex in _VERTICES}


def _leads(edges: Iterable[Any], start: Any, end: Any) -> bool:
    """Tell whether a path leads from ``start`` to ``end``, which may be the same."""
    reached = {start}
    for _ in range(len(_VERTICES) + 1):
        reached |= {high for low, high in edges if low in reached}
    return end in reached
