"""What others fell into, with maps, carts and compounds."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from crdt import (
    BoundedCounter,
    Compound,
    GCounter,
    GMap,
    LWWMap,
    ORCart,
    ORMap,
    ORSet,
    PNCounter,
    Sequence,
    Text,
    Tree,
)
from tests.crdt.kinds import BUILT_IN, Change

CHILDREN = [kind for kind in BUILT_IN if kind is not BoundedCounter]
every_child = pytest.mark.parametrize("kind", CHILDREN)


class Pair(Compound):
    left: GCounter
    right: ORMap[str]


def shown(state: Any, change: Any) -> list[Any]:
    """Return the deltas that a change gives."""
    deltas: list[Any] = []
    end = state.observe(deltas.append)
    change()
    end()
    return deltas


def joined(kind: type[Any], *parts: Any) -> Any:
    whole = kind()
    for part in parts:
        whole.join(part)
    return whole


@every_child
def test_a_key_can_be_used_again_after_a_removal(kind: type[Any], change: Change) -> None:
    here, there = ORMap[str]("here"), ORMap[str]("there")
    for _ in range(3):
        change(here.open("x", kind))
        there.join(here)
        assert there["x"].value == here["x"].value != kind().value
        there.remove("x")
        here.join(there)
        assert "x" not in here


@every_child
def test_a_removal_that_overtakes_what_it_removes_still_removes(
    kind: type[Any], change: Change
) -> None:
    writer = ORMap[str]("writer")
    (made,) = shown(writer, lambda: change(writer.open("x", kind)))
    removed = writer.remove("x")
    for order in permutations([made, removed, made]):
        whole = joined(ORMap, *order)
        assert "x" not in whole
        assert whole.canonical() == writer.canonical()


@every_child
def test_two_replicas_that_remove_the_same_key_are_in_equal_states(
    kind: type[Any], change: Change
) -> None:
    here = ORMap[str]("here")
    change(here.open("x", kind))
    there = here.clone("there")
    here.remove("x")
    there.remove("x")
    assert here.canonical() == there.canonical()


@every_child
def test_a_key_on_both_sides_vanishes_if_one_side_removed_it(
    kind: type[Any], change: Change
) -> None:
    here = ORMap[str]("here")
    change(here.open("x", kind))
    change(here.open("y", kind))
    there = here.clone("there")
    there.remove("x")
    for both in (ORMap.merge(here, there), ORMap.merge(there, here)):
        assert list(both) == ["y"]


@every_child
def test_deltas_out_of_order_with_one_missing(kind: type[Any], change: Change) -> None:
    writer = ORMap[str]("writer")
    deltas = [shown(writer, lambda: change(writer.open("x", kind)))[0] for _ in range(3)]
    reader = joined(ORMap, deltas[2], deltas[0])
    other = joined(ORMap, deltas[0], deltas[2])
    assert reader.canonical() == other.canonical()
    reader.join(deltas[1])
    assert reader.canonical() == writer.canonical()


def test_a_map_that_has_seen_more_does_not_swallow_what_is_new_on_the_other_side() -> None:
    a, b = ORMap[str]("a"), ORMap[str]("b")
    for key in ("a1", "a2"):
        a.open(key, GCounter).increment()
    b.join(a)
    b.open("b1", Text).append("x")
    a.remove("a1")
    a.open("a3", ORSet).add("y")
    for both in (ORMap.merge(a, b), ORMap.merge(b, a)):
        assert sorted(both) == ["a2", "a3", "b1"]


def test_removing_one_of_a_batch_leaves_the_others() -> None:
    tags: ORSet[str] = ORSet("p")
    tags.add("t")
    here, there = ORMap[str]("here"), ORMap[str]("there")
    there.join(here.update({"x": tags, "y": tags}))
    there.join(here.remove("x"))
    assert here.value == there.value == {"y": {"t"}}
    cart: ORCart[str] = ORCart("here")
    cart.add("x", 1)
    cart.add("y", 1)
    cart.remove("x")
    assert cart.value == {"y": 1}
    one: LWWMap[str, int] = LWWMap("here")
    other: LWWMap[str, int] = LWWMap("there")
    other.join(one.update({"x": 1, "y": 2}))
    other.join(one.remove("x"))
    assert one.value == other.value == {"y": 2}


@pytest.mark.parametrize("kind", [ORSet, PNCounter, Tree])
def test_coming_and_going_for_ever_keeps_the_size_constant(kind: type[Any], change: Change) -> None:
    here = ORMap[str]("here")
    for _ in range(300):
        change(here.open("x", kind))
        here.remove("x")
    assert len(here.canonical()) < 40
    assert here.stats()["tombstones"] == 0


def test_replacing_a_text_gives_only_the_new_one() -> None:
    here, there = ORMap[str]("here"), ORMap[str]("there")
    old, new = Text("p"), Text("q")
    old.extend("old")
    new.extend("new")
    here["t"] = old
    there.join(here)
    there["t"] = new
    here.join(there)
    assert here.value == {"t": "new"}


def test_two_types_at_once_under_one_key_poison_nothing() -> None:
    here, there = ORMap[str]("here"), ORMap[str]("there")
    here.open("x", Text).extend("text")
    there.open("x", Sequence).extend(["list"])
    there.open("x", GMap).open("k", Tree).move("n", None)
    here.join(there)
    there.join(here)
    assert here.canonical() == there.canonical()
    assert [kind.__name__ for kind in here.types("x")] == ["GMap", "Sequence", "Text"]
    here.open("x", GMap).open("k", Tree).move("m", "n")
    here.remove("x")
    there.join(here)
    assert there.types("x") == []


def test_huge_counts() -> None:
    here, there = ORMap[str]("here"), ORMap[str]("there")
    here.open("n", PNCounter).increment(2**70)
    there.open("n", PNCounter).decrement(2**70 - 1)
    here.join(there)
    assert here["n"].value == 1
    for n in (2**70, 2**71):
        here.open("n", PNCounter).increment(n)
    here.compact(here.clone())
    back = ORMap.from_payload(here.payload)
    assert back.canonical() == here.canonical()
    assert back["n"].value == 1 + 2**70 + 2**71


def test_a_replica_that_lost_its_state_rejoins_without_losing_anything() -> None:
    other, before = ORMap[str]("other"), ORMap[str]("same")
    before.open("n", PNCounter).increment(5)
    before.open("t", Text).extend("ab")
    other.join(before)
    again = ORMap[str]("same")
    again.join(other)
    again.open("n", PNCounter).increment(4)
    again.open("t", Text).append("c")
    other.join(again)
    assert other.value == {"n": 9, "t": "abc"}
    third = ORMap[str]()
    third.open("n", PNCounter).increment(1)
    third.join(other)
    assert third["n"].value == 10


def test_a_compound_joins_what_is_new_on_both_sides_of_every_field() -> None:
    here, there = Pair("here"), Pair("there")
    here.left.increment(2)
    there.left.increment(3)
    here.right.open("t", Text).append("x")
    there.join(here)
    here.right.remove("t")
    there.right.open("t", Text).append("y")
    for one, other in ((here, there), (there, here)):
        one.join(other)
    assert here.canonical() == there.canonical()
    assert here.value == {"left": 5, "right": {"t": "y"}}
