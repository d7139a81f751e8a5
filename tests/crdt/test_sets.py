"""Set types behave as Python's sets do, and remove as their kind says."""

from __future__ import annotations

from collections.abc import Hashable, MutableSet, Set
from typing import Any

import pytest

from crdt import GSet, LWWSet, ORSet, PayloadError, PNSet, RWSet, TwoPSet, USet

SETS = (GSet, TwoPSet, USet, PNSet, LWWSet, RWSet, ORSet)
MUTABLE = (TwoPSet, USet, PNSet, LWWSet, RWSet, ORSet)
every_set = pytest.mark.parametrize("kind", SETS)
every_mutable_set = pytest.mark.parametrize("kind", MUTABLE)


def made(kind: type[Any], *elements: Any) -> Any:
    state = kind()
    for element in elements:
        state.add(element)
    return state


def over_replicas(count: int) -> Any:
    """An ORSet whose elements e0, e1... were each added by a replica of its own."""
    whole = ORSet("whole")
    for number in range(count):
        whole.join(ORSet(f"r{number}").add(f"e{number}"))
    return whole


# --- reading -------------------------------------------------------------------------------------


@every_set
def test_a_set_type_is_a_set(kind: type[Any]) -> None:
    state = made(kind, "a", "b")
    assert isinstance(state, Set)
    assert isinstance(state, MutableSet) == (kind is not GSet)
    assert not isinstance(state, Hashable)
    assert len(state) == 2
    assert sorted(state) == ["a", "b"]
    assert "a" in state
    assert "c" not in state
    assert state
    assert not kind()


@every_set
def test_the_value_is_a_fresh_plain_set(kind: type[Any]) -> None:
    state = made(kind, "a", "b")
    value = state.value
    assert type(value) is set
    value.clear()
    assert state.value == {"a", "b"}


@every_set
def test_the_value_keeps_the_first_of_what_python_merges(kind: type[Any]) -> None:
    state = made(kind, True, 1.0, 1, (True,), (1,))
    assert len(state) == 5
    assert {repr(element) for element in state.value} == {"1", "(1,)"}


@every_set
def test_comparisons_look_at_elements_by_type_and_value(kind: type[Any]) -> None:
    state = made(kind, "a", 1)
    assert state == {"a", 1}
    assert {"a", 1} == state
    assert state == made(ORSet, 1, "a")
    assert state != {"a", True}
    assert state != {"a", 1, 2}
    assert state != ["a", 1]
    assert state <= {"a", 1, 2}
    assert state < {"a", 1, 2}
    assert not state < {"a", 1}
    assert not state <= {"a", True, 2}
    assert state >= {"a"}
    assert state > {1}
    assert not state > {True}
    assert not state >= {"a", "b"}
    assert {"a"} < state
    assert state.isdisjoint(["b", True, [1]])
    assert not state.isdisjoint(["a"])


@every_set
def test_comparing_with_something_else_is_a_type_error(kind: type[Any]) -> None:
    state = made(kind, "a")
    for compare in (
        lambda: state < ["a"],
        lambda: state <= ["a"],
        lambda: state > ["a"],
        lambda: state >= ["a"],
        lambda: state | 5,
        lambda: state & 5,
        lambda: state - 5,
        lambda: state ^ 5,
        lambda: 5 - state,
    ):
        with pytest.raises(TypeError):
            compare()


@every_set
def test_operators_give_plain_sets(kind: type[Any]) -> None:
    state = made(kind, "a", "b")
    results = {
        "or": (state | {"c"}, {"a", "b", "c"}),
        "ror": ({"c"} | state, {"a", "b", "c"}),
        "and": (state & {"a", "c"}, {"a"}),
        "rand": ({"a", "c"} & state, {"a"}),
        "sub": (state - {"a"}, {"b"}),
        "rsub": ({"a", "c"} - state, {"c"}),
        "xor": (state ^ {"a", "c"}, {"b", "c"}),
        "rxor": ({"a", "c"} ^ state, {"b", "c"}),
        "same kind": (state | made(kind, "c"), {"a", "b", "c"}),
    }
    for name, (found, expected) in results.items():
        assert type(found) is set, name
        assert found == expected, name
    assert state == {"a", "b"}


@every_set
def test_a_set_may_be_changed_while_it_is_looped_over(kind: type[Any]) -> None:
    state = made(kind, "a", "b")
    for element in state:
        state.add(element + "x")
    assert state == {"a", "b", "ax", "bx"}


@every_set
def test_a_set_shows_itself(kind: type[Any]) -> None:
    assert repr(made(kind, "a")) == f"{kind.__name__}({{'a'}})"


@every_set
def test_a_class_with_its_element_type_is_the_class(kind: type[Any]) -> None:
    state = kind[str]()
    state.add("a")
    assert kind[str].from_payload(state.payload) == {"a"}
    assert kind[str].merge(state, kind()) == {"a"}


# --- changing ------------------------------------------------------------------------------------


@every_set
def test_update_takes_any_number_of_iterables(kind: type[Any]) -> None:
    state = kind()
    delta = state.update("ab", ["c"], {"d"})
    assert state == delta == set("abcd")
    state |= ["e"]
    assert state == set("abcde")


@every_set
def test_in_place_operators_refuse_what_is_no_iterable(kind: type[Any]) -> None:
    state = made(kind, "a")
    with pytest.raises(TypeError):
        state |= 5
    if kind is not GSet:
        for name in ("__iand__", "__isub__", "__ixor__"):
            assert getattr(state, name)(5) is NotImplemented
    assert state == {"a"}


@every_mutable_set
def test_operators_in_place_change_the_set(kind: type[Any]) -> None:
    state = same = made(kind, "a", "b", "c")
    state -= {"a", "z"}
    assert state == {"b", "c"}
    state &= {"c", "d"}
    assert state == {"c"}
    state ^= {"c", "d"}
    assert state == {"d"}
    assert state is same


@every_mutable_set
def test_operators_in_place_with_itself(kind: type[Any]) -> None:
    state = made(kind, "a", "b")
    if kind is not USet:  # where adding again is an error
        state |= state
    state &= state
    assert state == {"a", "b"}
    state ^= state
    assert state == set()
    state = made(kind, "a", "b")
    state -= state
    assert state == set()


@every_mutable_set
def test_removing_what_is_not_visible_raises_a_key_error(kind: type[Any]) -> None:
    state = made(kind, "a")
    with pytest.raises(KeyError, match="b"):
        state.remove("b")
    state.remove("a")
    with pytest.raises(KeyError):
        state.remove("a")


@every_mutable_set
def test_pop_removes_some_element(kind: type[Any]) -> None:
    state = made(kind, "a", 1)
    assert {state.pop(), state.pop()} == {"a", 1}
    assert len(state) == 0
    with pytest.raises(KeyError):
        state.pop()


@every_mutable_set
def test_clear_removes_what_this_replica_sees_and_no_more(kind: type[Any]) -> None:
    here, there = made(kind, "a"), made(kind, "b")
    there.join(here)
    assert here.clear().payload
    assert here == set()
    there.join(here)
    assert there == {"b"}


def test_equal_calls_make_equal_states_whatever_the_hash_seed() -> None:
    tags = ORSet("me")
    tags.update({"b", "c", "a"})
    assert tags.payload == {"me": [["a", "b", "c"], [0, 3], [0, 3]]}
    tags -= {"a", "b"}
    assert tags.payload == {"me": [["c"], [2, 1], [0, 3]]}


# --- the two-phase set ---------------------------------------------------------------------------


def test_a_two_phase_set_never_takes_back_what_was_removed() -> None:
    state = made(TwoPSet, "a")
    state.remove("a")
    before = state.payload
    for again in (lambda: state.add("a"), lambda: state.update(["b", "a"])):
        with pytest.raises(ValueError, match="'a' was removed"):
            again()
    assert state.payload == before == {"removed": ["a"]}


def test_a_removal_that_overtakes_its_add_still_counts() -> None:
    state = TwoPSet()
    added, removed = state.add("a"), state.remove("a")
    other = TwoPSet()
    assert other.join(removed)
    assert not other.join(added)
    assert other.canonical() == state.canonical()


@pytest.mark.parametrize(
    "payload",
    [
        [],
        {"added": []},
        {"removed": []},
        {"added": ["a"], "removed": ["a"]},
        {"added": ["b", "a"]},
        {"added": ["a", "a"]},
        {"added": "a"},
        {"other": ["a"]},
        {1: ["a"]},
    ],
)
def test_a_wrong_payload_of_a_two_phase_set_is_refused(payload: Any) -> None:
    with pytest.raises(PayloadError):
        TwoPSet.from_payload(payload)


@pytest.mark.parametrize("payload", [{}, None, ["b", "a"], ["a", "a"], [1, "1"], "ab"])
def test_a_wrong_payload_of_a_grow_only_set_is_refused(payload: Any) -> None:
    with pytest.raises(PayloadError):
        GSet.from_payload(payload)


def test_order_in_payloads_is_that_of_the_canonical_encoding() -> None:
    # Compact JSON in ASCII: the quotes count, and so does the backslash before what is no ASCII.
    state = made(GSet, "a", "a!", 'a"', "é", 10, 9, None, True, 1.5, b"x")
    assert state.payload == [
        "é",
        "a!",
        "a",
        'a"',
        10,
        9,
        ["b", "eA=="],
        ["f", "1.5"],
        None,
        True,
    ]


# --- the last-writer-wins set --------------------------------------------------------------------


def at(now: int) -> Any:
    return lambda: now


def test_discard_records_even_what_is_not_there_and_beats_earlier_adds() -> None:
    early, late = LWWSet("a", clock=at(1)), LWWSet("b", clock=at(2))
    added = early.add("x")
    late.discard("x")
    late.join(added)
    assert late == set()
    assert late.payload == {"removed": [["x", [2, 0], "b"]]}


@pytest.mark.parametrize(("bias", "present"), [("add", True), ("remove", False)])
@pytest.mark.parametrize("adder", ["a", "z"])
def test_on_equal_stamps_the_bias_decides_before_the_replica(
    bias: Any, present: bool, adder: str
) -> None:
    adding = LWWSet(adder, bias=bias, clock=at(5))
    removing = LWWSet("m", bias=bias, clock=at(5))
    adding.add("x")
    removing.discard("x")
    for one, other in ((adding, removing), (removing, adding)):
        assert ("x" in LWWSet.merge(one, other)) == present


def test_a_local_write_beats_all_that_its_writer_has_seen_of_any_element() -> None:
    ahead, behind = LWWSet("z", clock=at(1000)), LWWSet("a", clock=at(1))
    ahead.add("x")
    behind.join(ahead)
    behind.discard("x")
    behind.add("y")
    assert LWWSet.merge(ahead, behind) == {"y"}
    assert behind.payload["added"] == [["y", [1000, 2], "a"]]


def test_a_bias_is_add_or_remove() -> None:
    with pytest.raises(ValueError, match="maybe"):
        LWWSet(bias="maybe")  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(TypeError):
        LWWSet(bias=1)  # type: ignore[arg-type]  # the point of the test


def test_a_bias_other_than_add_stands_in_the_payload() -> None:
    assert LWWSet().payload == {}
    assert LWWSet(bias="remove").payload == {"bias": "remove"}
    assert LWWSet.from_payload({"bias": "remove"}).bias == "remove"
    assert LWWSet(bias="remove").initial
    state = LWWSet()
    state.payload = {"bias": "remove"}
    assert state.bias == "remove"


@pytest.mark.parametrize(
    "payload",
    [
        [],
        {"bias": "add"},
        {"bias": 1},
        {"added": []},
        {"added": {}},
        {"added": [["x", [1, 0]]]},
        {"added": [["x", [1, 0], ""]]},
        {"added": [["x", [1, 0], 5]]},
        {"added": [["x", [1], "a"]]},
        {"added": [["x", [True, 0], "a"]]},
        {"added": [["x", [1, True], "a"]]},
        {"added": [["x", [-1, 0], "a"]]},
        {"added": [["x", [1, -1], "a"]]},
        {"added": [["x", [2**43, 0], "a"]]},
        {"added": [["x", [1, 2**32], "a"]]},
        {"added": [["x", [1.0, 0], "a"]]},
        {"added": [["y", [1, 0], "a"], ["x", [1, 0], "a"]]},
        {"added": [["x", [1, 0], "a"], ["x", [1, 0], "a"]]},
        {"added": [["x", [1, 0], "a"]], "removed": [["x", [2, 0], "a"]]},
        {"other": []},
    ],
)
def test_a_wrong_payload_of_a_last_writer_wins_set_is_refused(payload: Any) -> None:
    with pytest.raises(PayloadError):
        LWWSet.from_payload(payload)


# --- the observed-remove set ---------------------------------------------------------------------


def test_each_add_makes_one_fresh_dot_and_replaces_those_seen() -> None:
    tags = ORSet("me")
    for _ in range(3):
        tags.add("x")
    assert tags.payload == {"me": [["x"], [2, 1], [0, 3]]}


def test_a_remove_covers_exactly_the_dots_that_it_sees() -> None:
    tags = ORSet("me")
    tags.update(["x", "y", "z"])
    assert tags.remove("y").payload == {"me": [[], [], [1, 1]]}
    assert tags.clear().payload == {"me": [[], [], [0, 1, 1, 1]]}


def test_reading_is_the_same_over_few_and_many_replicas() -> None:
    for count in (1, 2, 4, 5, 9):
        tags = over_replicas(count)
        names = [f"e{number}" for number in range(count)]
        assert sorted(tags) == names
        assert len(tags) == count
        assert all(name in tags for name in names)
        assert "other" not in tags
        assert 5 not in tags


def test_changes_over_many_replicas_keep_the_index_of_elements_true() -> None:
    tags = over_replicas(9)
    assert len(tags) == 9
    tags.add("new")
    tags.add("newer")
    tags.add("e1")
    tags.remove("e2")
    tags.discard("e3")
    tags.join(ORSet("r0").update(["e0", "f0"]))
    assert sorted(tags) == ["e0", "e1", "e4", "e5", "e6", "e7", "e8", "f0", "new", "newer"]
    many = ORSet("many")
    many.update(range(100))
    tags.join(many)
    assert len(tags) == 110
    tags.join(many.clear())
    assert len(tags) == 10


def test_an_element_with_dots_of_two_replicas_stays_until_both_are_gone() -> None:
    here, there = ORSet("here"), ORSet("there")
    first, second = here.add("x"), there.add("x")
    both = ORSet.merge(here, there)
    assert len(both) == 1
    both.join(here.remove("x"))
    assert both == {"x"}
    both.join(there.remove("x"))
    assert both == set()
    assert not both.join(first)
    assert not both.join(second)


def test_the_short_path_and_the_general_one_make_the_same_states() -> None:
    quick, general = ORSet("me"), ORSet("me")
    for number in range(60):
        name = f"e{number % 7}"
        quick.add(name)
        general.update([name])
        if number % 3 == 0:
            quick.remove(name)
            general -= [name]
    assert quick.payload == general.payload


def test_the_short_path_keeps_the_index_by_counter_true() -> None:
    tags = ORSet("me")
    names = [f"e{number}" for number in range(40)]
    tags.update(names)
    tags.add("first")
    removed = ORSet.from_payload(tags.payload).remove("e5")
    assert tags.join(removed)  # small against the set, so it is looked up by counter
    tags.add("second")
    tags.remove("first")
    removed = ORSet.from_payload(tags.payload).remove("second")
    assert tags.join(removed)
    assert tags == {*names} - {"e5"}
    assert ORSet.from_payload(tags.payload).payload == tags.payload


def test_what_only_grows_refuses_the_operators_that_remove() -> None:
    seen = kept = GSet[int]()
    seen.update([1, 2])
    with pytest.raises(TypeError, match="nothing is ever removed from a GSet"):
        seen -= {1}
    with pytest.raises(TypeError, match="nothing is ever removed"):
        seen &= {1}
    with pytest.raises(TypeError, match="nothing is ever removed"):
        seen ^= {1}
    assert seen is kept
    assert seen == {1, 2}
