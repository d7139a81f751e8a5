"""The built-in types and how to change each of them once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crdt import (
    RGA,
    AddRemovePartialOrder,
    BoundedCounter,
    DisableWinsFlag,
    EnableWinsFlag,
    GCounter,
    GMap,
    GSet,
    Logoot,
    LWWMap,
    LWWRegister,
    LWWSet,
    MaxRegister,
    MinRegister,
    MonotonicDAG,
    MVRegister,
    ORCart,
    ORMap,
    ORSet,
    PNCounter,
    PNSet,
    RWSet,
    Sequence,
    Text,
    Tree,
    TwoPSet,
    TwoPTwoPGraph,
    USet,
)
from crdt.testing.mapacts import noted

TAGS: ORSet[str] = ORSet("p")
TAGS.add("x")

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
    BoundedCounter: lambda state: state.increment(),
    EnableWinsFlag: lambda state: state.enable(),
    DisableWinsFlag: lambda state: state.enable(),
    MVRegister: lambda state: state.assign("v"),
    MaxRegister: lambda state: state.assign(2**64 if state.value is None else state.value + 1),
    MinRegister: lambda state: state.assign(2**64 if state.value is None else state.value - 1),
    USet: lambda state: state.add(f"e{len(state)}"),
    PNSet: lambda state: state.add(f"e{len(state)}"),
    RWSet: lambda state: state.add(f"e{len(state)}"),
    GMap: lambda state: noted(state, lambda: state.open(f"e{len(state)}", ORSet).add("x")),
    LWWMap: lambda state: state.put("k", "v"),
    ORCart: lambda state: state.add(f"e{len(state)}"),
    ORMap: lambda state: state.put(f"e{len(state)}", TAGS),
}
"""Every built-in type with one way to change it."""

WITHOUT_IDENTITY = (
    GSet,
    TwoPSet,
    USet,
    MaxRegister,
    MinRegister,
    TwoPTwoPGraph,
    MonotonicDAG,
    AddRemovePartialOrder,
)
"""Types whose writes are the same whoever makes them."""

WITH_IDENTITY = [kind for kind in BUILT_IN if kind not in WITHOUT_IDENTITY]
"""Types whose writes need to know who made them."""
