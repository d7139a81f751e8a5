"""Graphs whose replicas converge: directed edges between elements.

An edge shows only while both its vertices do. `TwoPTwoPGraph` adds and removes whatever it likes,
once each; `MonotonicDAG` and `AddRemovePartialOrder` never show a cycle, since their edges follow
paths that are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crdt.homes import late

if TYPE_CHECKING:
    from crdt.graphs.dag import MonotonicDAG as MonotonicDAG
    from crdt.graphs.order import Sentinel as Sentinel
    from crdt.graphs.partialorder import AddRemovePartialOrder as AddRemovePartialOrder
    from crdt.graphs.twophase import TwoPTwoPGraph as TwoPTwoPGraph
else:
    __getattr__, __dir__, __all__ = late(__name__, "crdt.graphs.order:Sentinel")
