"""Removals that everybody knows of are forgotten, and nothing comes back or is lost."""

from __future__ import annotations

import contextlib
from random import Random
from typing import Any

import pytest

from crdt import DisableWinsFlag, ORMap, RWSet
from crdt.causal.settled import settle
from crdt.testing import subject_of

every_kind = pytest.mark.parametrize("kind", [RWSet, DisableWinsFlag])


def test_a_removal_that_everybody_knows_of_leaves_only_its_place_in_the_context() -> None:
    here, there = RWSet("here"), RWSet("there")
    here.update(["x", "y"])
    here.remove("x")
    there.join(here)
    stable = here.clone()
    delta = here.compact(stable)
    assert delta.payload == {"here": [[], [], [2, 1]]}
    assert here.payload == {"here": [["y"], [1, 1], [0, 3]]}
    assert (here.stats()["tombstones"], here == {"y"}) == (0, True)
    there.join(delta)
    assert there.canonical() == here.canonical()
    there.add("x")
    here.join(there)
    assert here == there == {"x", "y"}


def test_a_removal_that_an_add_stands_against_stays() -> None:
    here, there = RWSet("here"), RWSet("there")
    there.join(here.add("x"))
    again, removed = here.add("x"), there.remove("x")
    here.join(removed)
    there.join(again)
    assert here.compact(there.clone()).initial
    assert here == set()


def test_a_removal_that_the_stable_state_lacks_stays() -> None:
    here = RWSet("here")
    here.discard("x")
    stable = here.clone()
    here.discard("y")
    here.compact(stable)
    assert here.stats()["tombstones"] == 1
    assert here.payload == {"here": [[["-", "y"]], [1, 1], [0, 2]]}


def test_disablings_that_everybody_knows_of_are_forgotten() -> None:
    flag = DisableWinsFlag("a")
    flag.disable()
    flag.compact(flag.clone())
    assert flag.payload == {"a": [[], [], [0, 1]]}
    assert not flag.value
    other = DisableWinsFlag("b")
    other.disable()
    other.join(DisableWinsFlag("c").enable())
    assert other.compact(other.clone()).initial  # an enabling stands against it
    assert not other.value


@every_kind
def test_what_the_object_has_not_joined_itself_is_not_stable(kind: type[Any]) -> None:
    here, there = kind("here"), kind("there")
    subject_of(kind).acts[-1](there, 0)
    there.discard("x") if kind is RWSet else there.disable()
    with pytest.raises(ValueError, match="has not joined"):
        here.compact(there)
    with pytest.raises(TypeError, match="joins only"):
        here.compact({})
    assert here.initial


@every_kind
def test_an_observer_sees_what_compacting_does_and_may_refuse(kind: type[Any]) -> None:
    state = kind("me")
    state.discard("x") if kind is RWSet else state.disable()
    before = state.canonical()

    def refuse(delta: Any) -> None:
        raise PermissionError

    end = state.observe(refuse)
    with pytest.raises(PermissionError):
        state.compact(state.clone())
    assert state.canonical() == before
    end()
    state.compact(state.clone())
    assert state.stats()["tombstones"] == 0


class ForgetsThoughAddsStand(RWSet[Any]):
    """Forgets removals that an add stands against."""

    def compact(self, stable: Any) -> Any:
        return settle(
            self, stable, [key for live in self._live.values() for key in live if not key[0]]
        )


class ForgetsWhatIsNotStable(RWSet[Any]):
    """Forgets removals that others may not know of."""

    def compact(self, stable: Any) -> Any:
        return super().compact(self.clone())


@pytest.mark.parametrize("broken", [ForgetsThoughAddsStand, ForgetsWhatIsNotStable])
def test_compacting_too_much_is_caught(broken: type[Any]) -> None:
    with pytest.raises(AssertionError):
        compare_histories(broken)


@every_kind
def test_histories_that_compact_show_what_those_show_that_do_not(kind: type[Any]) -> None:
    compare_histories(kind)


def compare_histories(kind: type[Any]) -> None:
    # Everybody joins the stable state before going on; from then on each may compact by it or not.
    for seed in range(60):
        chance = Random(seed)
        replicas, twins = ([kind(name) for name in "abc"] for _ in range(2))
        stable = kind()
        for _ in range(4):
            for _ in range(12):
                step(kind, chance, replicas, twins)
                if chance.random() < 0.4:
                    chance.choice(replicas).compact(stable)
            stable = settled(replicas)
            settled(twins)
            expect_equal_values(kind, replicas, twins)


def step(kind: type[Any], chance: Random, *groups: list[Any]) -> None:
    """Let one replica, the same in each group, act or join another."""
    subject = subject_of(kind)
    at, other, act, what = (
        chance.randrange(3),
        chance.randrange(3),
        chance.choice(subject.acts),
        chance.randrange(64),
    )
    joins = chance.random() < 0.3
    for group in groups:
        if joins:
            group[at].join(group[other].clone())
        else:
            with contextlib.suppress(KeyError):
                act(group[at], what)
    expect_equal_values(kind, *groups)


def settled(group: list[Any]) -> Any:
    """Let all of a group join all others; return that state."""
    whole = group[0].clone()
    for state in group:
        whole.join(state)
    for state in group:
        state.join(whole)
    return whole


def expect_equal_values(kind: type[Any], one: list[Any], other: list[Any]) -> None:
    read = subject_of(kind).read
    assert [read(state) for state in one] == [read(state) for state in other]


@pytest.mark.parametrize("live", [False, True])
def test_compacting_a_map_hides_no_key_that_only_removals_show(live: bool) -> None:
    # Two types under one key: were the flag forgotten, the set would show in its place.
    whole: ORMap[str] = ORMap("me")
    flag, tags = whole.open("k", DisableWinsFlag), whole.open("k", RWSet)
    flag.disable()
    tags.update("abc")
    tags.remove("b")
    if live:
        flag.enable()
        whole.open("other", RWSet).discard("x")
    before = whole.value
    whole.compact(whole.clone())
    assert whole.value == before
    assert ORMap.from_payload(whole.payload).value == before
    assert tags == {"a", "c"}
    assert whole.open("k", RWSet).stats()["tombstones"] == 0  # its key shows without them
