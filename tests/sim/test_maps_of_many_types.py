"""Maps and compounds that hold many types, also ones written by hand, on real nodes."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from crdt import GMap, ORMap, Text, Tree
from crdtnode import sim
from tests.crdt.test_handwritten_children import Highest, Person


@pytest.mark.trio
async def test_what_was_changed_unseen_survives_a_removal_on_the_other_side_of_a_cut(
    autojump_clock: Any,
) -> None:
    types = [Highest, Person]
    async with sim.simulated_cluster(list("abc"), seed=3, types=types, loss=0.1) as cluster:
        a, b, c = list(cluster)
        here = a.open("m", ORMap)
        here.open("text", Text).extend("hello")
        here.open("trees", GMap).open("x", Tree).move("n", None)
        here.open("best", Highest).raise_to(3)
        eric = a.open("p", Person)
        eric.friends.key = "eric"
        eric.friends.follow("joey")
        await cluster.converged()
        there, other = c.open("m", ORMap), c.open("p", Person)
        assert there.value == {"text": "hello", "trees": {"x": {"n": None}}, "best": 3}
        assert other.friends.following == {"joey"}

        cluster.partition(["a"], ["b", "c"])
        here.remove("text")
        here.remove("best")
        there["text"].append("!")
        there["best"].raise_to(9)
        other.friends.following.add("ann")
        await trio.sleep(30)
        cluster.heal()
        await cluster.converged()
        for node in (a, b, c):
            held = node.open("m", ORMap)
            assert (held["text"], held["best"].value) == ("!", 9)
        assert eric.friends.following == {"ann", "joey"}
        here["text"].insert(0, "x")
        await cluster.converged()
        assert b.open("m", ORMap)["text"] == "x!"
