"""Maps, carts and compounds fold what everybody has seen, and nothing comes back or is lost."""

from __future__ import annotations

import contextlib
from random import Random
from typing import Any

import pytest

from crdt import (
    GMap,
    GSet,
    LWWMap,
    LWWSet,
    ORCart,
    ORMap,
    ORSet,
    PayloadError,
    PNCounter,
    PNSet,
    RWSet,
    Text,
    Tree,
    acting,
)
from crdt.causal.amounts import total_of
from crdt.testing import Subject, subject_of
from crdt.testing.children import child_subject
from crdt.testing.history import hashed, keeps_its_fingerprint
from tests.crdt.boards import BOARD, Board, board_acts

SUBJECTS = {
    "ORMap": subject_of(ORMap),
    "ORCart": subject_of(ORCart),
    "LWWMap": subject_of(LWWMap),
    "GMap": child_subject(RWSet, (GMap,)),
    "Board": BOARD,
    "counters": child_subject(PNCounter, (ORMap, ORMap)),
    "counting sets": child_subject(PNSet, (ORMap, GMap)),
    "removing sets": child_subject(RWSet, (ORMap, ORMap)),
    "trees": child_subject(Tree),
    "last writers": child_subject(LWWSet),
    "growing sets": child_subject(GSet, (ORMap, GMap)),
    "texts": child_subject(Text),
    "maps of writes": child_subject(LWWMap, (ORMap, ORMap)),
}


@pytest.mark.sweep
@pytest.mark.parametrize("name", SUBJECTS)
def test_histories_that_compact_show_what_those_show_that_do_not(name: str) -> None:
    compare_histories(SUBJECTS[name], range(12))


def compare_histories(subject: Subject[Any], seeds: range) -> None:
    # Everybody joins the stable state before going on; from then on each may compact by it or not.
    for seed in seeds:
        chance = Random(seed)
        group, twins = ([subject.kind(name) for name in "abc"] for _ in range(2))
        stable = subject.kind()
        deltas: list[Any] = []
        now = 0
        for _ in range(4):
            for _ in range(14):
                now += chance.randrange(3)
                with acting(clock=lambda now=now: now):
                    step(subject, chance, group, twins, deltas)
                if chance.random() < 0.4:
                    one = chance.choice(group)
                    deltas.append(one.compact(stable))
                if deltas and chance.random() < 0.3:
                    chance.choice(group).join(chance.choice(deltas))
                same_values(subject, group, twins)
            stable = settled(group)
            deltas.clear()
            settled(twins)
            same_values(subject, group, twins)
        for one in group:
            one.compact(stable)
        assert len({one.canonical() for one in group}) == 1
        same_values(subject, group, twins)


def step(subject: Any, chance: Random, group: Any, twins: Any, deltas: list[Any]) -> None:
    """Let one replica, the same in each group, act or join another."""
    at, other = chance.randrange(3), chance.randrange(3)
    act, what = chance.choice(subject.acts), chance.randrange(64)
    joins = chance.random() < 0.3
    for states in (group, twins):
        if joins:
            states[at].join(states[other].clone())
        else:
            with contextlib.suppress(KeyError, ValueError):
                act(states[at], what)


def settled(group: list[Any]) -> Any:
    """Let all of a group join all others; return that state."""
    whole = group[0].clone()
    for state in group:
        whole.join(state)
    for state in group:
        state.join(whole)
    return whole


def same_values(subject: Subject[Any], one: list[Any], other: list[Any]) -> None:
    assert [subject.read(state) for state in one] == [subject.read(state) for state in other]


# --- what becomes of it ----------------------------------------------------------------------------


def test_amounts_become_one_sum_that_a_removal_takes_back_whole() -> None:
    here, there = ORMap[str]("here"), ORMap[str]("there")
    for amount in (3, 5, -2, 7):
        counter = here.open("n", PNCounter)
        counter.increment(amount) if amount > 0 else counter.decrement(-amount)
    there.join(here)
    delta = here.compact(there.clone())
    assert delta.payload == {"here": [[["n", "pncounter@1", [["+", 13], 1]]], [3, 1], [0, 4]]}
    assert here["n"].value == 13
    there.open("n", PNCounter).increment(100)
    there.join(delta)
    here.remove("n")
    here.join(there)
    assert here["n"].value == 100


def test_a_sum_of_sums_is_one_sum() -> None:
    cart = ORCart("me")
    for n in (1, 2, 3):
        cart.add("tea", n)
    first = cart.clone()
    cart.compact(first)
    cart.add("tea", 4)
    between = cart.clone()
    cart.compact(between)
    assert cart.payload == {"me": [[["tea", [["+", 10], 1]]], [3, 1], [0, 4]]}
    late = first.clone()
    late.join(between)
    late.join(cart)
    assert late.canonical() == cart.canonical()
    assert not cart.join(first)
    assert cart["tea"] == 10


def test_what_is_one_stretch_stays_and_what_the_stable_state_lacks_too() -> None:
    cart = ORCart("me")
    for _ in range(9):
        cart.add("tea", 2)
    assert cart.compact(cart.clone()).initial
    stable = cart.clone()
    cart.add("tea", 3)
    assert cart.compact(stable).initial
    assert cart["tea"] == 21


def test_sums_and_removals_are_folded_in_compounds_and_growing_maps_of_a_map() -> None:
    here = ORMap[str]("here")
    for n in (1, 2, 3):
        here.open("g", GMap).open("n", PNCounter).increment(n)
        here.open("g", GMap).open("s", PNSet).update(["x", f"e{n}"])
    tags = here.open("b", Board).tags
    tags.update(["t", "u"])
    tags.remove("t")
    before = here.value
    here.compact(here.clone())
    assert here.value == before
    assert tags.stats()["tombstones"] == 0
    assert ORMap.from_payload(here.payload).value == before
    counter = ["n", "pncounter@1", [["+", 6], 1]]
    assert any(counter in group[2] for group in here.payload["here"][0])
    here["g"]["n"].increment(4)
    assert here["g"]["n"].value == 10


def test_compacting_hides_no_key_at_any_depth() -> None:
    here = ORMap[str]("here")
    for tags in (
        here.open("m", ORMap).open("tags", RWSet),
        here.open("g", GMap).open("tags", RWSet),
    ):
        tags.add("x")
        tags.remove("x")
    here.open("m", ORMap).open("other", PNCounter).increment()
    here.open("g", GMap).open("other", PNCounter).increment()
    before = here.value
    here.compact(here.clone())
    assert here.value == before == ORMap.from_payload(here.payload).value


def test_a_child_without_dots_compacts_by_itself_and_covers_its_deltas() -> None:
    here, there = ORMap[str]("here"), ORMap[str]("there")
    notes, tree = here.open("notes", LWWMap), here.open("tree", Tree)
    for n in range(20):
        notes.put(n % 3, n)
        notes.discard(n % 3 + 1)
        tree.move(n % 3, None)
    there.join(here)
    before, size = here.value, len(here.canonical())
    assert here.compact(there.clone()).initial  # a newer delta may have covered any of them
    notes.compact(there["notes"].clone())
    tree.compact(there["tree"].clone())
    assert here.value == before
    assert len(here.canonical()) < size / 3
    there["notes"].put("later", 1)
    here.join(there)
    there.join(here)
    assert there.canonical() == here.canonical()
    assert here["notes"].value == {**before["notes"], "later": 1}


def test_removals_that_a_child_keeps_are_forgotten_where_it_stands() -> None:
    here, there = ORMap[str]("here"), ORMap[str]("there")
    tags = here.open("m", ORMap).open("tags", RWSet)
    tags.update(["x", "y"])
    tags.remove("x")
    there.join(here)
    here.compact(there.clone())
    assert here.payload["here"][0] == [["m", "ormap@1", [["tags", "rwset@1", ["y"]]]]]
    assert tags == {"y"}
    there.join(here)
    there.open("m", ORMap).open("tags", RWSet).add("x")
    here.join(there)
    assert tags == {"x", "y"}


def test_tombstones_up_to_the_frontier_go_and_older_writes_are_void() -> None:
    old: LWWMap[str, int] = LWWMap("old", clock=lambda: 5)
    late = old.put("gone", 1)
    here: LWWMap[str, int] = LWWMap("here", clock=lambda: 10)
    here.update({"kept": 1, "gone": 2})
    here.remove("gone")
    there = here.clone("there")
    delta = here.compact(there.clone())
    assert here.payload == {
        "frontier": [10, 1],
        "put": [["kept", [10, 0], "here", 1]],
    }
    assert (here.value, here.stats()["tombstones"]) == ({"kept": 1}, 0)
    assert not here.join(late)  # somebody broke his word
    there.join(late)
    there.join(delta)
    assert there.canonical() == here.canonical()
    assert here.put("gone", 3).payload == {"put": [["gone", [10, 2], "here", 3]]}
    assert here.compact(here.clone()).initial
    assert LWWMap.from_payload(here.payload).put("new", 1).payload["put"][0][1] > [10, 2]


def test_a_fingerprint_follows_compaction() -> None:
    here: LWWMap[int, int] = LWWMap("here", clock=lambda: 10)
    here.update({n: n for n in range(20)})
    for n in range(5):
        here.remove(n)
    before = here.fingerprint(hashed)
    for _ in range(2):
        here.compact(here.clone())
        assert keeps_its_fingerprint(here)
        here.remove(max(here))
    assert here.fingerprint(hashed) != before


def test_a_write_that_the_stable_state_lacks_is_never_settled() -> None:
    here: LWWMap[str, int] = LWWMap("here", clock=lambda: 10)
    here.discard("a")
    stable = here.clone()
    here.discard("b")
    here.put("c", 1)
    here.compact(stable)
    assert here.payload["frontier"] == [10, 0]
    assert [write[0] for write in here.payload["removed"]] == ["b"]


def test_a_frontier_and_what_it_settles_are_one_part() -> None:
    here: LWWMap[str, int] = LWWMap("here", clock=lambda: 10)
    here.update({f"k{n}": n for n in range(9)})
    here.discard("k3")
    here.compact(here.clone())
    for n in range(9):
        here.put(f"later{n}", n)
    base, *others = here.split(80)
    assert len(base.payload["put"]) == 8
    assert all(len(part.canonical()) <= 80 for part in others)
    for part in [*others, base]:
        old: LWWMap[str, int] = LWWMap()
        old.join(part)
        old.join(here)
        assert old.canonical() == here.canonical()


@pytest.mark.parametrize(
    "payload",
    [
        {"frontier": [5]},
        {"frontier": []},
        {"frontier": [5, 0], "removed": [["a", [5, 0], "r"]]},
        {"frontier": [5, 0], "removed": [["a", [4, 9], "r"]]},
    ],
)
def test_a_frontier_that_no_map_writes_is_refused(payload: Any) -> None:
    with pytest.raises(PayloadError):
        LWWMap.from_payload(payload)


@pytest.mark.parametrize("name", ["ORMap", "ORCart", "LWWMap", "GMap", "Board"])
def test_what_the_object_has_not_joined_itself_is_not_stable(name: str) -> None:
    subject = SUBJECTS[name]
    here, there = subject.kind("here"), subject.kind("there")
    for act in subject.acts:
        with contextlib.suppress(KeyError, ValueError):
            act(there, 7)
    with pytest.raises(ValueError, match="has not joined"):
        here.compact(there)
    with pytest.raises(TypeError, match="joins only"):
        here.compact({})
    assert here.initial


@pytest.mark.parametrize("name", ["ORMap", "ORCart", "LWWMap", "GMap", "Board"])
def test_an_observer_sees_what_compacting_does_and_may_refuse(name: str) -> None:
    subject = SUBJECTS[name]
    state = subject.kind("me")
    for n in range(6):
        for act in subject.acts:
            with contextlib.suppress(KeyError, ValueError):
                act(state, 8 * n)
    if name == "LWWMap":
        state.discard("never there")
    for n in range(1, 9):
        if name == "ORMap":
            state.open("n", PNCounter).increment(n)
        elif name == "ORCart":
            state.add("tea", n)
    before, value = state.canonical(), subject.read(state)

    def refuse(delta: Any) -> None:
        raise PermissionError

    end = state.observe(refuse)
    with pytest.raises(PermissionError):
        state.compact(state.clone())
    assert state.canonical() == before
    end()
    shown: list[Any] = []
    state.observe(shown.append)
    delta = state.compact(state.clone())
    assert shown == [delta]
    assert len(state.canonical()) < len(before)
    other = subject.kind.from_payload(type(delta).from_payload(delta.payload).payload)
    other.join(state)
    assert other.canonical() == state.canonical()
    assert subject.read(state) == value
    assert state.compact(state.clone()).initial


def test_a_handle_in_a_map_compacts_through_its_map() -> None:
    here, there = ORMap[str]("here"), ORMap[str]("there")
    board = here.open("b", Board)
    for act in board_acts():
        for n in range(6):
            act(board, n)
    there.join(here)
    value = board.value
    board.compact(there["b"].clone())
    assert board.value == here["b"].value == value
    there.join(here)
    assert there.canonical() == here.canonical()
    assert there["b"].value == value


# --- broken ones -----------------------------------------------------------------------------------


class FoldsWhatIsNotStable(ORMap[Any]):
    """Folds amounts that others may not have seen when they removed the key."""

    def compact(self, stable: Any) -> Any:
        return super().compact(self.clone())


class FoldsOverReplicas(ORCart[Any]):
    """Keeps the dots, so that both the sum and the amounts count."""

    def compact(self, stable: Any) -> Any:
        delta = super().compact(stable)
        for entry in delta._leaves:
            for replica, _, end, _, leaf in list(delta._pieces_of(entry)):
                self._put(replica, end + 1, end + 2, entry, total_of(leaf))
        return delta


class ForgetsAnyTombstone(LWWMap[Any, Any]):
    """Drops removals that the stable state does not know."""

    def compact(self, stable: Any) -> Any:
        return super().compact(self.clone())


class ForgetsTheFrontier(LWWMap[Any, Any]):
    """Drops tombstones, but does not say up to where."""

    def compact(self, stable: Any) -> Any:
        for key, write in list(self._removed.items()):
            if stable._removed.get(key) == write:
                del self._removed[key]
        return self._blank()


class SumsByArrival(ORMap[Any]):
    """Lets what came last decide between an amount and a sum."""

    def _difference(self, other: Any) -> Any:
        new, gone = super()._difference(other)
        for replica, theirs in other._seen.items():
            for piece, leaf in self._otherwise_in(other, replica, theirs):
                if type(leaf) is int and self._settled(*piece[3:]):
                    gone.append(piece)
                    new.append((*piece[:4], leaf))
        return new, gone


@pytest.mark.parametrize(
    ("broken", "acts"),
    [
        (FoldsWhatIsNotStable, child_subject(PNCounter, (FoldsWhatIsNotStable,))),
        (FoldsOverReplicas, Subject(FoldsOverReplicas, subject_of(ORCart).acts)),
        (ForgetsAnyTombstone, Subject(ForgetsAnyTombstone, subject_of(LWWMap).acts)),
        (ForgetsTheFrontier, Subject(ForgetsTheFrontier, subject_of(LWWMap).acts)),
        (SumsByArrival, child_subject(PNCounter, (SumsByArrival,))),
    ],
)
def test_compacting_wrongly_is_caught(broken: Any, acts: Subject[Any]) -> None:
    with pytest.raises((AssertionError, KeyError)):
        compare_histories(acts, range(40))


def test_a_map_that_nobody_compacts_costs_as_before() -> None:
    tags: ORSet[str] = ORSet("p")
    tags.add("x")
    here = ORMap[str]("here")
    here["tags"] = tags
    assert here.compact(here.clone()).initial
    assert here._cached is None
