"""Trees and graphs broken on purpose: the laws must catch each of them."""

from __future__ import annotations

from typing import Any

import pytest

from crdt import AddRemovePartialOrder, MonotonicDAG, Tree, TwoPTwoPGraph
from crdt.graphs.arrows import Arrows
from crdt.testing import LawBrokenError, check_laws
from crdt.trees.moves import Before, MoveLog, in_order


class BrokenTree(Tree[Any]):
    """A tree that keeps its moves in a broken log."""

    log: type[MoveLog]

    def _empty(self) -> None:
        super()._empty()
        self._log = self.log()

    def _copied(self) -> Any:
        new = super()._copied()
        log = new._log
        new._log = self.log()
        for name in ("known", "_moves", "_parents", "_below", "_before"):
            setattr(new._log, name, getattr(log, name))
        return new

    def _decode(self, payload: Any) -> None:
        super()._decode(payload)
        self._log = self.log(self._log.moves)


class ArrivalLog(MoveLog):
    __slots__ = ()

    def _take_back(self, first: Any) -> Any:
        return []


class InArrivalOrder(BrokenTree):
    """Does moves as they come and takes none back."""

    log = ArrivalLog


class CyclicLog(MoveLog):
    __slots__ = ()

    def _do(self, move: Any) -> None:
        self._moves.append(move)
        self._before.append(self._parents.get(move[3], Before.ABSENT))
        self._lift(move[3])
        self._put(move[3], move[4])

    def _within(self, place: Any, top: Any) -> bool:
        seen = set()
        while place not in seen and place != top:
            seen.add(place)
            place = self._parents.get(place)
        return bool(place == top)


class WithCycles(BrokenTree):
    """Looks for cycles where a move is made, and nowhere else."""

    log = CyclicLog


class OnceVoidLog(MoveLog):
    __slots__ = ("void",)

    def _take_back(self, first: Any) -> Any:
        pairs = zip(self.moves, self._before, strict=True)
        self.void = {move for move, before in pairs if before is Before.VOID}
        return super()._take_back(first)

    def _within(self, place: Any, top: Any) -> bool:
        void = {(move[3], move[4]) for move in getattr(self, "void", ())}
        return (top, place) in void or super()._within(place, top)


class JudgedOnce(BrokenTree):
    """Leaves void what was void when it first came, though an older move took the cycle away."""

    log = OnceVoidLog


class LastMoveOnly(Tree[Any]):
    """Forgets moves that newer ones have overwritten, as a map of parents would."""

    def _join(self, other: Any) -> bool:
        grew = super()._join(other)
        self._log = MoveLog(self._log.in_effect())
        return grew


class ClockOnlyTree(Tree[Any]):
    """Stamps with the clock alone, so that a clock that steps back loses moves."""

    def move(self, node: Any, parent: Any) -> Any:
        delta = Tree(self.replica, clock=self._own_seat().now).move(node, parent)
        if parent is not None and self._log.within(self._find(parent), self._find(node)):
            raise ValueError("a cycle")
        own = type(self).from_payload(delta.payload)
        self.join(own)
        return own

    def _find(self, node: Any) -> Any:
        return (bool, node) if type(node) is bool else node


class LosesTheMoved(Tree[Any]):
    """Leaves a node whose move is void out of its place, as delete-and-insert does."""

    def parent_of(self, node: Any) -> Any:
        void = [
            move[3]
            for move, before in zip(self._log.moves, self._log._before, strict=True)
            if before is Before.VOID
        ]
        return None if node in void else super().parent_of(node)


class ResurrectedEdge(TwoPTwoPGraph[Any]):
    """Shows edges whatever became of their vertices."""

    def _listed(self, keys: Any) -> Any:
        return [key[1] if type(key) is tuple else key for key in keys]


class VertexComesBack(TwoPTwoPGraph[Any]):
    """Lets an add win over a removal."""

    def _join(self, other: Any) -> bool:
        grew = super()._join(other)
        for key in other._vertices.live:
            if key in self._vertices.gone:
                del self._vertices.gone[key]
                self._vertices.live[key] = None
                grew = True
        return grew


class StaleIndex(TwoPTwoPGraph[Any]):
    """Does not tell its index of edges what a join removed."""

    def _join(self, other: Any) -> bool:
        cached = self._cached
        self._cached = None
        grew = super()._join(other)
        self._cached = cached
        return grew

    def _copied(self) -> Any:
        new = super()._copied()
        new._cached = Arrows(self._arrows())
        return new


class CycleShows(MonotonicDAG[Any]):
    """Trusts that nobody adds a vertex twice."""

    def _arrows(self) -> Any:
        return Arrows(edge for edge in self._ranks if self._has_both(edge))


class RankByArrival(MonotonicDAG[Any]):
    """Keeps the rank that came first."""

    def _join(self, other: Any) -> bool:
        before = dict(self._ranks)
        grew = super()._join(other)
        self._ranks.update(before)
        return grew


class RankAlwaysOne(MonotonicDAG[Any]):
    """Lets the canonical order alone decide which edge of a cycle is void."""

    def _apply(self, vertices: Any, edges: Any) -> Any:
        self._top = 0
        return super()._apply(vertices, edges)


class ForgetsRemovals(AddRemovePartialOrder[Any]):
    """Takes removed vertices out of the state, so that they come back."""

    def _join(self, other: Any) -> bool:
        grew = super()._join(other)
        self._vertices.gone.clear()
        return grew


class KeepsOldView(AddRemovePartialOrder[Any]):
    """Finds the edges in effect once and trusts them for ever."""

    def _patch(self, new: Any) -> bool:
        return True


MUTANTS = [
    InArrivalOrder,
    WithCycles,
    JudgedOnce,
    LastMoveOnly,
    ClockOnlyTree,
    LosesTheMoved,
    ResurrectedEdge,
    VertexComesBack,
    StaleIndex,
    CycleShows,
    RankByArrival,
    RankAlwaysOne,
    ForgetsRemovals,
    KeepsOldView,
]


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_laws_catch_a_broken_tree_or_graph(mutant: type[Any]) -> None:
    with pytest.raises(LawBrokenError, match=mutant.__name__):
        check_laws(mutant, examples=200)


def test_the_order_of_moves_does_not_hang_on_their_arrival() -> None:
    moves = [(ms, 0, replica, "a", "b") for ms in (2, 1) for replica in "yx"]
    assert [move[:3] for move in in_order(moves)] == [
        (1, 0, "x"), (1, 0, "y"), (2, 0, "x"), (2, 0, "y"),
    ]  # fmt: skip
