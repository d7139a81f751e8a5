"""The multi-value register: siblings, until somebody decides."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from crdt import MVRegister, PayloadError


def test_a_register_is_empty_until_somebody_writes() -> None:
    title = MVRegister("a")
    assert (title.value, title.assigned, title.payload) == ([], False, {})
    title.assign(None)
    assert (title.value, title.assigned) == ([None], True)


def test_a_write_replaces_all_siblings_that_its_writer_sees_and_no_other() -> None:
    a, b, c = MVRegister("a"), MVRegister("b"), MVRegister("c")
    one, two, three = a.assign("one"), b.assign("two"), c.assign("three")
    a.join(two)
    decided = a.assign("decided")
    ends = set()
    for order in permutations([one, two, three, decided]):
        state = MVRegister()
        for delta in order:
            state.join(delta)
        assert state.value == ["decided", "three"]
        ends.add(state.canonical())
    assert len(ends) == 1


def test_siblings_with_equal_values_stay_two_dots_and_show_once() -> None:
    here, there = MVRegister("here"), MVRegister("there")
    mine, theirs = here.assign("same"), there.assign("same")
    here.join(theirs)
    assert here.value == ["same"]
    assert here.payload == {
        "here": [["same"], [0, 1], [0, 1]],
        "there": [["same"], [0, 1], [0, 1]],
    }
    # Who saw one of the two only, replaces that one only.
    third = MVRegister("third")
    third.join(mine)
    here.join(third.assign("new"))
    assert here.value == ["new", "same"]


def test_siblings_stand_in_canonical_order_whoever_wrote_them() -> None:
    values = ["b", "a", 2, 1, True, 1.0, None, [1], (1,), {"k": 1}, b"x", "1"]
    whole = MVRegister()
    for number, value in enumerate(values):
        whole.join(MVRegister(f"r{number}").assign(value))
    back = MVRegister()
    for number, value in reversed(list(enumerate(values))):
        back.join(MVRegister(f"r{number}").assign(value))
    assert repr(whole.value) == repr(back.value)
    assert len(whole.value) == len(values)
    assert whole.value[:3] == ["1", "a", "b"]


def test_values_are_copied_in_and_out() -> None:
    given = {"tags": ["x"]}
    register = MVRegister("a")
    register.assign(given)
    given["tags"].append("y")
    register.value[0]["tags"].append("z")
    assert register.value == [{"tags": ["x"]}]
    assert register.payload == {"a": [[["d", [["tags", ["l", ["x"]]]]]], [0, 1], [0, 1]]}


def test_writing_for_ever_keeps_the_size_constant() -> None:
    register = MVRegister("me")
    for number in range(300):
        register.assign(number)
    assert register.payload == {"me": [[299], [299, 1], [0, 300]]}
    assert register.stats()["elements"] == 1


@pytest.mark.parametrize("value", [{1: 2}, {1, 2}, object(), float("nan"), "\ud800"])
def test_what_cannot_be_a_value_is_refused_and_changes_nothing(value: Any) -> None:
    register = MVRegister("a")
    register.assign("x")
    with pytest.raises((TypeError, ValueError)):
        register.assign(value)
    assert register.payload == {"a": [["x"], [0, 1], [0, 1]]}


@pytest.mark.parametrize(
    "values", [[1.5], [{"k": 1}], [["d", [["b", 1], ["a", 1]]]], [["l", "x"]], ["x", "y"]]
)
def test_a_wrong_payload_of_siblings_is_refused(values: Any) -> None:
    with pytest.raises(PayloadError):
        MVRegister.from_payload({"a": [values, [0, 1], [0, 1]]})
