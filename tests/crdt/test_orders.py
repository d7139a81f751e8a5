"""Orders: edges along paths, sentinels around them, and never a cycle."""

from __future__ import annotations

from copy import deepcopy
from itertools import permutations
import pickle
from random import Random
from typing import Any

import pytest

from crdt import AddRemovePartialOrder, MonotonicDAG, PayloadError
from crdt.graphs.arrows import Arrows
from crdt.graphs.order import Sentinel
from tests.crdt.test_graphs import END, ORDERS, START, chain, joined


def has_cycle(edges: set[Any]) -> bool:
    return bool(Arrows(edges).tangled()) and any(
        Arrows(edges).reaches(end, start) for start, end in edges
    )


@pytest.mark.parametrize("kind", ORDERS)
def test_edges_follow_paths_that_are_there(kind: type[Any]) -> None:
    state = chain(kind, "abc")
    assert state.add_edge("a", "c").payload == {"edges": [["a", "c", 4]]}
    assert state.add_edge("a", "c").initial
    assert state.add_edge(START, "b").payload == {"edges": [[["<"], "b", 5]]}
    assert state.add_edge(START, END).initial
    assert state.edges == {("a", "b"), ("b", "c"), ("a", "c")}
    before = state.canonical()
    for start, end in [("c", "a"), ("a", "a"), ("b", START), (END, "b"), (END, START)]:
        with pytest.raises(ValueError, match="no path leads"):
            state.add_edge(start, end)
        with pytest.raises(ValueError, match="no path leads"):
            state.add_between(start, "new", end)
    assert state.canonical() == before


@pytest.mark.parametrize("kind", ORDERS)
def test_a_vertex_goes_between_two_and_is_added_once(kind: type[Any]) -> None:
    state = chain(kind, "ac")
    state.add_between("a", "b", "c")
    assert state.before("a", "b")
    assert state.before("b", "c")
    assert not state.before("b", "a")
    assert (state.predecessors("b"), state.successors("b")) == (["a"], ["c"])
    before = state.canonical()
    for again in ("b", START, END):
        with pytest.raises(ValueError, match="added once"):
            state.add_between(START, again, END)
    with pytest.raises(TypeError, match="an element cannot be"):
        state.add_between(START, [], END)
    for start, end in [("z", END), (START, "z"), ([], END)]:
        with pytest.raises(KeyError):
            state.add_between(start, "new", end)
    assert state.canonical() == before


@pytest.mark.parametrize("kind", ORDERS)
def test_the_sentinels_frame_everything_and_do_not_show(kind: type[Any]) -> None:
    state = kind()
    assert (kind.START, kind.END) == (START, END)
    assert state.value == (set(), set())
    assert state.payload == {}
    assert state.before(START, END)
    assert state.has_edge(START, END)
    state.add_between(START, "a", END)
    assert state.has_edge(START, "a")
    assert state.has_edge("a", END)
    assert not state.has_edge(END, START)
    assert state.value == ({"a"}, set())
    assert state.successors(START) == state.predecessors(END) == ["a"]
    assert state.before(START, "a")
    assert state.before("a", END)
    assert not state.before(END, START)
    assert START not in state
    assert list(state) == ["a"]
    assert state.payload == {"vertices": ["a"], "edges": [["a", [">"], 1], [["<"], "a", 1]]}


def test_a_sentinel_is_one_object_and_says_its_name() -> None:
    assert pickle.loads(pickle.dumps(START)) is deepcopy(START) is MonotonicDAG.START
    assert (repr(START), repr(END)) == ("Sentinel.START", "Sentinel.END")


@pytest.mark.parametrize("kind", ORDERS)
def test_before_is_false_for_what_nobody_knows(kind: type[Any]) -> None:
    state = chain(kind, "a")
    for low, high in [("z", "a"), ("a", "z"), ([], "a"), (START, "z"), ("z", END), ("a", "a")]:
        assert not state.before(low, high)


@pytest.mark.parametrize("kind", ORDERS)
def test_one_vertex_added_at_two_places_never_closes_a_cycle(kind: type[Any]) -> None:
    # here:  START -> v -> x        \
    #                                > v before x before y before v, were all of it to show
    # there: y -> v -> END          /
    start = chain(kind, "xy")
    here, there = start.clone(), start.clone()
    early, late = here.add_between(START, "v", "x"), there.add_between("y", "v", END)
    follow = there.add_between("y", "z", "v")
    for order in permutations([start, early, late, follow]):
        state = joined(*order)
        assert not has_cycle(state.edges)
        assert state.has_edge("x", "y")  # what both had seen stands
        assert state.vertices == set("xyzv")
        assert state.canonical() == joined(here, there).canonical()
        assert state.value == joined(here, there).value


@pytest.mark.parametrize("kind", ORDERS)
def test_an_edge_waits_unseen_for_vertices_and_may_then_be_void(kind: type[Any]) -> None:
    start = chain(kind, "xy")
    other = start.clone()
    other.add_between("y", "v", END)
    waiting = other.clone().add_edge("x", "v")
    start.join(waiting)
    assert not start.has_edge("x", "v")
    assert start.before("x", "y")
    start.add_between(START, "v", "x")  # v comes at another place: x -> v would close a cycle
    assert not has_cycle(start.edges)
    assert start.has_edge("x", "v") != start.has_edge("v", "x")
    assert joined(start, other).value == joined(other, start).value


@pytest.mark.parametrize("kind", ORDERS)
@pytest.mark.parametrize("seed", range(10))
def test_random_orders_converge_without_cycles_in_any_order_of_delivery(
    kind: type[Any], seed: int
) -> None:
    chance = Random(seed)
    replicas = [kind() for _ in range(5)]
    names = list("abcdefgh")
    deltas = []
    for _ in range(60):
        who = chance.choice(replicas)
        ends = [START, *who, END]
        try:
            if chance.random() < 0.7:
                low, high = chance.choice(ends), chance.choice(ends)
                deltas.append(who.add_between(low, chance.choice(names), high))
            else:
                deltas.append(who.add_edge(chance.choice(ends), chance.choice(ends)))
        except ValueError:
            pass
        assert not has_cycle(who.edges)
        if chance.random() < 0.2:
            who.join(chance.choice(replicas))
            assert not has_cycle(who.edges)
        assert who.value == kind.from_payload(who.payload).value
    orders = [joined(*chance.sample(deltas * 2, len(deltas) * 2)) for _ in range(8)]
    assert len({state.canonical() for state in orders}) == 1
    for state in orders:
        assert state.value == kind.from_payload(state.payload).value == orders[0].value
        assert not has_cycle(state.edges)


@pytest.mark.parametrize("kind", ORDERS)
def test_an_index_kept_while_joining_is_the_one_made_anew(kind: type[Any]) -> None:
    state, plain = kind(), kind()
    for i in range(200):
        delta = plain.add_between(i - 1 if i else START, i, END)
        state.join(delta)
        assert state.before(0, i) == (i > 0)
    many = chain(kind, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    state.join(many)
    assert state.value == kind.from_payload(state.payload).value
    assert state.before("a", "Z")


def test_a_removed_vertex_keeps_the_order_of_the_others() -> None:
    state = chain(AddRemovePartialOrder, "abc")
    assert state.remove_vertex("b").payload == {"removed": ["b"]}
    assert state.value == ({"a", "c"}, set())
    assert state.before("a", "c")
    assert state.before("a", "b")
    assert state.successors("a") == []
    assert state.add_between("a", "m", "c").payload["vertices"] == ["m"]
    assert state.before("a", "m")
    for act in (
        lambda: state.remove_vertex("b"),
        lambda: state.add_edge("a", "b"),
        lambda: state.add_between("b", "n", "c"),
        lambda: state.successors("b"),
    ):
        with pytest.raises(KeyError):
            act()
    with pytest.raises(ValueError, match="added once"):
        state.add_between("a", "b", "c")


def test_a_removal_that_overtakes_its_vertex_still_removes() -> None:
    whole = chain(AddRemovePartialOrder, "abc")
    parts = [chain(AddRemovePartialOrder, "abc"), whole.remove_vertex("b")]
    for order in permutations(parts):
        state = joined(*order)
        assert state.value == ({"a", "c"}, set())
        assert state.before("a", "c")


@pytest.mark.parametrize("sentinel", [START, END])
def test_the_sentinels_are_not_removed(sentinel: Sentinel) -> None:
    with pytest.raises(ValueError, match="sentinel, which stays"):
        AddRemovePartialOrder().remove_vertex(sentinel)


def test_a_vertex_added_beside_a_concurrent_removal_keeps_its_place() -> None:
    start = chain(AddRemovePartialOrder, "abc")
    here, there = start.clone(), start.clone()
    here.remove_vertex("b")
    there.add_between("b", "n", "c")
    both = joined(here, there)
    assert both.vertices == {"a", "c", "n"}
    assert both.before("a", "n")
    assert both.before("n", "c")


@pytest.mark.parametrize(
    ("payload", "place"),
    [
        ([], "payload"),
        ({"removed_vertices": ["a"]}, "payload"),
        ({"removed": []}, r"payload\['removed'\]"),
        ({"vertices": ["a"], "removed": ["a"]}, r"payload\['vertices'\]"),
        ({"edges": [["a", "b"]]}, r"payload\['edges'\]\[0\]"),
        ({"edges": [["a", "b", 0]]}, r"payload\['edges'\]\[0\]\[2\]"),
        ({"edges": [["a", "b", True]]}, r"payload\['edges'\]\[0\]\[2\]"),
        ({"edges": [["a", "a", 1]]}, r"payload\['edges'\]\[0\]"),
        ({"edges": [["a", ["<"], 1]]}, r"payload\['edges'\]\[0\]"),
        ({"edges": [[[">"], "a", 1]]}, r"payload\['edges'\]\[0\]"),
        ({"edges": [[["<"], [">"], 1]]}, r"payload\['edges'\]\[0\]"),
        ({"edges": [[["="], "a", 1]]}, r"payload\['edges'\]\[0\]\[0\]"),
        ({"edges": [[[1], "a", 1]]}, r"payload\['edges'\]\[0\]\[0\]"),
        ({"edges": [["a", "b", 1], ["a", "b", 2]]}, r"payload\['edges'\]\[1\]"),
    ],
)
def test_a_payload_that_no_order_writes_is_refused(payload: Any, place: str) -> None:
    with pytest.raises(PayloadError, match=place):
        AddRemovePartialOrder.from_payload(payload)


def test_a_dag_knows_no_removal() -> None:
    with pytest.raises(PayloadError, match="no other fields"):
        MonotonicDAG.from_payload({"removed": ["a"]})
    assert not hasattr(MonotonicDAG(), "remove_vertex")


def test_a_payload_whose_edges_go_round_is_loaded_without_the_cycle() -> None:
    around = {
        "vertices": ["a", "b", "c"],
        "edges": [["a", "b", 3], ["b", "c", 1], ["c", "a", 2]],
    }
    state: MonotonicDAG[str] = MonotonicDAG.from_payload(around)
    assert state.edges == {("b", "c"), ("c", "a")}
    assert state.payload == around
    state.join(MonotonicDAG.from_payload({"edges": [["a", "b", 1]]}))
    assert state.edges == {("a", "b"), ("b", "c")}


def test_ranks_grow_beyond_what_json_readers_hold() -> None:
    state: MonotonicDAG[str] = MonotonicDAG.from_payload(
        {"vertices": ["a"], "edges": [["a", "b", 2**53 - 1]]}
    )
    delta = state.add_between("a", "c", END)
    assert delta.payload["edges"][0] == ["a", "c", ["i", "0x20000000000000"]]
    assert MonotonicDAG.from_payload(state.payload) == state
