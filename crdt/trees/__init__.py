"""Trees whose replicas converge, with a move that never makes a cycle and never loses a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crdt.homes import late

if TYPE_CHECKING:
    from crdt.trees.tree import Tree as Tree
else:
    __getattr__, __dir__, __all__ = late(__name__)
