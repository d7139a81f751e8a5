"""Together, sequences keep what was inserted where it was meant."""

from __future__ import annotations

from itertools import permutations
from random import Random
from typing import Any

import pytest

from crdt import RGA
from tests.crdt.sequence_kinds import anchored, every_sequence, holding, shown, two_sided


def typed(state: Any, at: int, run: str, *, backward: bool) -> list[Any]:
    """Type a run at a position, item by item; return the deltas."""
    if backward:
        return [state.insert(at, letter) for letter in reversed(run)]
    return [state.insert(at + i, letter) for i, letter in enumerate(run)]


#   a: x . . . . . y      all three insert runs between x and y at the same time,
#   b: x . . . . . y      each item by item, forwards or backwards
#   c: x . . . . . y
@two_sided
@pytest.mark.parametrize("text", ["", "xy"])
@pytest.mark.parametrize("directions", range(8))
def test_runs_typed_at_one_place_never_mix_in_either_direction(
    kind: type[Any], text: str, directions: int
) -> None:
    base = holding(kind, text, "base")
    deltas: list[Any] = []
    runs = {"b": "lmnop", "a": "LMNOP", "c": "12345"}
    for i, (replica, run) in enumerate(runs.items()):
        writer = base.clone(replica=replica)
        deltas += typed(writer, len(text) // 2, run, backward=bool(directions >> i & 1))
    ends = set()
    for seed in range(6):
        Random(seed).shuffle(deltas)
        state = base.clone()
        for delta in deltas:
            state.join(delta)
        ends.add(shown(state))
    (end,) = ends
    assert sorted(end) == sorted(text + "".join(runs.values()))
    assert all(run in end for run in runs.values())
    assert end.startswith(text[:1])
    assert end.endswith(text[1:])


@two_sided
def test_runs_typed_from_the_middle_outwards_never_mix(kind: type[Any]) -> None:
    base = holding(kind, "xy", "base")
    states = []
    for replica, run in (("a", "ABCDEF"), ("b", "abcdef")):
        writer = base.clone(replica=replica)
        typed(writer, 1, run[3:], backward=False)
        typed(writer, 1, run[:3], backward=True)
        states.append(writer)
    assert shown(kind.merge(*states)) == "xABCDEFabcdefy"


@two_sided
def test_runs_typed_after_a_deletion_at_one_place_never_mix(kind: type[Any]) -> None:
    base = holding(kind, "xoooy", "base")
    base.delete(1, 4)
    states = []
    for replica, run in (("a", "ABC"), ("b", "abc")):
        for backward in (False, True):
            writer = base.clone(replica=replica + str(backward))
            typed(writer, 1, run, backward=backward)
            states.append(writer)
    whole = kind()
    for state in states:
        whole.join(state)
    assert shown(whole).replace("ABC", "").replace("abc", "") == "xy"


def test_an_rga_keeps_runs_typed_forwards_apart() -> None:
    one, other = RGA("one"), RGA("other")
    typed(one, 0, "abc", backward=False)
    typed(other, 0, "ABC", backward=False)
    assert shown(RGA.merge(one, other)) in ("abcABC", "ABCabc")


def test_in_an_rga_the_newest_of_what_stands_behind_one_item_comes_first() -> None:
    here = holding(RGA, "xy", "here")
    there = RGA.from_payload(here.payload, replica="there")
    there.insert(1, "1")
    there.insert(1, "2")
    late = here.insert(1, "a")
    there.join(late)
    assert shown(there) == "x2a1y"
    assert RGA.merge(here, there) == there


@every_sequence
def test_an_insert_stays_between_its_neighbours_wherever_others_edit(kind: type[Any]) -> None:
    here = holding(kind, "abcdef", "here")
    there = here.clone(replica="there")
    there.splice(0, 3, "xyz")
    there.delete(4)
    here.insert(4, "!")
    here.join(there)
    there.join(here)
    assert shown(here) == shown(there) == "xyzd!f"


@every_sequence
def test_two_replicas_that_delete_the_same_item_are_in_equal_states(kind: type[Any]) -> None:
    here = holding(kind, "abc", "here")
    there = here.clone(replica="there")
    one, other = here.delete(1), there.delete(1)
    assert not here.join(other)
    assert not there.join(one)
    assert here.canonical() == there.canonical()


@every_sequence
def test_a_delete_that_overtakes_its_insert_still_deletes(kind: type[Any]) -> None:
    writer = kind("writer")
    parts = [writer.extend("abc"), writer.delete(1), writer.insert(1, "x"), writer.delete(0, 2)]
    for order in permutations(parts):
        state = kind()
        for delta in order:
            state.join(delta)
            assert kind.from_payload(state.payload).canonical() == state.canonical()
        assert shown(state) == "c"
        assert state.canonical() == writer.canonical()


@anchored
def test_an_item_whose_anchor_has_not_arrived_waits_unseen(kind: type[Any]) -> None:
    writer = kind("writer")
    reader = kind("reader")
    first, second, third = writer.append("a"), writer.append("b"), writer.insert(1, "x")
    reader.join(third)
    reader.join(second)
    assert len(reader) == 0
    assert reader.stats()["elements"] == 2
    reader.join(first)
    assert shown(reader) == "axb"
    assert reader.canonical() == writer.canonical()


@anchored
def test_what_is_typed_while_something_waits_does_not_disturb_it(kind: type[Any]) -> None:
    #  writer: a - b - c - d    reader has b's rest before a, types z, deletes it, then gets a
    writer, reader = kind("writer"), kind("reader")
    first, rest = writer.append("a"), [writer.append(letter) for letter in "bcd"]
    more = writer.insert(2, "x")
    for delta in (rest[0], rest[1], more, rest[2]):
        reader.join(delta)
        assert shown(reader) == ""
    reader.append("z")
    gone = writer.clone(replica="other").delete(2)
    reader.join(gone)
    reader.join(first)
    assert "".join(sorted(reader)) == "abcdz"
    assert shown(reader).replace("z", "") == "abcd"


@every_sequence
def test_deltas_in_any_order_with_doubles_give_equal_bytes(kind: type[Any]) -> None:
    states = [kind(name) for name in "abcde"]
    chance, deltas = Random(3), []
    for _ in range(60):
        state = chance.choice(states)
        if state and chance.random() < 0.3:
            deltas.append(state.delete(chance.randrange(len(state))))
        else:
            deltas.append(state.insert(chance.randrange(len(state) + 1), chance.choice("xyz")))
        if chance.random() < 0.3:
            state.join(chance.choice(states))
    ends = set()
    for seed in range(50):
        order = deltas + deltas[:20]
        Random(seed).shuffle(order)
        state = kind()
        for delta in order:
            state.join(delta)
        ends.add(state.canonical())
    assert len(ends) == 1


@every_sequence
def test_what_is_kept_up_to_date_is_what_is_made_anew(kind: type[Any]) -> None:
    chance = Random(11)
    states = [kind(name) for name in "abc"]
    for turn in range(900):
        state = chance.choice(states)
        at = chance.randrange(len(state) + 1)
        if chance.random() < 0.25:
            delta = state.delete(at, at + chance.randrange(4))
        else:
            delta = state.splice(at, at, "uvwxyz"[: chance.randrange(1, 4)])
        for other in states:
            if chance.random() < 0.8:
                other.join(delta)
        if turn % 300 == 299:
            for other in states:
                state.join(other)
            for other in states:
                other.join(state)
        if turn % 30 == 0:
            assert shown(state) == shown(state.clone())
    assert len({state.canonical() for state in states}) == 1
    assert {shown(state) for state in states} == {shown(kind.from_payload(states[0].payload))}
