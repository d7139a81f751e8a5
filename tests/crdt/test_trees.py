"""Trees: moves that meet, moves that come late, and what a tree refuses."""

from __future__ import annotations

from copy import deepcopy
from itertools import permutations
import pickle
from random import Random
from typing import Any

import pytest

from crdt import PayloadError, Tree
from crdt.trees.moves import Move, MoveLog

NOW = 1_700_000_000_000


def tree(replica: str, now: int = NOW) -> Tree[Any]:
    return Tree(replica, clock=lambda: now)


def joined(*parts: Tree[Any]) -> Tree[Any]:
    whole: Tree[Any] = Tree()
    for part in parts:
        whole.join(part)
    return whole


def tops_of(state: Tree[Any]) -> set[Any]:
    """Follow every node to its top; raise if some way goes round in a cycle."""
    tops = set()
    for node in state:
        seen = [node]
        while (parent := state.value.get(seen[-1])) is not None:
            assert parent not in seen, f"a cycle: {seen}"
            seen.append(parent)
        tops.add(seen[-1])
    return tops


# --- moves that meet ---------------------------------------------------------------------------


def test_of_two_moves_that_close_a_cycle_one_wins_everywhere_and_no_node_is_lost() -> None:
    # here:  a -> b  \
    #                 > both have both: the earlier one stands, the later one is void
    # there: b -> a  /
    start = tree("start")
    made = [start.move("a", None), start.move("b", None), start.move("leaf", "a")]
    here, there = (start.clone(name) for name in ("here", "there"))
    down, up = here.move("a", "b"), there.move("b", "a")
    for order in permutations([*made, down, up]):
        state = joined(*order)
        assert state.value == {"a": "b", "b": None, "leaf": "a"}
        assert state.canonical() == joined(here, there).canonical()
    assert here.join(up)
    assert there.join(down)
    assert here.value == there.value == {"a": "b", "b": None, "leaf": "a"}


def test_three_moves_that_close_a_cycle_together_leave_a_tree() -> None:
    start = tree("start")
    for node in "abc":
        start.move(node, None)
    pairs = [("a", "b"), ("b", "c"), ("c", "a")]
    deltas = [start.clone(f"r{i}").move(*pair) for i, pair in enumerate(pairs)]
    for order in permutations(deltas):
        state = joined(start, *order)
        assert state.value == {"a": "b", "b": "c", "c": None}


def test_of_concurrent_moves_of_one_node_the_last_decides_and_it_is_in_one_place() -> None:
    start = tree("start")
    for node in ("x", "left", "right"):
        start.move(node, None)
    here, there = start.clone("here"), start.clone("there")
    here.move("x", "left")
    there.move("x", "right")
    assert Tree.merge(here, there).value == Tree.merge(there, here).value
    assert Tree.merge(here, there).parent_of("x") == "right"  # "there" is the greater id
    assert Tree.merge(here, there).children_of("left") == []


def test_a_late_older_move_makes_a_newer_one_void() -> None:
    # ms: 1 old: b -> a          arrives last
    #     2 new: a -> b          took effect at first
    old = tree("old", 1).move("b", "a")
    new = tree("new", 2).move("a", "b")
    state = joined(new)
    assert state.value == {"a": "b"}
    state.join(old)
    assert state.value == {"b": "a"}
    assert "a" not in state  # its only move is void: it is a parent that has no place of its own


def test_a_late_older_move_lets_a_void_one_take_effect() -> None:
    # ms: 1 b -> a   2 (late) b -> c   3 a -> b: a cycle with 1, none once 2 has arrived
    first, newest = tree("r", 1).move("b", "a"), tree("t", 3).move("a", "b")
    late = tree("s", 2).move("b", "c")
    state = joined(first, newest)
    assert state.value == {"b": "a"}
    state.join(late)
    assert state.value == {"b": "c", "a": "b"}


def test_a_move_overwritten_by_a_newer_one_still_counts_for_what_lies_between() -> None:
    # ms: 1 a -> b   2 (late) b -> a: void, for a is below b at that time   3 a -> c
    moves = [
        tree("r", 1).move("a", "b"),
        tree("s", 2).move("b", "a"),
        tree("t", 3).move("a", "c"),
    ]
    for order in permutations(moves):
        assert joined(*order).value == {"a": "c"}


def test_moves_that_keep_their_order_are_not_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Move] = []
    do = MoveLog._do
    monkeypatch.setattr(MoveLog, "_do", lambda log, move: (done.append(move), do(log, move)))
    state = tree("me")
    other = joined(*[state.move(number, number - 1 or None) for number in range(1, 201)])
    late = tree("you").move(1000, None)  # as old as the first one
    assert len(other) == 200
    done.clear()
    other.join(late)
    assert len(other) == 201
    assert len(done) == 1 + 199
    newest = state.move(1, 7 * 7 * 7)
    done.clear()
    other.join(newest)
    assert 1 in other
    assert len(done) == 1


def test_late_moves_that_come_one_by_one_cost_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Move] = []
    do = MoveLog._do
    monkeypatch.setattr(MoveLog, "_do", lambda log, move: (done.append(move), do(log, move)))
    early, late = tree("me"), tree("you")
    deltas = [early.move(number, None) for number in range(200)]
    state = joined(*[late.move(1000 + number, None) for number in range(200)])
    assert len(state) == 200
    done.clear()
    for delta in reversed(deltas):
        assert state.join(delta)
        assert not state.join(delta)
    assert done == []
    assert len(state) == 400
    assert len(done) <= 400


def test_a_chain_as_deep_as_long_is_built_without_walking_it() -> None:
    state = Tree[int]("me", clock=lambda: NOW)
    for number in range(3_000):
        state.move(number, number - 1 if number else None)
    assert len(state.ancestors_of(2_999)) == 2_999
    assert Tree.from_payload(state.payload) == state


class Counted(dict[Any, Any]):
    """Counts how often somebody looks a parent up."""

    looks = 0

    def __getitem__(self, key: Any) -> Any:
        self.looks += 1
        return super().__getitem__(key)


def test_a_small_heap_moves_to_a_deep_place_and_a_deep_one_to_the_top_in_a_few_steps() -> None:
    log = MoveLog((1, i, "r", i, i - 1 if i else None) for i in range(1000))
    log.insert([(2, 0, "r", "file", "folder"), (2, 1, "r", "other", "folder")])
    log._parents = counted = Counted(log.parents)
    assert not log.within(999, "folder")
    assert not log.within("folder", 0)
    assert not log.within("file", 0)
    assert counted.looks < 10
    assert log.within(999, 0)
    assert log.within(1, 0)


@pytest.mark.parametrize("seed", range(20))
def test_random_moves_in_any_order_with_duplicates_give_one_tree(seed: int) -> None:
    chance = Random(seed)
    replicas = [Tree[str](f"r{i}", clock=lambda i=i: NOW + i % 2) for i in range(5)]
    nodes = list("abcdefgh")
    deltas = []
    for _ in range(60):
        who = chance.choice(replicas)
        node, parent = chance.choice(nodes), chance.choice([None, *nodes])
        if chance.random() < 0.3:
            who.join(chance.choice(replicas))
        try:
            deltas.append(who.move(node, parent))
        except ValueError:
            assert parent == node or node in who.ancestors_of(parent or "")
    orders = [joined(*chance.sample(deltas * 2, len(deltas) * 2)) for _ in range(10)]
    assert len({state.canonical() for state in orders}) == 1
    assert all(state.value == orders[0].value for state in orders)
    tops_of(orders[0])


# --- one replica -------------------------------------------------------------------------------


def test_a_move_takes_along_what_lies_below() -> None:
    state = tree("me")
    for node, parent in [("a", None), ("b", "a"), ("c", "b"), ("d", None)]:
        state.move(node, parent)
    state.move("b", "d")
    assert state.ancestors_of("c") == ["b", "d"]
    assert state.children_of("a") == []
    assert state.children_of("d") == ["b"]


def test_a_tree_is_read_by_parents_children_and_ancestors() -> None:
    state = tree("me")
    state.move("b", None)
    state.move("a", None)
    state.move(("x", 1), "a")
    assert state.children_of(None) == ["a", "b"]
    assert state.parent_of(("x", 1)) == "a"
    assert state.parent_of("a") is None
    assert state.ancestors_of("a") == []
    assert sorted(map(str, state)) == ["('x', 1)", "a", "b"]
    assert len(state) == 3
    assert "a" in state
    for no_node in ("z", None, [], float("nan")):
        assert no_node not in state
        assert no_node is None or state.children_of(no_node) == []  # type: ignore[arg-type]  # on purpose
        with pytest.raises(KeyError):
            state.parent_of(no_node)  # type: ignore[arg-type]  # on purpose
        with pytest.raises(KeyError):
            state.ancestors_of(no_node)  # type: ignore[arg-type]  # on purpose


def test_an_unknown_parent_is_allowed_and_may_come_later() -> None:
    state = tree("me")
    state.move("leaf", "branch")
    assert state.value == {"leaf": "branch"}
    assert state.ancestors_of("leaf") == ["branch"]
    assert "branch" not in state
    state.move("branch", None)
    assert state.value == {"leaf": "branch", "branch": None}


@pytest.mark.parametrize("parent", ["a", "b", "c"])
def test_a_node_is_not_moved_below_itself_or_what_lies_below_it(parent: str) -> None:
    state = tree("me")
    for node, place in [("a", None), ("b", "a"), ("c", "b")]:
        state.move(node, place)
    before = state.canonical()
    with pytest.raises(ValueError, match="cannot go below itself"):
        state.move("a", parent)
    assert state.canonical() == before


def test_a_node_that_is_unknown_is_not_moved_below_what_waits_below_it() -> None:
    state = tree("me")
    state.move("leaf", "unknown")
    with pytest.raises(ValueError, match="'leaf' is below 'unknown'"):
        state.move("unknown", "leaf")


def test_the_root_is_no_node() -> None:
    with pytest.raises(ValueError, match="root"):
        tree("me").move(None, "a")


@pytest.mark.parametrize("wrong", [[], {}, object(), NotImplemented])
def test_what_cannot_be_an_element_is_no_node_and_no_parent(wrong: Any) -> None:
    state = tree("me")
    with pytest.raises(TypeError, match="an element cannot be"):
        state.move(wrong, None)
    with pytest.raises(TypeError, match="an element cannot be"):
        state.move("a", wrong)
    assert state.initial


def test_nodes_that_python_takes_for_equal_are_several() -> None:
    state = tree("me")
    for node, parent in [(1, None), (True, 1), (1.0, True), ("1", 1.0)]:
        state.move(node, parent)
    assert len(state) == 4
    assert state.ancestors_of("1") == [1.0, True, 1]
    assert list(map(repr, state.ancestors_of("1"))) == ["1.0", "True", "1"]
    assert state.value == {"1": 1, 1: None}  # the int comes first in canonical order


def test_a_local_move_beats_all_that_was_seen_though_the_clock_steps_back() -> None:
    times = iter([NOW, NOW - 5000, NOW - 5000])
    state: Tree[str] = Tree("me", clock=lambda: next(times))
    state.move("a", "x")
    state.move("a", "y")
    state.move("a", None)
    assert state.value == {"a": None}
    assert [move[0] for move in state.payload["moves"]] == [[NOW, 0], [NOW, 1], [NOW, 2]]


def test_moving_a_node_to_where_it_is_counts_as_a_move() -> None:
    start = tree("z", 5)
    start.move("a", "x")
    here, there = start.clone("here"), start.clone("there")
    there.move("a", "y")
    here.join(there)
    here.move("a", "y")
    late = tree("late", 5)
    late.join(start)
    late.move("a", "q")
    assert joined(late, here).value == {"a": "y"}


def test_two_moves_with_one_stamp_and_id_are_kept_in_canonical_order() -> None:
    one, other = tree("me", 5).move("a", "x"), tree("me", 5).move("a", "y")
    assert joined(one, other).canonical() == joined(other, one).canonical()
    assert joined(one, other).value == {"a": "y"}


def test_an_object_that_sees_more_of_its_own_id_draws_another() -> None:
    mine, thief = tree("me", 5), tree("me", 9)
    mine.move("a", None)
    mine.join(thief.move("b", None))
    assert mine.replica is None
    mine.move("c", None)
    assert mine.stats()["replicas"] == 2


def test_copies_share_nothing_and_survive_pickling_with_their_undo() -> None:
    state = joined(tree("me", 3).move("b", "a"), tree("you", 4).move("a", "b"))
    for copied in (state.clone(), deepcopy(state), pickle.loads(pickle.dumps(state))):
        copied.join(tree("late", 1).move("x", "y"))
        assert copied.value == {"b": "a", "x": "y"}
        copied.join(tree("you", 3).move("b", "c"))
        assert copied.value == {"b": "c", "a": "b", "x": "y"}
    assert state.value == {"b": "a"}


def test_a_tree_counts_nodes_and_the_moves_that_no_longer_show() -> None:
    state = tree("me")
    for parent in ("x", "y", "z"):
        state.move("a", parent)
    stats = state.stats()
    assert (stats["replicas"], stats["elements"], stats["tombstones"]) == (1, 1, 2)


# --- payloads ----------------------------------------------------------------------------------


def move_of(ms: int = 1, replica: str = "r", node: Any = "a", parent: Any = None) -> list[Any]:
    return [[ms, 0], replica, node, parent]


@pytest.mark.parametrize(
    ("payload", "place"),
    [
        ([], "payload"),
        ({"other": []}, "payload"),
        ({"moves": []}, r"payload\['moves'\]"),
        ({"moves": {}}, r"payload\['moves'\]"),
        ({"moves": [move_of()[:3]]}, r"payload\['moves'\]\[0\]"),
        ({"moves": [[1, "r", "a", None]]}, r"payload\['moves'\]\[0\]\[0\]"),
        ({"moves": [[[1, -1], "r", "a", None]]}, r"payload\['moves'\]\[0\]\[0\]\[1\]"),
        ({"moves": [move_of(replica="")]}, r"payload\['moves'\]\[0\]\[1\]"),
        ({"moves": [move_of(node=None)]}, r"payload\['moves'\]\[0\]\[2\]"),
        ({"moves": [move_of(node=["x"])]}, r"payload\['moves'\]\[0\]\[2\]"),
        ({"moves": [move_of(parent=["l", []])]}, r"payload\['moves'\]\[0\]\[3\]"),
        ({"moves": [move_of(parent="a")]}, r"payload\['moves'\]\[0\]\[3\]"),
        ({"moves": [move_of(2), move_of(1)]}, r"payload\['moves'\]\[1\]"),
        ({"moves": [move_of(), move_of()]}, r"payload\['moves'\]\[1\]"),
        ({"frontier": [-1, 0]}, r"payload\['frontier'\]"),
        ({"frontier": None}, r"payload\['frontier'\]"),
    ],
)
def test_a_payload_that_no_tree_writes_is_refused(payload: Any, place: str) -> None:
    with pytest.raises(PayloadError, match=place):
        Tree.from_payload(payload)
