"""What others fell into."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from crdt import GCounter, LWWRegister, LWWSet, ORSet, PNCounter, PNSet, RWSet, TwoPSet, USet


def joined(kind: type[Any], *parts: Any) -> Any:
    whole = kind()
    for part in parts:
        whole.join(part)
    return whole


@pytest.mark.parametrize("kind", [ORSet, LWWSet, RWSet, PNSet])
def test_an_element_can_be_added_again_after_a_remove(kind: type[Any]) -> None:
    here, there = kind("here"), kind("there")
    for _ in range(3):
        there.join(here.add("x"))
        assert "x" in there
        here.join(there.remove("x"))
        assert "x" not in here


@pytest.mark.parametrize("kind", [ORSet, LWWSet, TwoPSet, USet, RWSet, PNSet])
def test_a_remove_that_overtakes_its_add_still_removes(kind: type[Any]) -> None:
    writer = kind("writer")
    added, removed = writer.add("x"), writer.remove("x")
    for order in permutations([added, removed, added]):
        assert joined(kind, *order) == set()


@pytest.mark.parametrize("kind", [ORSet, LWWSet, TwoPSet, USet, RWSet, PNSet])
def test_an_element_on_both_sides_vanishes_if_one_side_removed_it(kind: type[Any]) -> None:
    here = kind("here")
    here.update(["x", "y"])
    there = kind.from_payload(here.payload, replica="there")
    there.remove("x")
    assert kind.merge(here, there) == kind.merge(there, here) == {"y"}


def test_a_state_that_has_seen_more_does_not_swallow_what_is_new_on_the_other_side() -> None:
    # Taking the side whose clock dominates would lose b's element, or revive a's.
    a, b = ORSet("a"), ORSet("b")
    a.update(["a1", "a2"])
    b.join(a)
    b.add("b1")
    a.remove("a1")
    a.update(["a3", "a4"])
    assert ORSet.merge(a, b) == ORSet.merge(b, a) == {"a2", "a3", "a4", "b1"}


@pytest.mark.parametrize("kind", [ORSet, TwoPSet, USet])
def test_two_replicas_that_remove_the_same_element_are_in_equal_states(kind: type[Any]) -> None:
    here = kind("here")
    here.add("x")
    there = kind.from_payload(here.payload, replica="there")
    here.remove("x")
    there.remove("x")
    assert here.canonical() == there.canonical()


def test_coming_and_going_for_ever_keeps_the_size_constant() -> None:
    tags = ORSet("me")
    sizes = set()
    for _ in range(300):
        tags.add("x")
        tags.remove("x")
        sizes.add(len(tags.canonical()) - len(str(tags.payload["me"][2][1])))
    assert len(sizes) == 1
    assert tags.stats()["tombstones"] == 0


@pytest.mark.parametrize("kind", [ORSet, LWWSet, TwoPSet, USet, RWSet, PNSet])
def test_removing_one_of_a_batch_leaves_the_others(kind: type[Any]) -> None:
    here, there = kind("here"), kind("there")
    there.join(here.update(["x", "y"]))
    there.join(here.remove("x"))
    assert here == there == {"y"}


def test_deltas_out_of_order_with_one_missing() -> None:
    writer = ORSet("writer")
    one, two, three = (writer.add(name) for name in ("one", "two", "three"))
    reader = joined(ORSet, three, one)
    assert reader == {"one", "three"}
    reader.join(two)
    assert reader.canonical() == writer.canonical()
    counter = PNCounter("writer")
    deltas = [counter.increment() for _ in range(3)]
    assert joined(PNCounter, deltas[2], deltas[0]).value == 3


def test_a_delta_joined_twice_counts_once() -> None:
    counter, other = GCounter("a"), GCounter("b")
    delta = counter.increment(5)
    other.join(delta)
    other.join(delta)
    assert other.value == 5


def test_huge_counts() -> None:
    here, there = PNCounter("here"), PNCounter("there")
    here.increment(2**70)
    there.decrement(2**70 - 1)
    assert PNCounter.merge(here, there).value == 1
    assert PNCounter.from_payload(here.payload).payload == here.payload


@pytest.mark.parametrize("kind", [GCounter, PNCounter])
def test_a_replica_that_lost_its_state_rejoins_without_losing_counts(kind: type[Any]) -> None:
    other = kind("other")
    before = kind()
    other.join(before.increment(5))
    restarted = kind()
    restarted.increment(2)
    other.join(restarted)
    restarted.join(other)
    assert other.value == restarted.value == 7
    named = kind("same")
    other.join(named.increment(3))
    again = kind("same")
    again.join(other)
    other.join(again.increment(4))
    assert other.value == 14


def test_a_compare_that_looks_at_one_sides_keys_only() -> None:
    here, there = PNCounter("a"), PNCounter("b")
    here.increment()
    assert not here.compare(there)
    assert there.compare(here)
    there.decrement()
    assert not here.compare(there)
    assert not there.compare(here)


def test_a_compare_of_two_phase_sets_needs_both_halves() -> None:
    small, large = TwoPSet(), TwoPSet()
    small.update(["x"])
    small.remove("x")
    large.update(["x", "y"])
    assert not small.compare(large)
    assert not large.compare(small)
    assert small.compare(TwoPSet.merge(small, large))


def test_equal_stamps_of_one_replica_still_give_one_winner() -> None:
    writes = [LWWRegister("a", clock=lambda: 1).assign(value) for value in ("x", 1, 1.0, True)]
    ends = {joined(LWWRegister, *order).canonical() for order in permutations(writes)}
    assert len(ends) == 1


@pytest.mark.parametrize("kind", [ORSet, LWWSet, TwoPSet, USet, RWSet, PNSet])
def test_keys_that_json_would_merge_stay_apart(kind: type[Any]) -> None:
    state = kind("a")
    state.update([1, "1", True, "true", None, "null", 1.0])
    state.remove("1")
    state.remove(True)
    back = kind.from_payload(state.payload)
    assert [element in back for element in (1, "1", True, "true", None, "null", 1.0)] == [
        True,
        False,
        False,
        True,
        True,
        True,
        True,
    ]
