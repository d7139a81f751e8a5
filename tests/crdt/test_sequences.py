"""Alone, a sequence is a list."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from crdt import Sequence, Text
from tests.crdt.sequence_kinds import every_list, every_sequence, holding, shown


@every_sequence
def test_a_sequence_edits_as_a_list_does(kind: type[Any]) -> None:
    chance = Random(7)
    state, other, plain = kind("me"), kind("other"), list[str]()
    for _ in range(400):
        letter, at = chance.choice("abcdef"), chance.randrange(-3, len(plain) + 3)
        low, high = sorted(chance.randrange(len(plain) + 1) for _ in range(2))
        step = chance.randrange(7)
        if step < 3:
            plain.insert(at, letter)
            other.join(state.insert(at, letter))
        elif step == 3:
            plain += letter * 3
            other.join(state.extend(letter * 3))
        elif step == 4 and plain:
            at = chance.randrange(-len(plain), len(plain))
            assert (plain[at], plain.index(plain[at])) == (state[at], state.index(plain[at]))
            del plain[at]
            other.join(state.delete(at))
        elif step == 5:
            del plain[low : min(high, low + 9)]
            other.join(state.delete(low, min(high, low + 9)))
        else:
            plain[low : low + 2] = "xyz"
            other.join(state.splice(low, low + 2, "xyz"))
        assert list(state) == plain
    assert list(other) == plain
    assert other.canonical() == state.canonical()


@every_sequence
@pytest.mark.parametrize(
    "piece",
    [
        slice(None),
        slice(2, 5),
        slice(5, 2),
        slice(-3, None),
        slice(None, None, 2),
        slice(None, None, -1),
        slice(6, 1, -2),
        slice(0, 99, 3),
        slice(7, None),
        slice(0, 0, -1),
    ],
)
def test_slices_are_those_of_a_list(kind: type[Any], piece: slice) -> None:
    plain = list("abcdefg")
    state = holding(kind, plain)
    assert list(state[piece]) == plain[piece]
    assert type(state[piece]) is (str if kind is Text else list)
    del state[piece]
    del plain[piece]
    assert list(state) == plain


@every_sequence
@pytest.mark.parametrize(
    ("piece", "items"),
    [
        (slice(2, 4), "xyz"),
        (slice(4, 2), "x"),
        (slice(None), ""),
        (slice(None, None, 2), "WXYZ"),
        (slice(None, None, -1), "TUVWXYZ"),
        (slice(5, 0, -3), "YZ"),
        (slice(-1, None), "yz"),
    ],
)
def test_a_slice_is_assigned_as_one_delta(kind: type[Any], piece: slice, items: str) -> None:
    plain = list("abcdefg")
    state = holding(kind, plain)
    deltas: list[Any] = []
    before = state.clone()
    state.observe(deltas.append)
    state[piece] = items
    plain[piece] = items
    assert list(state) == plain
    (delta,) = deltas
    before.join(delta)
    assert before.canonical() == state.canonical()


@every_sequence
def test_a_slice_with_steps_takes_as_many_items_as_it_has(kind: type[Any]) -> None:
    state = holding(kind, "abcd")
    with pytest.raises(ValueError, match="3 values for a slice of 2"):
        state[::2] = "xyz"
    assert shown(state) == "abcd"


@every_sequence
@pytest.mark.parametrize("index", [3, -4, 2**70])
def test_what_is_not_there_raises_index_error(kind: type[Any], index: int) -> None:
    state = holding(kind, "abc")
    for act in (
        lambda: state[index],
        lambda: state.delete(index),
        lambda: state.replace(index, "x"),
        lambda: state.pop(index),
        lambda: state.__delitem__(index),
        lambda: state.__setitem__(index, "x"),
    ):
        with pytest.raises(IndexError, match="among 3"):
            act()
    assert shown(state) == "abc"
    with pytest.raises(IndexError):
        kind().pop()


@every_sequence
@pytest.mark.parametrize("index", [1.0, "1", None])
def test_an_index_is_a_whole_number(kind: type[Any], index: Any) -> None:
    state = holding(kind, "abc")
    for act in (state.delete, state.pop, state.__getitem__, lambda at: state.insert(at, "x")):
        with pytest.raises(TypeError):
            act(index)
    with pytest.raises(TypeError):
        state.delete(slice(0, 1), 2)
    with pytest.raises(TypeError):
        state.splice(index or "0", 1, "x")
    assert shown(state) == "abc"


@every_sequence
def test_insert_takes_indices_as_a_list_does(kind: type[Any]) -> None:
    for index in (-99, -2, -1, 0, 1, 2, 99):
        plain, state = list("ab"), holding(kind, "ab")
        plain.insert(index, "x")
        state.insert(index, "x")
        assert list(state) == plain


@every_sequence
def test_named_mutators_return_their_delta_and_the_others_what_python_wants(
    kind: type[Any],
) -> None:
    state = kind("me")
    deltas = [
        state.append("a"),
        state.extend("bcd"),
        state.insert(0, "x"),
        state.replace(0, "y"),
        state.splice(0, 2, "pq"),
        state.delete(0),
        state.remove("c"),
        state.reverse(),
    ]
    assert all(type(delta) is kind for delta in deltas)
    assert shown(state) == "dbq"
    assert state.pop() == "q"
    assert state.pop(0) == "d"
    state += "st"
    state[0] = "r"
    del state[1]
    assert shown(state) == "rt"
    assert shown(reversed(state)) == "tr"
    assert type(state.clear()) is kind
    assert not state


@every_sequence
def test_what_changes_nothing_gives_an_empty_delta_and_tells_nobody(kind: type[Any]) -> None:
    state = holding(kind, "a")
    state.observe(lambda delta: pytest.fail("nothing has changed"))
    quiet = [state.extend(""), state.delete(1, 1), state.splice(0, 0, ""), state.reverse()]
    assert all(delta.initial for delta in quiet)
    assert kind().clear().initial
    assert kind().reverse().initial


@every_sequence
def test_removing_what_is_not_there_raises_value_error(kind: type[Any]) -> None:
    state = holding(kind, "abcab")
    assert shown(holding(kind, "abcab")) == "abcab"
    state.remove("b")
    assert shown(state) == "acab"
    before = state.canonical()
    with pytest.raises(ValueError, match=r"not (in|found)"):
        state.remove("z")
    assert state.canonical() == before


@every_sequence
def test_a_batch_with_a_bad_item_changes_nothing(kind: type[Any]) -> None:
    state = holding(kind, "ab")
    before = state.canonical()
    for bad in (object(), {1, 2}, 1j):
        with pytest.raises(TypeError):
            state.extend(["x", bad])
        with pytest.raises(TypeError):
            state.splice(0, 1, ["x", bad])
        with pytest.raises(TypeError):
            state.insert(0, bad)
    with pytest.raises(ValueError, match="surrogate"):
        state.append("\ud800")
    assert state.canonical() == before


@every_sequence
def test_extending_a_sequence_by_itself_doubles_it(kind: type[Any]) -> None:
    state = holding(kind, "ab")
    state.extend(state)
    state += state
    assert shown(state) == "abababab"


@every_list
def test_items_are_told_apart_by_type_and_value(kind: type[Any]) -> None:
    state = holding(kind, [1, True, 1.0, "1", None])
    assert [state.index(item) for item in (1, True, 1.0, "1", None)] == [0, 1, 2, 3, 4]
    assert state.count(True) == 1
    state.remove(1.0)
    assert list(map(type, state)) == [int, bool, str, type(None)]
    assert 1.0 not in state
    assert object() not in state
    assert state == [1, True, "1", None]
    assert state != [True, 1, "1", None]
    assert state != [1, True, "1", object()]
    with pytest.raises(ValueError, match="not in"):
        state.index("1", 0, 2)
    assert state.index("1", -2) == 2


@every_list
def test_lists_and_dicts_are_copied_in_and_out(kind: type[Any]) -> None:
    mine: list[Any] = [{"k": [1]}]
    state = kind("me")
    state.append(mine)
    mine[0]["k"].append(2)
    state.value[0][0]["k"].append(3)
    state[0][0]["k"].append(4)
    assert state == [[{"k": [1]}]]
    assert kind.from_payload(state.payload) == state


@every_list
def test_sequences_are_equal_if_their_items_are(kind: type[Any]) -> None:
    state = holding(kind, "ab")
    assert state == holding(Sequence, "ab")
    assert state == ["a", "b"] == state
    assert state != ["b", "a"]
    assert state != ("a", "b")
    assert state != "ab"
    assert state != holding(Text, "ab")
    assert repr(state) == f"{kind.__name__}(['a', 'b'])"
    with pytest.raises(TypeError, match="unhashable"):
        hash(state)


@every_sequence
def test_iterating_is_not_disturbed_by_edits(kind: type[Any]) -> None:
    state = holding(kind, "abc")
    for item in state:
        state.append(item)
    assert shown(state) == "abcabc"


def test_what_comes_deleted_between_many_is_shown_nowhere() -> None:
    here, there = Text("here"), Text("there")
    chance = Random("deleted on arrival")
    for n in range(300):
        at = chance.randrange(len(there) + 1)
        there.insert(at, chr(ord("a") + n % 26))
        if n % 2:
            there.delete(at)
        here.join(there.delta_since(here.context))
        assert here.value == there.value  # read each time, so that what was read is remembered
        assert len(here) == len(here.value)
