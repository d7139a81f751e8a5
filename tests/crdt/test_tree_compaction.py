"""Trees that forget moves, on the word that no older ones will come."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from crdt import Tree
from crdt.testing import Subject, check_laws
from crdt.testing.trees import TREE_ACTS
from tests.crdt.test_trees import NOW, joined, tree


def settled(seed: int) -> tuple[list[Tree[str]], Random]:
    """Return five replicas in one state, after moves that met."""
    chance = Random(seed)
    replicas = [Tree[str](f"r{i}", clock=lambda i=i: NOW - i) for i in range(5)]
    for _ in range(40):
        wander(chance, chance.choice(replicas))
    whole = joined(*replicas)
    for replica in replicas:
        replica.join(whole)
    return replicas, chance


def wander(chance: Random, state: Tree[str]) -> Tree[str] | None:
    try:
        return state.move(chance.choice("abcdefgh"), chance.choice([None, *"abcdefgh"]))
    except ValueError:
        return None


def test_compacting_forgets_moves_and_leaves_the_tree_as_it_was() -> None:
    state = tree("me")
    for node, parent in [("a", None), ("b", "a"), ("a", "c"), ("b", None), ("b", "a")]:
        state.move(node, parent)
    before = state.value
    delta = state.compact(state.clone())
    assert state.value == before == {"a": "c", "b": "a"}
    assert (state.stats()["elements"], state.stats()["tombstones"]) == (2, 0)
    assert state.payload["frontier"] == [NOW, 4]
    assert Tree.from_payload(state.payload) == state
    assert delta.payload == state.payload
    assert state.compact(state.clone()).initial  # there is nothing more to forget


@pytest.mark.parametrize("seed", range(20))
def test_nothing_forgotten_comes_back_and_nothing_newer_is_lost(seed: int) -> None:
    replicas, chance = settled(seed)
    stable = replicas[0].clone()
    untouched = [replica.clone(replica.replica) for replica in replicas]
    deltas = [stable]
    for step in range(60):
        who = chance.randrange(5)
        if step % 3 == 0:
            before = replicas[who].value
            deltas.append(replicas[who].compact(stable))
            assert replicas[who].value == before
        elif step % 3 == 1:
            other = chance.randrange(5)
            replicas[who].join(replicas[other])
            untouched[who].join(untouched[other])
        else:
            state = chance.getstate()
            made = wander(chance, replicas[who])
            chance.setstate(state)
            assert (wander(chance, untouched[who]) is None) == (made is None)
            deltas += [made] if made is not None else []
        assert replicas[who].value == untouched[who].value
    whole = joined(*replicas)
    assert whole.value == joined(*untouched).value
    assert whole.stats()["tombstones"] < joined(*untouched).stats()["tombstones"]
    for _ in range(5):
        again = joined(*chance.sample(deltas * 2, len(deltas) * 2), stable, *replicas)
        assert again.canonical() == whole.canonical()
        assert again.value == whole.value
        assert not again.join(stable)


def test_a_late_move_after_compacting_is_judged_by_the_tree_as_it_was() -> None:
    # ms: 1 a -> b, 2 a -> None: settled   4 b -> a here   3 a -> b from elsewhere, late
    here = joined(tree("r", 1).move("a", "b"), tree("r", 2).move("a", None))
    there = here.clone("there")
    there._own_seat().clock = lambda: 3
    late = there.move("a", "b")
    here.compact(here.clone())
    here.join(tree("new", 4).move("b", "a"))
    assert here.value == {"a": None, "b": "a"}
    here.join(late)
    assert here.value == {"a": "b"}


def test_a_move_that_stable_lacks_is_never_settled() -> None:
    ours, theirs = tree("me", 5), tree("you", 3)
    ours.move("a", "x")
    ours.move("a", "y")
    stable = ours.clone()
    ours.join(theirs.move("b", None))
    assert ours.compact(stable).initial
    ours.join(tree("late", 9).move("c", None))
    ours.compact(joined(stable, theirs))
    assert ours.payload["frontier"] == [5, 1]
    assert ours.value == {"a": "y", "b": None, "c": None}


def test_a_move_of_the_stamp_that_stable_ends_with_is_not_settled_unseen() -> None:
    moves = [tree("a", 1).move("x", "y"), tree("b", 2).move("x", "z"), tree("c", 3).move("x", "q")]
    ours = joined(*moves, tree("d", 3).move("n", None))
    ours.compact(joined(*moves))
    assert ours.payload["frontier"] == [2, 0]
    assert ours.value == {"x": "q", "n": None}


def test_a_tree_that_has_not_joined_stable_is_not_compacted() -> None:
    state = tree("me")
    state.move("a", "b")
    state.move("a", "c")
    before = state.canonical()
    with pytest.raises(ValueError, match="has not joined"):
        state.compact(joined(state, tree("you").move("d", None)))
    with pytest.raises(TypeError):
        state.compact(None)  # type: ignore[arg-type]  # the point of the test
    assert state.canonical() == before


def test_trees_that_are_compacted_against_the_word_still_keep_the_laws() -> None:
    def compact(state: Any, chance: int) -> Any:
        return state.compact(state.clone())

    subject = Subject(Tree, (*TREE_ACTS, compact))
    check_laws(subject, examples=40)


def test_a_forgotten_move_that_arrives_again_is_void_and_no_growth() -> None:
    state = tree("me")
    old = state.move("a", "b")
    state.move("a", "c")
    state.compact(state.clone())
    assert not state.join(old)
    assert old.compare(state)
    assert not state.compare(old)
    assert not state.compare(joined(old))
    assert joined(old, state).canonical() == state.canonical()
    assert state.replica == "me"
    assert state.move("d", None).payload["moves"][0][0] == [NOW, 2]
