"""Graphs: edges between what is there, paths that never go round, and what is refused."""

from __future__ import annotations

from copy import deepcopy
from itertools import permutations
import pickle
from random import Random
from typing import Any

import pytest

from crdt import AddRemovePartialOrder, MonotonicDAG, PayloadError, TwoPTwoPGraph
from crdt.graphs.arrows import Arrows
from crdt.graphs.order import Sentinel

ORDERS = [MonotonicDAG, AddRemovePartialOrder]
GRAPHS = [TwoPTwoPGraph, *ORDERS]

START, END = Sentinel.START, Sentinel.END


def joined(*parts: Any) -> Any:
    whole = type(parts[0])()
    for part in parts:
        whole.join(part)
    return whole


def graph(vertices: str, *edges: str) -> TwoPTwoPGraph[str]:
    made: TwoPTwoPGraph[str] = TwoPTwoPGraph()
    for vertex in vertices:
        made.add_vertex(vertex)
    for start, end in edges:
        made.add_edge(start, end)
    return made


def chain(kind: type[Any], vertices: str) -> Any:
    made = kind()
    before = START
    for vertex in vertices:
        made.add_between(before, vertex, END)
        before = vertex
    return made


def has_cycle(edges: set[Any]) -> bool:
    return bool(Arrows(edges).tangled()) and any(
        Arrows(edges).reaches(end, start) for start, end in edges
    )


# --- the two-phase graph -----------------------------------------------------------------------


def test_an_edge_to_a_vertex_that_was_removed_meanwhile_never_shows() -> None:
    here = graph("ab")
    there = here.clone()
    removed, linked = here.remove_vertex("b"), there.add_edge("a", "b")
    for order in permutations([graph("ab"), removed, linked]):
        state = joined(*order)
        assert state.value == ({"a"}, set())
        assert not state.has_edge("a", "b")
        assert state.successors("a") == []
        assert state.canonical() == joined(here, there).canonical()


def test_an_edge_waits_unseen_for_its_vertices() -> None:
    whole = graph("ab", "ab")
    edge = graph("ab").add_edge("a", "b")
    state = joined(edge)
    assert state.value == (set(), set())
    assert not state.has_edge("a", "b")
    state.join(whole)
    assert state.value == ({"a", "b"}, {("a", "b")})


def test_an_edge_and_a_vertex_removed_elsewhere_never_come_back() -> None:
    start = graph("abc", "ab")
    here = start.clone()
    here.remove_edge("a", "b")
    here.remove_vertex("b")
    assert joined(start, here, start).value == ({"a", "c"}, set())
    with pytest.raises(ValueError, match="'b' was removed"):
        here.add_vertex("b")


def test_an_edge_that_was_removed_is_not_added_again() -> None:
    state = graph("ab", "ab", "ba")
    before = state.remove_edge("a", "b").canonical()
    assert joined(graph("ab", "ab"), state).edges == {("b", "a")}
    with pytest.raises(ValueError, match="'a' -> 'b' was removed"):
        state.add_edge("a", "b")
    assert state.remove_edge("b", "a").canonical() != before


def test_a_vertex_with_edges_is_not_removed() -> None:
    state = graph("abc", "ab", "cc")
    for vertex in "abc":
        with pytest.raises(ValueError, match="still has edges"):
            state.remove_vertex(vertex)
    state.remove_edge("a", "b")
    state.remove_edge("c", "c")
    for vertex in "abc":
        state.remove_vertex(vertex)
    assert state.value == (set(), set())


def test_an_edge_that_does_not_show_keeps_no_vertex() -> None:
    here = graph("ab")
    there = here.clone()
    here.remove_vertex("b")
    there.add_edge("a", "b")
    here.join(there)
    assert here.remove_vertex("a").payload == {"removed_vertices": ["a"]}


@pytest.mark.parametrize("warm", [False, True])
def test_neighbours_are_those_that_show(warm: bool) -> None:
    state = graph("abc", "ab")
    if warm:
        assert state.successors("a") == ["b"]
    state.add_edge("a", "c")
    state.add_edge("c", "a")
    state.remove_edge("a", "b")
    state.join(graph("d"))
    assert (state.successors("a"), state.predecessors("a")) == (["c"], ["c"])
    assert state.has_edge("c", "a")
    assert not state.has_edge("a", "b")
    assert not state.has_edge("a", [])


def test_what_is_not_there_is_a_key_error_and_changes_nothing() -> None:
    state = graph("ab")
    before = state.canonical()
    for act in (
        lambda: state.add_edge("a", "z"),
        lambda: state.add_edge("z", "a"),
        lambda: state.add_edge("a", []),  # type: ignore[arg-type]  # cannot be a vertex at all
        lambda: state.remove_edge("a", "b"),
        lambda: state.remove_vertex("z"),
        lambda: state.successors("z"),
        lambda: state.predecessors("z"),
    ):
        with pytest.raises(KeyError):
            act()
    assert state.canonical() == before


def test_adding_what_is_there_changes_nothing() -> None:
    state = graph("ab", "ab")
    before = state.canonical()
    assert state.add_vertex("a").initial
    assert state.add_edge("a", "b").initial
    assert state.canonical() == before


# --- orders ------------------------------------------------------------------------------------


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


# --- all of them -------------------------------------------------------------------------------


def mixed(kind: type[Any]) -> Any:
    """Return a graph of vertices that Python takes for equal."""
    state = kind()
    for vertex in (1, True, 1.0, "1"):
        if kind is TwoPTwoPGraph:
            state.add_vertex(vertex)
        else:
            state.add_between(START, vertex, END)
    return state


@pytest.mark.parametrize("kind", GRAPHS)
def test_vertices_that_python_takes_for_equal_are_several(kind: type[Any]) -> None:
    state = mixed(kind)
    assert len(state) == 4
    assert state.vertices == {1, "1"}
    assert {type(vertex) for vertex in state.vertices} == {int, str}
    assert sorted(map(repr, state)) == ["'1'", "1", "1.0", "True"]
    assert all(vertex in state for vertex in (1, True, 1.0, "1"))
    assert 2 not in state
    assert [] not in state


def test_edges_that_python_takes_for_equal_are_several() -> None:
    state = mixed(TwoPTwoPGraph)
    for start, end in [(1.0, "1"), (True, "1"), (1, "1")]:
        state.add_edge(start, end)
    assert list(map(repr, state.predecessors("1"))) == ["1", "1.0", "True"]
    ((start, end),) = state.edges
    assert (type(start), end) == (int, "1")


def grown(kind: type[Any]) -> Any:
    return graph("abc", "ab", "bc") if kind is TwoPTwoPGraph else chain(kind, "abc")


@pytest.mark.parametrize("kind", GRAPHS)
def test_copies_share_nothing_with_the_original(kind: type[Any]) -> None:
    state = grown(kind)
    before = state.canonical()
    for copied in (state.clone(), deepcopy(state), pickle.loads(pickle.dumps(state))):
        assert copied.successors("a") == ["b"]
        if kind is TwoPTwoPGraph:
            copied.remove_edge("a", "b")
        else:
            copied.add_between("a", "n", "b")
        assert state.canonical() == before
        assert state.successors("a") == ["b"]


@pytest.mark.parametrize("kind", GRAPHS)
def test_assigning_a_payload_forgets_what_was_looked_up(kind: type[Any]) -> None:
    state = grown(kind)
    assert state.successors("a") == ["b"]
    state.payload = mixed(kind).payload
    assert state.successors(1) == []


@pytest.mark.parametrize("kind", GRAPHS)
def test_a_graph_counts_what_shows_and_what_was_removed(kind: type[Any]) -> None:
    state = grown(kind)
    assert (state.stats()["elements"], state.stats()["tombstones"]) == (5, 0)
    assert state.stats()["replicas"] == 0


def test_removed_vertices_and_edges_are_tombstones() -> None:
    state = graph("abc", "ab", "bc")
    state.remove_edge("b", "c")
    state.remove_vertex("c")
    assert (state.stats()["elements"], state.stats()["tombstones"]) == (3, 2)
    order = chain(AddRemovePartialOrder, "abc")
    order.remove_vertex("b")
    assert (order.stats()["elements"], order.stats()["tombstones"]) == (2, 1)


@pytest.mark.parametrize(
    ("payload", "place"),
    [
        ([], "payload"),
        ({"removed": ["a"]}, "payload"),
        ({"vertices": []}, r"payload\['vertices'\]"),
        ({"edges": []}, r"payload\['edges'\]"),
        ({"vertices": ["b", "a"]}, r"payload\['vertices'\]\[1\]"),
        ({"vertices": ["a"], "removed_vertices": ["a"]}, r"payload\['vertices'\]"),
        ({"edges": [["a", "b"]], "removed_edges": [["a", "b"]]}, r"payload\['edges'\]"),
        ({"edges": [["a"]]}, r"payload\['edges'\]\[0\]"),
        ({"edges": ["ab"]}, r"payload\['edges'\]\[0\]"),
        ({"edges": [["a", "b"], ["a", "b"]]}, r"payload\['edges'\]\[1\]"),
        ({"edges": [["b", "a"], ["a", "b"]]}, r"payload\['edges'\]\[1\]"),
        ({"removed_edges": [["a", ["<"]]]}, r"payload\['removed_edges'\]\[0\]\[1\]"),
    ],
)
def test_a_payload_that_no_two_phase_graph_writes_is_refused(payload: Any, place: str) -> None:
    with pytest.raises(PayloadError, match=place):
        TwoPTwoPGraph.from_payload(payload)


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


def test_ways_are_found_from_whichever_end_has_less_to_look_at() -> None:
    spread = Arrows([("hub", i) for i in range(50)] + [(49, "far")])
    funnel = Arrows([(i, "hub") for i in range(50)] + [("far", 49)])
    assert spread.reaches("hub", "far")
    assert funnel.reaches("far", "hub")
    assert not spread.reaches("far", "hub")
    assert not funnel.reaches("hub", "far")
    ring = Arrows([(i, (i + 1) % 6) for i in range(6)])
    assert all(ring.reaches(i, j) for i in range(6) for j in range(6))
    assert len(ring.tangled()) == len(ring) == 6
