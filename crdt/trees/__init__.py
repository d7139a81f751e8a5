"""Trees whose replicas converge, with a move that never makes a cycle and never loses a node."""

from __future__ import annotations

from crdt.trees.tree import Tree as Tree
