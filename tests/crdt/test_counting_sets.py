"""USet, PNSet and RWSet: sets that remember how an element came and went."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from crdt import PayloadError, PNSet, RWSet, TwoPSet, USet

# --- elements that are added once ----------------------------------------------------------------


def test_an_element_is_added_once_and_again_is_an_error() -> None:
    orders = USet()
    orders.add("x")
    before = orders.payload
    for again in (
        lambda: orders.add("x"),
        lambda: orders.update(["y", "x"]),
        lambda: orders.__ior__(["y", "x"]),
    ):
        with pytest.raises(ValueError, match="'x' was added before"):
            again()
    assert orders.payload == before == {"added": ["x"]}


def test_an_element_that_was_removed_is_not_added_again_either() -> None:
    orders, other = USet(), USet()
    orders.add("x")
    orders.remove("x")
    other.join(orders)
    for known in (orders, other, USet.from_payload(orders.payload)):
        with pytest.raises(ValueError, match="added once"):
            known.add("x")


def test_one_element_named_twice_in_one_call_is_added_once() -> None:
    assert USet().update(["x", "y"], "x").payload == {"added": ["x", "y"]}


def test_adds_of_one_element_that_have_not_seen_each_other_are_one() -> None:
    here, there = USet(), USet()
    one, other = here.add("x"), there.add("x")
    assert one.canonical() == other.canonical()
    assert not here.join(other)
    there.remove("x")
    here.join(there)
    assert here == set()


def test_sets_of_unique_elements_join_with_nothing_else() -> None:
    with pytest.raises(TypeError, match="joins only with its own type"):
        USet().join(TwoPSet())
    with pytest.raises(TypeError, match="joins only with its own type"):
        TwoPSet().join(USet())


# --- a counter for each element ------------------------------------------------------------------


def test_an_element_added_twice_is_removed_twice() -> None:
    here, there = PNSet("here"), PNSet("there")
    one, other = here.add("x"), there.add("x")
    here.join(other)
    there.join(one)
    assert here.count("x") == there.count("x") == 2
    there.join(here.remove("x"))
    assert "x" in here
    assert "x" in there
    here.join(there.discard("x"))
    assert "x" not in here
    assert here.canonical() == there.canonical()


def test_removals_of_the_last_one_at_once_leave_a_count_below_zero() -> None:
    here, there = PNSet("here"), PNSet("there")
    there.join(here.add("x"))
    one, other = here.remove("x"), there.remove("x")
    here.join(other)
    there.join(one)
    assert here.count("x") == there.count("x") == -1
    here.add("x")
    assert "x" not in here  # the count stands at zero
    here.add("x")
    assert "x" in here


def test_clearing_popping_and_operators_take_the_whole_count() -> None:
    for emptied in (
        lambda s: s.clear(),
        lambda s: s.pop(),
        lambda s: s.__isub__({"x"}),
        lambda s: s.__iand__({"y"}),
        lambda s: s.__ixor__({"x"}),
    ):
        state = PNSet("me")
        for _ in range(3):
            state.add("x")
        emptied(state)
        assert state == set()
        assert state.count("x") == 0
        assert state.payload == [["x", {"me": [3, 3]}]]


def test_a_delta_carries_the_tally_of_one_side_that_results() -> None:
    state = PNSet("me")
    state.add("x")
    assert state.add("x").payload == [["x", {"me": [2, 0]}]]
    assert state.remove("x").payload == [["x", {"me": [0, 1]}]]
    assert state.update(["y", "x"]).payload == [["x", {"me": [3, 0]}], ["y", {"me": [1, 0]}]]


def test_what_never_was_or_cannot_be_an_element_counts_as_zero() -> None:
    assert PNSet().count("x") == PNSet().count(["x"]) == 0
    with pytest.raises(KeyError):
        PNSet().remove(["x"])


def test_tallies_of_several_replicas_join_by_the_larger_of_each_side() -> None:
    states = [
        [["x", {"a": [3, 0]}]],
        [["x", {"a": [1, 2]}]],
        [["x", {"a": [0, 1], "b": [2, 0]}]],
    ]
    for order in permutations(states):
        whole = PNSet()
        for payload in order:
            assert whole.join(PNSet.from_payload(payload)) or payload is not order[0]
        assert whole.payload == [["x", {"a": [3, 2], "b": [2, 0]}]]
    half, other = (PNSet.from_payload(payload) for payload in states[:2])
    assert not half.compare(other)
    assert not other.compare(half)
    assert half.compare(PNSet.merge(half, other))


def test_a_set_that_counts_gives_its_id_up_to_whoever_shows_more_of_it() -> None:
    state = PNSet("me")
    state.add("x")
    state.join(PNSet.from_payload([["x", {"me": [1, 0]}], ["y", {"you": [1, 0]}]]))
    assert state.replica == "me"
    state.join(PNSet.from_payload([["y", {"me": [0, 1]}]]))
    assert state.replica is None


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        ["x"],
        [["x"]],
        [["x", {}]],
        [["x", []]],
        [["x", {"a": [0, 0]}]],
        [["x", {"a": [1]}]],
        [["x", {"a": [1, -1]}]],
        [["x", {"a": [True, 0]}]],
        [["x", {"": [1, 0]}]],
        [["y", {"a": [1, 0]}], ["x", {"a": [1, 0]}]],
        [["x", {"a": [1, 0]}], ["x", {"b": [1, 0]}]],
        [[1.0, {"a": [1, 0]}]],
    ],
)
def test_a_wrong_payload_of_a_counting_set_is_refused(payload: Any) -> None:
    with pytest.raises(PayloadError):
        PNSet.from_payload(payload)


# --- removing wins -------------------------------------------------------------------------------


def test_a_removal_beats_an_add_that_has_not_seen_it_in_any_order() -> None:
    here, there = RWSet("here"), RWSet("there")
    there.join(here.add("x"))
    again, removed = here.add("x"), there.remove("x")
    for order in permutations([again, removed]):
        state = RWSet.merge(here, there)
        for delta in order:
            state.join(delta)
        assert state == set()
    here.join(removed)
    assert here == set()


def test_an_add_that_has_seen_the_removal_brings_the_element_back() -> None:
    here, there = RWSet("here"), RWSet("there")
    here.discard("x")
    there.join(here)
    here.join(there.add("x"))
    assert here == there == {"x"}
    assert here.stats()["tombstones"] == 0


def test_an_add_undoes_the_removals_that_it_saw_and_no_other() -> None:
    a, b, c = RWSet("a"), RWSet("b"), RWSet("c")
    one, other = a.discard("x"), b.discard("x")
    c.join(one)
    back = c.add("x")
    assert c == {"x"}
    c.join(other)
    assert c == set()
    a.join(back)
    assert a == {"x"}


def test_discarding_what_is_not_there_beats_an_add_that_is_under_way() -> None:
    here, there = RWSet("here"), RWSet("there")
    added = there.add("x")
    assert here.discard("x").payload == {"here": [[["-", "x"]], [0, 1], [0, 1]]}
    here.join(added)
    assert here == set()


def test_removals_of_two_replicas_stay_two() -> None:
    here, there = RWSet("here"), RWSet("there")
    here.join(there.add("x"))
    one, other = here.remove("x"), there.remove("x")
    here.join(other)
    there.join(one)
    assert here.canonical() == there.canonical()
    assert here.stats()["tombstones"] == 1
    here.add("x")
    assert here == {"x"}


def test_coming_and_going_keeps_one_dot_of_an_element() -> None:
    state = RWSet("me")
    for _ in range(300):
        state.add("x")
        state.remove("x")
    assert state.payload == {"me": [[["-", "x"]], [599, 1], [0, 600]]}


def test_what_is_visible_is_known_again_after_every_join_once_it_was_asked_for() -> None:
    for kind in (RWSet, PNSet):
        state, other = kind("me"), kind("other")
        state.update(["x", "y"])
        assert len(state) == 2
        other.join(state)
        other.update(["z"])
        other.remove("x")
        state.join(other)
        assert sorted(state) == ["y", "z"]
        assert ("x" in state, "z" in state) == (False, True)
        state.payload = kind("third").update(["w"]).payload
        assert sorted(state) == ["w"]


def test_elements_that_look_like_removals_are_elements() -> None:
    state = RWSet("me")
    state.update([("-", "x"), "-", "x"])
    state.remove("x")
    back = RWSet.from_payload(state.payload)
    assert back == state == {("-", "x"), "-"}


@pytest.mark.parametrize(
    "writes",
    [
        [["-", ["-", "x"]]],
        [["-"]],
        [["-", "x", "y"]],
        [["-", 1.5]],
        [["+", "x"]],
        [["-", ["l", []]]],
        [1.5],
        ["x", "y"],
    ],
)
def test_a_wrong_payload_of_a_remove_wins_set_is_refused(writes: Any) -> None:
    with pytest.raises(PayloadError):
        RWSet.from_payload({"a": [writes, [0, 1], [0, 1]]})
