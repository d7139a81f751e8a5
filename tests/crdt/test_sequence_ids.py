"""What sequences give out, keep and forget."""

from __future__ import annotations

from itertools import pairwise
import pickle
from random import Random
from typing import Any

import pytest

from crdt import Logoot
from tests.crdt.sequence_kinds import anchored, every_sequence, holding, shown


@anchored
@pytest.mark.parametrize("what", ["item", "deletion", "anchor"])
def test_ids_that_somebody_names_are_not_given_out_again(kind: type[Any], what: str) -> None:
    # The process lost its state; a delta tells of what it made before, in one way or another.
    lost = holding(kind, "abc", "same")
    other = lost.clone(replica="other")
    delta = {
        "item": lambda: lost.append("d"),
        "deletion": lambda: other.delete(2),
        "anchor": lambda: other.append("x"),
    }[what]()
    again = kind("same")
    again.append("q")
    again.join(delta)
    assert again.replica is None
    named = kind("same")
    named.join(delta)
    named = kind.from_payload(named.payload, replica="same")
    named.append("q")
    whole = kind.merge(other, named)
    assert sorted(whole).count("q") == 1
    assert sorted(kind.merge(named, other)) == sorted(whole)


@anchored
def test_a_gap_that_somebody_fills_shows_that_the_id_is_not_ours_alone(kind: type[Any]) -> None:
    first = holding(kind, "a", "same")
    between, last = first.clone(replica="same"), None
    middle = between.append("b")
    last = between.append("c")
    holder = kind.from_payload(first.payload)
    holder.join(last)
    holder.replica = "same"
    holder.join(last)
    assert holder.replica == "same"
    holder.join(middle)
    assert holder.replica is None


@anchored
def test_deleted_ids_keep_no_content_and_few_runs(kind: type[Any]) -> None:
    state = kind("me")
    for letter in "abcdefghij" * 30:
        state.append(letter)
    for _ in range(298):
        state.delete(1)
    (row,) = state.payload.values()
    ((_, taken, _, items),) = row[0]
    assert (taken, "".join(items), row[1]) == (300, "aj", [1, 298])
    assert state.stats()["tombstones"] == 298
    assert len(state.canonical()) < 60


def test_deleting_from_a_logoot_leaves_nothing_but_the_context() -> None:
    state = Logoot("me")
    for _ in range(100):
        state.extend("abc")
        state.clear()
    assert state.payload == {"me": [[], [], [0, 300]]}
    assert state.stats()["tombstones"] == 0


@pytest.mark.parametrize("typing", ["append", "prepend", "in the middle", "between"])
def test_the_places_of_a_run_stay_short(typing: str) -> None:
    state = holding(Logoot, "xy")
    for i in range(300):
        at = {"append": i + 2, "prepend": 0, "in the middle": i + 1, "between": 1}[typing]
        state.insert(at, "a")
    (row,) = state.payload.values()
    assert max(len(path) for path, _ in row[0]) <= 13
    assert all(one[0] < other[0] for one, other in pairwise(state._sorted()))


def test_places_are_found_between_any_two() -> None:
    chance = Random(5)
    states = [Logoot(name) for name in "abc"]
    plain: list[str] = []
    for i in range(300):
        at = chance.choice([0, 0, len(plain), len(plain) // 2, chance.randrange(len(plain) + 1)])
        plain.insert(at, str(i))
        delta = states[i % 3].insert(at, str(i))
        for state in states:
            state.join(delta)
        if i % 20 == 19:  # squeeze between two neighbours
            for _ in range(12):
                plain.insert(1, "s")
                delta = states[0].insert(1, "s")
                for state in states:
                    state.join(delta)
    assert states[0] == states[1] == states[2] == plain


def test_there_is_a_place_before_the_very_first() -> None:
    state = Logoot.from_payload({"r": [[[[1], "z"]], [0, 1], [0, 1]]}, replica="me")
    for letter in "yxw":
        state.insert(0, letter)
    state.insert(1, "!")
    assert shown(state) == "w!xyz"
    paths = [path for path, _ in state._sorted()]
    assert paths == sorted(set(paths))
    assert Logoot.from_payload(state.payload) == state


@every_sequence
def test_pickle_and_copies_do_not_follow_links_too_deep(kind: type[Any]) -> None:
    state = kind("me")
    for _ in range(3000):
        state.insert(0, "a")
    assert len(pickle.loads(pickle.dumps(state))) == 3000
