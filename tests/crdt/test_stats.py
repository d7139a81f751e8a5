"""What a state consists of, in numbers."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from crdt import (
    AddRemovePartialOrder,
    BoundedCounter,
    DisableWinsFlag,
    EnableWinsFlag,
    GCounter,
    GMap,
    GSet,
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
    Tree,
    TwoPSet,
    TwoPTwoPGraph,
    USet,
)
from tests.crdt.kinds import BUILT_IN, Change


def counted(state: Any) -> tuple[int, int, int]:
    stats = state.stats()
    assert stats.pop("payload_bytes") == len(state.canonical())
    return tuple(stats[name] for name in ("replicas", "elements", "tombstones"))


@pytest.mark.parametrize("kind", BUILT_IN)
def test_a_fresh_object_has_nothing(kind: type[Any]) -> None:
    assert counted(kind("me")) == (0, 0, 0)
    assert kind("me").initial


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (GCounter, (1, 1, 0)),
        (PNCounter, (1, 1, 0)),
        (GSet, (0, 1, 0)),
        (TwoPSet, (0, 1, 0)),
        (LWWSet, (1, 1, 0)),
        (ORSet, (1, 1, 0)),
        (LWWRegister, (1, 1, 0)),
        (Tree, (1, 1, 0)),
        (TwoPTwoPGraph, (0, 1, 0)),
        (MonotonicDAG, (0, 1, 0)),
        (AddRemovePartialOrder, (0, 1, 0)),
        (BoundedCounter, (1, 1, 0)),
        (EnableWinsFlag, (1, 1, 0)),
        (DisableWinsFlag, (1, 1, 0)),
        (MVRegister, (1, 1, 0)),
        (MaxRegister, (0, 1, 0)),
        (MinRegister, (0, 1, 0)),
        (USet, (0, 1, 0)),
        (PNSet, (1, 1, 0)),
        (RWSet, (1, 1, 0)),
        (GMap, (1, 1, 0)),
        (LWWMap, (1, 1, 0)),
        (ORCart, (1, 1, 0)),
        (ORMap, (1, 1, 0)),
    ],
)
def test_one_change_leaves_one_element(
    kind: type[Any], expected: tuple[int, int, int], change: Change
) -> None:
    state = kind("me")
    change(state)
    assert counted(state) == expected
    assert not state.initial


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (TwoPSet, (0, 1, 1)),
        (USet, (0, 1, 1)),
        (PNSet, (1, 1, 1)),
        (LWWSet, (1, 1, 1)),
        (RWSet, (1, 1, 1)),
        (ORSet, (1, 1, 0)),
    ],
)
def test_removals_count_as_tombstones_where_they_are_kept(
    kind: type[Any], expected: tuple[int, int, int]
) -> None:
    state = kind("me")
    state.update(["x", "y"])
    state.remove("x")
    assert counted(state) == expected


def test_a_state_from_which_all_was_removed_is_not_the_initial_one() -> None:
    tags = ORSet("me")
    tags.add("x")
    tags.remove("x")
    assert tags == set()
    assert not tags.initial


@pytest.mark.parametrize("kind", BUILT_IN)
def test_classes_can_be_looked_into(kind: type[Any]) -> None:
    assert "merge" in dict(inspect.getmembers(kind))
