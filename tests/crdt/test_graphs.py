"""Graphs: edges between what is there, paths that never go round, and what is refused."""

from __future__ import annotations

from copy import deepcopy
from itertools import permutations
import pickle
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
