"""How to exercise a tree, and the plain model of one: all moves anew, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crdt.atoms import identify
from crdt.tagged import canonical_text
from crdt.testing.models import Shadow, StampModel, typed

_NODES: tuple[Any, ...] = ("a", "b", "c", "d", 1, True)
"""Few, so that they meet again in cycles."""

_PARENTS: tuple[Any, ...] = (None, *_NODES)


def _move_of(chance: int) -> tuple[Any, Any]:
    return _NODES[chance % len(_NODES)], _PARENTS[chance // len(_NODES) % len(_PARENTS)]


TREE_ACTS: tuple[Callable[[Any, int], Any], ...] = (
    lambda state, chance: state.move(*_move_of(chance)),
)


def read_tree(state: Any) -> dict[Any, Any]:
    """Return the parent of each node, all told apart by (type, value)."""
    return {typed(node): typed(state.parent_of(node)) for node in state}


class TreeModel(StampModel):
    """Does the moves that are known in the order of their stamps, void ones left out."""

    def value(self, shadow: Shadow) -> dict[Any, Any]:
        """Return the parent of each node."""
        parents: dict[Any, Any] = {}
        for node, parent in [_typed_move(event) for event in self._in_order(shadow)]:
            place = parent
            while place != node and place in parents:
                place = parents[place]
            if place != node:
                parents[node] = parent
        return parents

    def _in_order(self, shadow: Shadow) -> list[Any]:
        def order(event: Any) -> Any:
            node, parent = _move_of(event.chance)
            texts = canonical_text(identify(node)), canonical_text(identify(parent))
            return self.stamps[event.number], event.replica, texts

        return sorted([self.events[number] for number in shadow], key=order)


def _typed_move(event: Any) -> tuple[Any, Any]:
    node, parent = _move_of(event.chance)
    return typed(node), typed(parent)
