"""The causal core: dots, contexts and their join, at the edges."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from crdt import ORSet, PayloadError


def joined(*parts: Any) -> Any:
    whole = ORSet("whole")
    for part in parts:
        whole.join(part)
    return whole


def test_a_later_dot_that_overtakes_what_removed_the_earlier_one() -> None:
    # a: add x (1) ---- b removes it ---- a: add x (2); c sees the adds first, then all orders.
    a, b = ORSet("a"), ORSet("b")
    first = a.add("x")
    b.join(first)
    removed = b.remove("x")
    a.join(removed)
    second = a.add("x")
    c = joined(first, second)
    assert c.payload == {"a": [["x", "x"], [0, 2], [0, 2]]}
    assert c == {"x"}
    assert ORSet.from_payload(c.payload).payload == c.payload
    gone = a.remove("x")
    ends = {joined(*order).canonical() for order in permutations([first, removed, second, gone])}
    assert len(ends) == 1
    assert joined(second, gone, first) == {"x"}
    assert joined(second, gone, first, removed) == set()


def repeated() -> Any:
    """Return a state in which x has two live dots of one replica, and y one."""
    return ORSet.from_payload({"a": [["x", "y", "x"], [0, 3], [0, 3]]})


def test_an_element_with_two_dots_of_one_replica_is_removed_and_replaced_whole() -> None:
    state = repeated()
    assert state.clone().remove("x").payload == {"a": [[], [], [0, 1, 1, 1]]}
    state.replica = "b"
    assert state.add("x").payload == {"a": [[], [], [0, 1, 1, 1]], "b": [["x"], [0, 1], [0, 1]]}
    assert state == {"x", "y"}
    assert ORSet.from_payload(state.payload).payload == state.payload


def test_who_restores_a_repeated_element_removes_and_renews_it_whole() -> None:
    for act in ("remove", "add"):
        state = ORSet.from_payload(repeated().payload, replica="a")
        state.add("z")
        delta = getattr(state, act)("x")
        other = repeated()
        other.join(delta)
        assert ("x" in other) == ("x" in state) == (act == "add")


def test_copies_and_comparisons_know_of_repeated_elements() -> None:
    state = repeated()
    assert state.clone().payload == state.payload
    assert state.compare(state.clone())
    less = ORSet.from_payload({"a": [["x", "y"], [0, 2], [0, 2]]})
    assert less.compare(state)
    assert not state.compare(less)
    gone = ORSet.from_payload({"a": [["y", "x"], [1, 2], [0, 3]]})
    assert state.compare(gone)
    assert not gone.compare(state)
    assert state.join(gone)
    assert not state.join(gone)
    assert state.payload == gone.payload


def test_repeated_elements_join_with_the_unknown_and_the_unseen() -> None:
    fresh = ORSet()
    assert fresh.join(repeated())
    assert fresh.payload == repeated().payload
    assert not fresh.join(repeated())
    ahead = ORSet.from_payload({"a": [["z"], [3, 1], [3, 1]]})
    assert fresh.join(ahead)
    assert fresh.payload == {"a": [["x", "y", "x", "z"], [0, 4], [0, 4]]}


def test_gaps_are_legal_and_never_delete_anything() -> None:
    writer = ORSet("a")
    deltas = [writer.add(name) for name in ("one", "two", "three", "four")]
    state = joined(deltas[3], deltas[1])
    assert state == {"two", "four"}
    assert state.payload == {"a": [["two", "four"], [1, 1, 1, 1], [1, 1, 1, 1]]}
    assert not state.join(deltas[1])
    assert state.join(deltas[0])
    assert state.join(deltas[2])
    assert state.canonical() == writer.canonical()


def test_full_states_with_gaps_remove_what_they_have_seen() -> None:
    writer = ORSet("a")
    deltas = [writer.add(f"e{n}") for n in range(6)]
    left, right = joined(*deltas[::2]), joined(*deltas[:4])
    left.remove("e2")
    assert sorted(ORSet.merge(left, right)) == ["e0", "e1", "e3", "e4"]
    assert ORSet.merge(left, right).canonical() == ORSet.merge(right, left).canonical()


def test_small_removals_from_a_large_set_agree_with_large_ones() -> None:
    writer = ORSet("a")
    writer.update([f"e{n}" for n in range(200)])
    here, there = writer.clone(), writer.clone()
    deltas = [there.remove(f"e{n}") for n in range(0, 200, 2)]
    for delta in deltas:
        assert here.join(delta)
        assert not here.join(delta)
    assert here.canonical() == there.canonical()
    assert here.compare(there)
    assert not writer.clone().join(here) == writer.compare(here) is False


def test_one_dot_under_two_names_ends_equal_on_all_sides() -> None:
    # Somebody used the replica id twice: nothing sensible is left to do but to agree.
    one = ORSet.from_payload({"a": [["x"], [0, 1], [0, 1]]})
    other = ORSet.from_payload({"a": [["y"], [0, 1], [0, 1]]})
    assert ORSet.merge(one, other).canonical() == ORSet.merge(other, one).canonical()
    twice = ORSet.from_payload({"a": [["x", "x"], [0, 2], [0, 2]]})
    other = ORSet.from_payload({"a": [["y", "x"], [0, 2], [0, 2]]})
    assert ORSet.merge(twice, other).canonical() == ORSet.merge(other, twice).canonical()
    assert not twice.compare(other)
    assert not other.compare(twice)


def test_a_context_of_astronomic_size_is_joined_at_once() -> None:
    payload = {"a": [["x"], [5, 1], [0, ["i", hex(2**70)]]]}
    huge = ORSet.from_payload(payload)
    small = ORSet.from_payload({"a": [["x", "y"], [4, 2], [0, 6]]})
    merged = ORSet.merge(huge, small)
    assert merged == set() == ORSet.merge(small, huge)
    assert merged.stats()["replicas"] == 1


def test_who_restores_a_state_goes_on_after_its_last_dot() -> None:
    state = ORSet.from_payload({"a": [["x"], [4, 1], [0, 2, 2, 2]]}, replica="a")
    assert state.add("y").payload == {"a": [["y"], [6, 1], [6, 1]]}
    assert state.add("z").payload == {"a": [["z"], [7, 1], [7, 1]]}


def test_a_delta_shows_what_it_adds_whichever_way_it_was_made() -> None:
    writer = ORSet("a")
    assert "w" in writer.add("w")  # the long way: there was no id yet
    assert "x" in writer.add("x")
    assert "y" in writer.update(["y", "z"])


def test_a_folded_delta_unfolds_whoever_looks_first() -> None:
    writer = ORSet("a")
    writer.add("w")
    for look in (
        lambda delta: delta.payload,
        lambda delta: delta == {"x"},
        lambda delta: delta.compare(writer),
        lambda delta: ORSet("b").join(delta),
        lambda delta: delta.join(ORSet("b").add("y")),
        lambda delta: delta.clone(),
        lambda delta: delta.stats(),
        lambda delta: delta.initial,
    ):
        delta = writer.add("x")
        writer.remove("x")
        look(delta)
        assert "x" in delta


@pytest.mark.parametrize(
    "parts",
    [
        None,
        [],
        [[], []],
        [[], [], [], []],
        {},
        [[], [], []],
        [["x"], [0, 1], []],
        [["x"], [0, 1], [1, 1]],
        [["x"], [0, 2], [0, 2]],
        [["x", "y"], [0, 1], [0, 2]],
        ["x", [0, 1], [0, 1]],
        [[1.5], [0, 1], [0, 1]],
        [[["f", "1.50"]], [0, 1], [0, 1]],
        [["x"], [0, 1, 0, 1], [0, 2]],
        [["x"], [0, True], [0, 1]],
        [["x"], [0, -1], [0, 1]],
        [["x"], [0, 1], [0, 2**53]],
        [["x"], [0, ["i", hex(2**60)]], [0, ["i", hex(2**60)]]],
        [["\ud800"], [0, 1], [0, 1]],
    ],
)
def test_a_wrong_payload_of_dots_is_refused(parts: Any) -> None:
    with pytest.raises(PayloadError):
        ORSet.from_payload({"a": parts})


@pytest.mark.parametrize("payload", [None, [], {"": [[], [], [0, 1]]}, {1: [[], [], [0, 1]]}])
def test_a_wrong_payload_of_a_causal_type_is_refused(payload: Any) -> None:
    with pytest.raises(PayloadError):
        ORSet.from_payload(payload)
