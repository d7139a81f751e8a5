"""Moves in the order in which they take effect, and the forest that they make.

A move that would put a node under itself or under one of its descendants is void. Whether it does
depends on the moves before it alone, so a forest is a function of the set of moves.

Theory of operation. The log is sorted, and beside each move stands where its node was before. A
move that is newer than all others is done at once. A late one takes back the newer ones, newest
first, is done, and they are done again, each judged anew: what was void may take effect now, and
the other way round. So a move costs the number of moves that are newer than it, usually none,
plus the depth of the new parent or the number of nodes that move along, whichever is less. That
is only done once somebody looks: many late moves that came one by one cost as much as in one go.

Source: Kleppmann, Mulligan, Gomes, Beresford, "A highly-available move operation for replicated
trees" (IEEE TPDS 2021).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from itertools import pairwise
from operator import itemgetter
from typing import Any

from crdt.atoms import Key
from crdt.clock import Stamp
from crdt.tagged import canonical_text

Move = tuple[int, int, str, Key, Key]
"""``(ms, counter, replica, node, parent)``; the root, None, is a parent but no node."""


class Before(Enum):
    """What a move found, where it was no parent. An enum, since these survive pickling."""

    ABSENT = "the node was in the forest nowhere"
    VOID = "the move took no effect"


_written = itemgetter(0, 1, 2)
"""When and by whom: it decides alone, unless one id wrote twice with one stamp."""


def _full_order(move: Move) -> tuple[int, int, str, str, str]:
    ms, counter, replica, node, parent = move
    return ms, counter, replica, canonical_text(node), canonical_text(parent)


def comes_after(one: Move, other: Move) -> bool:
    """Tell whether ``one`` takes effect after ``other``: by stamp, replica, canonical order."""
    if _written(one) == _written(other):
        return _full_order(one) > _full_order(other)
    return bool(_written(one) > _written(other))


def in_order(moves: Iterable[Move]) -> list[Move]:
    """Return moves in the order in which they take effect."""
    ordered = sorted(moves, key=_written)
    if any(_written(one) == _written(other) for one, other in pairwise(ordered)):
        ordered.sort(key=_full_order)
    return ordered


class MoveLog:
    """A set of moves with their forest.

    Attributes:
        known: All moves.
    """

    __slots__ = ("_before", "_below", "_coming", "_moves", "_parents", "known")

    def __init__(self, moves: Iterable[Move] = ()) -> None:
        self.known: set[Move] = set()
        self._moves: list[Move] = []
        self._parents: dict[Key, Key] = {}
        self._below: dict[Key, dict[Key, None]] = {}
        self._before: list[Any] = []
        self._coming: list[Move] = []
        self.insert(moves)

    def copy(self) -> MoveLog:
        """Return an independent copy."""
        self._settle()
        new = MoveLog()
        new.known = self.known.copy()
        new._moves = self._moves.copy()
        new._parents = self._parents.copy()
        new._below = {parent: nodes.copy() for parent, nodes in self._below.items()}
        new._before = self._before.copy()
        return new

    @property
    def moves(self) -> list[Move]:
        """All moves, in the order in which they take effect."""
        self._settle()
        return self._moves

    @property
    def parents(self) -> dict[Key, Key]:
        """The parent of each node. Some parents may be no nodes: theirs did not arrive yet."""
        self._settle()
        return self._parents

    @property
    def below(self) -> dict[Key, dict[Key, None]]:
        """The nodes right below each parent, without those that have none."""
        self._settle()
        return self._below

    @property
    def latest(self) -> Stamp:
        """The largest stamp, ``(-1, 0)`` if there is none."""
        moves = self.moves
        return moves[-1][:2] if moves else (-1, 0)

    def insert(self, moves: Iterable[Move]) -> bool:
        """Let moves, of which none stands twice, take effect, each in its place.

        Returns:
            True if one of them was new.
        """
        fresh = [move for move in moves if move not in self.known]
        self.known.update(fresh)
        self._coming += fresh
        return bool(fresh)

    def _settle(self) -> None:
        """Let the moves that came take effect."""
        if not self._coming:
            return
        fresh = in_order(self._coming) if len(self._coming) > 1 else self._coming
        self._coming = []
        newer = self._take_back(fresh[0])
        for move in in_order(fresh + newer) if newer else fresh:
            self._do(move)

    def within(self, place: Key, top: Key) -> bool:
        """Tell whether ``place`` is ``top`` or lies below it.

        Walks up from ``place`` and down from ``top``, a step each, until one of them ends: a few
        nodes cost little however deep they go, and so does a deep heap of them near the root.
        """
        self._settle()
        return self._within(place, top)

    def _within(self, place: Key, top: Key) -> bool:
        if place == top or top not in self._below:
            return bool(place == top)
        sought, parents, below = place, self._parents, self._below
        down = [iter(below[top])]
        while place in parents and down:
            place = parents[place]
            node = next(down[-1], None)  # None is no node
            if place == top or node == sought:
                return True
            if node is None:
                down.pop()
            elif node in below:
                down.append(iter(below[node]))
        return False

    def in_effect(self) -> list[Move]:
        """Return the one move that put each node where it is, in order.

        They alone make the same forest: each edge that they set stays to the end, so on the way
        there are never more edges than in the end, and no cycle.
        """
        last = {
            move[3]: move
            for move, before in zip(self.moves, self._before, strict=True)
            if before is not Before.VOID
        }
        return [move for move in self.moves if last.get(move[3]) is move]

    def _do(self, move: Move) -> None:
        node, parent = move[3:]
        void = self._within(parent, node)
        self._moves.append(move)
        self._before.append(Before.VOID if void else self._parents.get(node, Before.ABSENT))
        if not void:
            self._lift(node)
            self._put(node, parent)

    def _take_back(self, first: Move) -> list[Move]:
        """Undo the moves that come after ``first`` and return them in order."""
        undone: list[Move] = []
        while self._moves and comes_after(self._moves[-1], first):
            move, before = self._moves.pop(), self._before.pop()
            undone.append(move)
            if before is not Before.VOID:
                self._lift(move[3])
                if before is not Before.ABSENT:
                    self._put(move[3], before)
        undone.reverse()
        return undone

    def _put(self, node: Key, parent: Key) -> None:
        self._parents[node] = parent
        self._below.setdefault(parent, {})[node] = None

    def _lift(self, node: Key) -> None:
        """Take a node out of the forest, if it is there; those below it stay below it."""
        if node not in self._parents:
            return
        parent = self._parents.pop(node)
        siblings = self._below[parent]
        del siblings[node]
        if not siblings:
            del self._below[parent]
