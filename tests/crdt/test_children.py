"""Every type as a child of maps: removals undo what was seen, at any depth, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from crdt import (
    RGA,
    AddRemovePartialOrder,
    BoundedCounter,
    EnableWinsFlag,
    GCounter,
    GMap,
    GSet,
    Logoot,
    LWWMap,
    MaxRegister,
    MonotonicDAG,
    ORCart,
    ORMap,
    ORSet,
    PayloadError,
    PNCounter,
    PNSet,
    RWSet,
    Sequence,
    Text,
    Tree,
    TwoPSet,
    TwoPTwoPGraph,
    USet,
    type_of,
)
from crdt.catalogue import tags
from crdt.testing import Subject, check_history, run_history, wide_script
from crdt.testing.children import Way, child_subject
from tests.crdt.kinds import BUILT_IN, Change

Map = ORMap[Any]

CHILDREN = [kind for kind in BUILT_IN if kind is not BoundedCounter]

DEEP: list[tuple[type[Any], Way]] = [
    (Text, (ORMap, ORMap, ORMap, ORMap)),
    (Sequence, (ORMap, GMap, ORMap)),
    (RGA, (ORMap, ORMap)),
    (Logoot, (ORMap, GMap)),
    (Tree, (ORMap, GMap)),
    (PNCounter, (ORMap, GMap, ORMap)),
    (PNSet, (ORMap, ORMap)),
    (RWSet, (ORMap, GMap)),
    (ORMap, (ORMap, GMap)),
    (GMap, (ORMap, ORMap)),
]


def settle(*maps: Map) -> None:
    for one in maps:
        for other in maps:
            one.join(other)
    assert len({one.canonical() for one in maps}) == 1


def pair() -> tuple[Map, Map]:
    return ORMap("here"), ORMap("there")


def hold_to_the_laws(subject: Subject[Any], often: int) -> None:
    """Check all laws on histories of four or five replicas and over thirty operations."""
    for seed in range(often):
        check_history(run_history(subject, wide_script(seed)))


@pytest.mark.sweep
@pytest.mark.parametrize("kind", CHILDREN)
def test_a_map_of_any_type_keeps_every_law(kind: type[Any]) -> None:
    hold_to_the_laws(child_subject(kind), 3)


@pytest.mark.sweep
@pytest.mark.parametrize(("kind", "way"), DEEP)
def test_maps_in_maps_keep_every_law(kind: type[Any], way: Way) -> None:
    hold_to_the_laws(child_subject(kind, way), 2)


def test_every_type_of_the_catalogue_but_one_can_be_a_child() -> None:
    here = ORMap[str]("here")
    for tag in tags():
        kind = type_of(tag)
        if kind.__module__.startswith("crdt.") and kind is not BoundedCounter:
            here.open("x", kind)
    with pytest.raises(TypeError, match="BoundedCounter cannot live"):
        here.open("x", BoundedCounter)
    assert here.initial


@pytest.mark.parametrize("kind", CHILDREN)
def test_a_child_of_any_type_is_changed_copied_carried_and_removed(
    kind: type[Any], change: Change
) -> None:
    here, there = pair()
    child = here.open("x", kind)
    for _ in range(3):
        change(child)
    there.join(ORMap.from_payload(here.payload))
    assert there["x"].value == child.value
    assert there.canonical() == here.canonical()
    here["copy"] = child.clone()
    assert here["copy"].value == child.value
    there.remove("x")
    here.join(there)
    assert "x" not in here
    assert child.value == kind().value
    change(child)
    settle(here, there)
    assert there["x"].value == child.value != kind().value


# --- sequences -------------------------------------------------------------------------------------


def test_an_item_inserted_unseen_finds_its_place_among_items_that_a_removal_deleted() -> None:
    """Here "hello" goes; there, which does not know, "!" is put behind it and "," inside."""
    here, there = pair()
    here.open("t", Text).extend("hello")
    there.join(here)
    there.open("t", Text).append("!")
    there.open("t", Text).insert(2, ",")
    here.remove("t")
    settle(here, there)
    assert here["t"].value == there["t"].value == ",!"
    here["t"].insert(1, "-")
    settle(here, there)
    assert there["t"] == ",-!"


def test_a_text_in_maps_in_maps_goes_with_the_outermost_key() -> None:
    here, there = pair()

    def text(whole: Map) -> Text:
        return whole.open("user", ORMap).open("posts", GMap).open(7, Text)

    text(here).extend("draft")
    there.join(here)
    text(there).extend(" two")
    text(here).delete(0, 2)
    here.remove("user")
    assert "user" not in here
    settle(here, there)
    assert text(here) == text(there) == " two"


def test_a_text_without_letters_is_not_shown_and_its_key_comes_back_with_the_next() -> None:
    here = ORMap[str]("here")
    text = here.open("t", Text)
    text.extend("ab")
    text.clear()
    assert "t" not in here
    assert here == {}
    assert not here.initial
    text.append("c")
    assert here.value == {"t": "c"}


def test_a_deleted_text_takes_the_place_of_its_anchors_not_of_its_letters() -> None:
    here = ORMap[str]("here")
    here.open("t", Text).extend("letters " * 1000)
    here.remove("t")
    assert len(here.canonical()) < 80
    assert here.stats()["elements"] == 0
    assert here.stats()["tombstones"] == 8000


def test_a_chain_of_letters_is_one_string_in_the_payload() -> None:
    here = ORMap[str]("here")
    here.open("t", Text).extend("abcd")
    here["t"].delete(1, 3)
    here["t"].insert(1, "x")
    assert here.payload == {
        "here": [
            [["t", "text@1", [[[">"], "a"], [None, "", 2], [None, "d"], [["<", "here", 2], "x"]]]],
            [0, 5],
            [0, 5],
        ]
    }


@pytest.mark.parametrize(
    "chains",
    [
        [[None, "a"]],
        [[[">"], "a"], [None, "b"]],
        [[[">"], "", 1], [None, "", 1]],
        [[[">"], "a", 1]],
        [[[">"], ""]],
        [[[">"], "", 0]],
        [[[">"], ["a"]]],
        [[[">", "r", 1], "a"]],
        [[[">", "r", 2], "a"]],
        [[[">"], "a"], [[">", "r", 1], "b"]],
        [[[">"]]],
        [5],
    ],
)
def test_chains_that_no_map_writes_are_refused(chains: Any) -> None:
    count = sum(
        (chain[2] if len(chain) > 2 else len(chain[1])) if isinstance(chain, list) and len(chain) > 1
        else 1
        for chain in chains
    )  # fmt: skip
    runs = [0, count] if count else []
    with pytest.raises(PayloadError):
        ORMap.from_payload({"r": [[["t", "text@1", chains]], runs, runs]})


def test_an_rga_refuses_an_anchor_that_is_younger_than_its_item() -> None:
    chains = [["t", "rga@1", [[["other", 5], ["a"]]]]]
    with pytest.raises(PayloadError, match="under its dot"):
        ORMap.from_payload({"r": [chains, [0, 1], [0, 1]]})
    ORMap.from_payload({"r": [chains, [5, 1], [5, 1]]})


def test_places_in_a_logoot_are_its_own_after_copying() -> None:
    here = ORMap[str]("z")
    free = Logoot[str]("a")
    for n in range(40):
        free.insert(n // 2, f"i{n}")
    here["l"] = free
    assert here["l"] == free
    here["l"].insert(1, "new")
    here["again"] = here["l"].clone()
    assert here["again"] == here["l"]


# --- others ----------------------------------------------------------------------------------------


def test_a_tree_keeps_the_moves_that_the_remover_had_not_seen() -> None:
    here, there = pair()
    here.open("t", Tree).move("docs", None)
    there.join(here)
    there.open("t", Tree).move("draft", "docs")
    here.remove("t")
    settle(here, there)
    assert here["t"].value == {"draft": "docs"}  # docs is no node any more
    here["t"].move("docs", None)
    settle(here, there)
    assert there["t"].ancestors_of("draft") == ["docs"]


def test_a_counting_set_keeps_exactly_the_counts_that_the_remover_had_not_seen() -> None:
    here, there = pair()
    for _ in range(3):
        here.open("s", PNSet).add("x")
    there.join(here)
    there.open("s", PNSet).add("x")
    there.open("s", PNSet).update(["y", "x"])
    here.remove("s")
    settle(here, there)
    assert here["s"].count("x") == 2
    assert here["s"] == {"x", "y"}
    there["s"].clear()
    assert "x" not in there["s"]


def test_graphs_keep_the_edges_that_the_remover_had_not_seen() -> None:
    here, there = pair()
    for vertex in "ab":
        here.open("g", TwoPTwoPGraph).add_vertex(vertex)
    there.join(here)
    there.open("g", TwoPTwoPGraph).add_edge("a", "b")
    here.remove("g")
    settle(here, there)
    assert not here["g"].has_edge("a", "b")  # an edge shows only between vertices
    for vertex in "ab":
        here["g"].add_vertex(vertex)
    settle(here, there)
    assert there["g"].has_edge("a", "b")


@pytest.mark.parametrize("kind", [MonotonicDAG, AddRemovePartialOrder])
def test_an_order_begins_anew_after_a_removal(kind: type[Any]) -> None:
    here, there = pair()
    order = here.open("o", kind)
    order.add_between(kind.START, "a", kind.END)
    order.add_between("a", "b", kind.END)
    here.remove("o")
    assert list(order) == []
    order.add_between(kind.START, "b", kind.END)
    order.add_between("b", "a", kind.END)
    settle(here, there)
    assert there["o"].before("b", "a")


def test_a_growing_map_in_a_map_is_removed_with_what_was_seen_of_each_child() -> None:
    here, there = pair()

    def likes(whole: Map, post: str) -> PNCounter:
        return whole.open("likes", GMap).open(post, PNCounter)

    likes(here, "a").increment(5)
    likes(here, "b").increment(1)
    there.join(here)
    likes(there, "a").increment(70)
    here.remove("likes")
    assert likes(here, "b").value == 0
    settle(here, there)
    assert here.value == {"likes": {"a": 70}}
    assert there["likes"].types("b") == []


def test_what_a_growing_map_in_a_map_is_given_is_copied_under_fresh_dots() -> None:
    here, there = pair()
    inner = here.open("g", GMap)
    tags: ORSet[str] = ORSet("p")
    tags.update(["x", "y"])
    assert inner.put("tags", tags).value == {"tags": {"x", "y"}}
    assert inner.put("grown", GSet.from_payload(["z"])).value == {"grown": {"z"}}
    assert inner.put("grown", GSet.from_payload(["z"])).initial
    tags.add("later")
    settle(here, there)
    assert there.value == {"g": {"grown": {"z"}, "tags": {"x", "y"}}}
    assert here.payload.keys() == {"here"}
    with pytest.raises(TypeError, match="BoundedCounter"):
        inner.open("b", BoundedCounter)
    with pytest.raises(TypeError, match="BoundedCounter"):
        inner.put("b", BoundedCounter("p").increment(1))


def test_a_map_in_a_growing_map_in_a_map_counts_with_the_outermost() -> None:
    here, there = pair()

    def tags(whole: Map) -> ORSet[str]:
        return whole.open("a", GMap).open("b", ORMap).open("c", ORSet)

    held = tags(here)
    held.add("x")
    there.join(here)
    here.remove("a")
    tags(there).add("y")
    settle(here, there)
    held.add("z")
    assert held == {"y", "z"}
    settle(here, there)
    assert there.value == {"a": {"b": {"c": {"y", "z"}}}}


def test_whoever_assigns_a_payload_reaches_children_of_children() -> None:
    here, there = pair()
    held = here.open("a", ORMap).open("b", ORMap).open("c", ORSet)
    held.add("x")
    there.open("a", ORMap).open("b", ORMap).open("c", ORSet).update(["p", "q"])
    here.payload = there.payload
    here.replica = "later"
    assert held == {"p", "q"}
    held.add("r")
    assert here.value == {"a": {"b": {"c": {"p", "q", "r"}}}}
    settle(here, there)


def test_growing_maps_count_among_the_four() -> None:
    here = ORMap[str]("here")
    fourth = here.open("b", GMap).open("c", ORMap).open("d", GMap)
    fourth.open("leaf", ORCart).add("tea")
    with pytest.raises(ValueError, match="4 deep"):
        fourth.open("e", ORMap)
    loaded: Map = ORMap.from_payload(here.payload)
    assert loaded == here
    group = ["e", "gmap@1", here.payload["here"][0]]
    with pytest.raises(PayloadError, match="4 deep"):
        ORMap.from_payload({"r": [[group], [0, 1], [0, 1]]})


def test_texts_in_growing_maps_and_compounds_are_loaded_with_their_places() -> None:
    here = ORMap[str]("here")
    here.open("g", GMap).open("t", Text).extend("abc")
    here["g"]["t"].insert(1, "x")
    assert ORMap.from_payload(here.payload)["g"]["t"] == "axbc"
    chains = [["t", "text@1", [[["<", "r", 9], "a"]]]]
    with pytest.raises(PayloadError, match="under its dot"):
        ORMap.from_payload({"r": [[["g", "gmap@1", chains]], [0, 1], [0, 1]]})


def test_counts_that_no_map_writes_are_refused() -> None:
    for counts in ([["x", []]], [["x", [1, 1]], ["x", [2, 1]]], [["x", [0, 1]]], [["x"]], 5):
        with pytest.raises(PayloadError):
            ORMap.from_payload({"r": [[["s", "pnset@1", counts]], [0, 2], [0, 2]]})


def test_two_sums_under_one_dot_are_dropped_by_everybody() -> None:
    def cart(total: int) -> ORCart[str]:
        return ORCart.from_payload({"r": [[["tea", [["+", total], 1]]], [2, 1], [0, 3]]})

    one, other = cart(5), cart(6)
    assert not one.compare(other)
    one.join(other)
    other.join(cart(5))
    assert one.payload == other.payload == {"r": [[], [], [0, 3]]}


def test_small_types_keep_what_the_remover_had_not_seen() -> None:
    here, there = pair()
    here.open("max", MaxRegister).assign(5)
    here.open("once", USet).add("a")
    here.open("flag", EnableWinsFlag).enable()
    here.open("last", LWWMap).put("k", 1)
    there.join(here)
    there.open("max", MaxRegister).assign(7)
    there.open("once", USet).add("b")
    there.open("last", LWWMap).put("j", 2)
    here.clear()
    settle(here, there)
    assert here.value == {"max": 7, "once": {"b"}, "last": {"j": 2}}


def test_a_newer_write_takes_the_place_of_the_older_one_to_its_key_only() -> None:
    here, there = pair()
    writes = here.open("w", LWWMap)
    for key in ("a", "aa", 1, True, ("a", 1)):
        writes.put(key, 0)
        writes.put(key, "a")
    writes.update({"a": 2, "b": 3})
    writes.discard("b")
    there.join(here)
    assert len(here.payload["here"][0][0][2]) == 6  # the update is replaced in part only
    assert there["w"].value == {"a": 2, "aa": "a", 1: "a", ("a", 1): "a"}


def test_a_write_in_a_child_compares_only_with_what_it_may_replace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, there = pair()
    compared: list[Any] = []
    for kind in (TwoPSet, TwoPTwoPGraph, LWWMap):

        def counted(one: Any, other: Any, own: Any = kind.compare) -> Any:
            compared.append(one)
            return own(one, other)

        monkeypatch.setattr(kind, "compare", counted)
    once, graph = here.open("once", TwoPSet), here.open("graph", TwoPTwoPGraph)
    writes = here.open("writes", LWWMap)
    for n in range(50):
        once.add(n)
        writes.put(n, 44)
        graph.add_vertex(n)
    assert not compared
    once.remove(44)
    writes.put(44, 1)  # all hold a 44, one under this key
    assert len(compared) == 2
    once.update([50, 51])
    once -= {50, 51}
    graph.remove_vertex(7)
    there.join(here)
    assert here.payload == there.payload
    held = str(here.payload)  # of what was removed, only the removal
    assert "'removed': [50, 51]" in held
    for add in ("'added': [44]", "'added': [50, 51]", "'vertices': [7]"):
        assert add not in held
    assert there["once"] == set(range(50)) - {44}
    assert there["graph"].value == (set(range(50)) - {7}, set())


def test_a_counter_child_shows_all_that_its_map_holds() -> None:
    here, there = pair()
    here.open("n", GCounter).increment(3)
    there.join(here)
    there.open("n", GCounter).increment(4)
    here.join(there)
    assert here["n"].value == 7
