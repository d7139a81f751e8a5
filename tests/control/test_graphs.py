"""Trees and graphs over HTTP."""

import pytest

from crdt import AddRemovePartialOrder, MonotonicDAG, Tree, TwoPTwoPGraph
from crdtnode.control.rendering import value_of
from crdtnode.node.mutators import mutators


async def test_a_tree_is_moved_and_shown_by_parents(api):
    await api.call("tree/files/move", "docs", None)
    answer = await api.call("tree/files/move", "drafts", "docs")
    assert "value" not in answer.json
    answer = await api.call("tree/files/move", ["t", ["old", 1]], "drafts", value=True)
    assert answer.json["value"] == {"docs": None, "drafts": "docs", '["t",["old",1]]': "drafts"}
    assert api.node.open("files", Tree).parent_of(("old", 1)) == "drafts"


async def test_a_move_that_would_close_a_cycle_is_refused(api):
    await api.call("tree/files/move", "b", "a")
    answer = await api.call("tree/files/move", "a", "b")
    assert answer.status == 422
    assert "cannot go below itself" in answer.json["detail"]


async def test_a_graph_is_shown_by_vertices_and_edges(api):
    for vertex in ("b", "a", 1):
        await api.call("twoptwopgraph/links/add_vertex", vertex)
    await api.call("twoptwopgraph/links/add_edge", "b", 1)
    answer = await api.call("twoptwopgraph/links/add_edge", "a", "b", value=True)
    assert answer.json["value"] == {"vertices": ["a", "b", 1], "edges": [["a", "b"], ["b", 1]]}
    assert (await api.call("twoptwopgraph/links/remove_vertex", "a")).status == 422


@pytest.mark.parametrize("kind", ["monotonicdag", "addremovepartialorder"])
async def test_the_sentinels_of_an_order_are_written_as_in_payloads(api, kind):
    await api.call(f"{kind}/steps/add_between", ["<"], "build", [">"])
    answer = await api.call(f"{kind}/steps/add_between", "build", "ship", [">"], value=True)
    assert answer.json["value"] == {"vertices": ["build", "ship"], "edges": [["build", "ship"]]}
    assert (await api.call(f"{kind}/steps/add_between", ["="], "x", [">"])).status == 422
    assert (await api.call(f"{kind}/steps/add_edge", "ship", "build")).status == 422


def test_nodes_that_would_look_the_same_are_shown_in_pairs():
    tree = Tree("me")
    tree.move(1, "a")
    tree.move("1", None)
    assert value_of(tree) == [["1", None], [1, "a"]]


@pytest.mark.parametrize(
    ("kind", "methods"),
    [
        (Tree, ["move"]),
        (TwoPTwoPGraph, ["add_edge", "add_vertex", "remove_edge", "remove_vertex"]),
        (MonotonicDAG, ["add_between", "add_edge"]),
        (AddRemovePartialOrder, ["add_between", "add_edge", "remove_vertex"]),
    ],
)
def test_what_changes_a_tree_or_graph_may_be_called_and_nothing_else(kind, methods):
    assert list(mutators(kind)) == methods
