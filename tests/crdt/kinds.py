"""The built-in types and how to change each of them once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crdt import (
    RGA,
    AddRemovePartialOrder,
    GCounter,
    GSet,
    Logoot,
    LWWRegister,
    LWWSet,
    MonotonicDAG,
    ORSet,
    PNCounter,
    Sequence,
    Text,
    Tree,
    TwoPSet,
    TwoPTwoPGraph,
)

Change = Callable[[Any], Any]

BUILT_IN: dict[type[Any], Change] = {
    GCounter: lambda state: state.increment(),
    PNCounter: lambda state: state.decrement(),
    GSet: lambda state: state.add(f"e{len(state)}"),
    TwoPSet: lambda state: state.add(f"e{len(state)}"),
    LWWSet: lambda state: state.add(f"e{len(state)}"),
    ORSet: lambda state: state.add(f"e{len(state)}"),
    LWWRegister: lambda state: state.assign("v"),
    TwoPTwoPGraph: lambda state: state.add_vertex(f"n{len(state)}"),
    MonotonicDAG: lambda state: state.add_between(state.START, f"n{len(state)}", state.END),
    AddRemovePartialOrder: lambda state: state.add_between(
        state.START, f"n{len(state)}", state.END
    ),
    Tree: lambda state: state.move(f"n{len(state)}", None),
    Sequence: lambda state: state.append("v"),
    Text: lambda state: state.append("v"),
    RGA: lambda state: state.append("v"),
    Logoot: lambda state: state.append("v"),
}
"""Every built-in type with one way to change it."""

WITHOUT_IDENTITY = (GSet, TwoPSet, TwoPTwoPGraph, MonotonicDAG, AddRemovePartialOrder)
"""Types whose writes are the same whoever makes them."""

WITH_IDENTITY = [kind for kind in BUILT_IN if kind not in WITHOUT_IDENTITY]
"""Types whose writes need to know who made them."""
