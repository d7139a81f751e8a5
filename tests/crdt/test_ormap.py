"""The map of live types: what a removal undoes, what survives it, and how children behave."""

from __future__ import annotations

from copy import deepcopy
import json
import pickle
from typing import Any

import pytest

from crdt import (
    GCounter,
    GSet,
    LWWMap,
    LWWRegister,
    LWWSet,
    ORMap,
    ORSet,
    PayloadError,
    PNCounter,
    StateCRDT,
    TwoPSet,
    UnknownTypeError,
)

Map = ORMap[Any]


def replicas(*names: str) -> list[Map]:
    return [ORMap(name) for name in names]


def settle(*maps: Map) -> None:
    for one in maps:
        for other in maps:
            one.join(other)
    assert len({one.canonical() for one in maps}) == 1


def tags(*elements: str) -> ORSet[str]:
    made: ORSet[str] = ORSet("p")
    made.update(elements)
    return made


# --- removing undoes exactly what was seen ---------------------------------------------------------


def test_a_counter_removed_here_and_incremented_there_keeps_exactly_the_unseen_increments() -> None:
    """Here: 5, 3, then remove; there, having seen the 5 only: 7 and -1; a third has seen nothing."""
    here, there, third = replicas("here", "there", "third")
    there.join(here.open("n", PNCounter).increment(5) and here)
    here.open("n", PNCounter).increment(3)
    there.open("n", PNCounter).increment(7)
    there.open("n", PNCounter).decrement(1)
    third.open("n", PNCounter).increment(100)
    here.remove("n")
    settle(here, there, third)
    assert here["n"].value == there["n"].value == 106


def test_a_removal_that_saw_only_some_increments_of_a_replica_leaves_the_later_ones() -> None:
    here, there = replicas("here", "there")
    counter = here.open("n", GCounter)
    counter.increment(5)
    there.join(here)
    counter.increment(5)
    there.remove("n")
    settle(here, there)
    assert counter.value == 5
    assert there["n"].value == 5
    counter.increment()
    assert counter.value == here["n"].value == 6


def test_nested_counters_keep_exactly_what_the_remover_of_the_outer_key_had_not_seen() -> None:
    """Users > likes > post: the user goes, while unseen likes of the same posts arrive."""
    here, there = replicas("here", "there")

    def likes(whole: Map) -> PNCounter:
        return whole.open("ann", ORMap).open("likes", ORMap).open("post", PNCounter)

    for _ in range(4):
        likes(here).increment(1)
    there.join(here)
    likes(there).increment(10)
    there.open("ann", ORMap).open("names", ORSet).add("Ann")
    likes(here).increment(100)
    here.remove("ann")
    likes(here).increment(1000)
    settle(here, there)
    assert here.value == {"ann": {"likes": {"post": 1010}, "names": {"Ann"}}}
    assert likes(here).value == likes(there).value == 1010


def test_an_element_added_unseen_by_the_remover_of_its_key_survives_alone() -> None:
    here, there = replicas("here", "there")
    here.open("tags", ORSet).update(["a", "b"])
    there.join(here)
    there.open("tags", ORSet).add("c")
    here.remove("tags")
    settle(here, there)
    assert here.value == {"tags": {"c"}}


def test_a_type_without_dots_keeps_the_deltas_that_the_remover_had_not_seen() -> None:
    here, there = replicas("here", "there")
    here.open("x", GSet).update(["a", "b"])
    there.join(here)
    there.open("x", GSet).add("c")
    here.remove("x")
    settle(here, there)
    assert here.value == {"x": {"c"}}


def test_a_newer_delta_takes_the_place_of_those_that_it_covers() -> None:
    here = ORMap[str]("here")
    title = here.open("title", LWWRegister)
    for number in range(50):
        title.assign(number)
    assert len(here.payload["here"][0][0][2]) == 1
    assert here.value == {"title": 49}


def test_replacing_gives_only_the_new_value() -> None:
    here, there = replicas("here", "there")
    here["tags"] = tags("a", "b")
    there.join(here)
    there["tags"] = tags("b", "c")
    settle(here, there)
    assert here.value == {"tags": {"b", "c"}}


def test_a_removal_may_overtake_what_it_removes() -> None:
    here, there = replicas("here", "there")
    shown: list[Map] = []
    here.observe(shown.append)
    here.open("n", GCounter).increment(2)
    removed = here.remove("n")
    there.join(removed)
    there.join(shown[0])
    assert there == {}
    assert there.canonical() == here.canonical()


def test_three_hundred_changes_of_one_key_keep_the_size() -> None:
    here = ORMap[str]("here")
    for _ in range(300):
        here["tags"] = tags("a")
        here.remove("tags")
    assert len(here.canonical()) < 40


def test_a_thousand_equal_increments_take_one_place() -> None:
    here = ORMap[str]("here")
    counter = here.open("n", PNCounter)
    for _ in range(1000):
        counter.increment()
    assert here.payload == {"here": [[["n", "pncounter@1", [1, 1000]]], [0, 1000], [0, 1000]]}


def test_a_claimed_count_of_increments_costs_no_memory() -> None:
    many = 2**50
    counted = ORMap.from_payload({"r": [[["n", "gcounter@1", [2, many]]], [0, many], [0, many]]})
    assert counted["n"].value == 2**51
    assert ORMap[str]("me").put("copy", counted["n"]).value == {"copy": 2**51}
    assert counted.remove("n").payload == {"r": [[], [], [0, many]]}


def test_a_removal_can_cut_a_run_of_increments_in_two() -> None:
    here, there = replicas("here", "there")
    shown: list[Map] = []
    here.observe(shown.append)
    for _ in range(3):
        here.open("n", GCounter).increment()
    there.join(shown[1])
    removed = there.remove("n")
    here.join(removed)
    assert here.payload == {
        "here": [[["n", "gcounter@1", [1, 2]]], [0, 1, 1, 1], [0, 3]],
    }
    settle(here, there)
    assert there["n"].value == 2


# --- two types under one key -----------------------------------------------------------------------


def test_a_key_used_with_two_types_at_once_shows_one_and_keeps_both() -> None:
    here, there = replicas("here", "there")
    here.open("x", ORSet).add("a")
    there.open("x", GCounter).increment()
    settle(here, there)
    assert here.types("x") == [GCounter, ORSet]
    assert here.value == {"x": 1}
    assert len(here) == 1
    assert here.open("x", ORSet) == {"a"}
    assert here.types("y") == here.types([]) == []
    here.remove("x")
    settle(here, there)
    assert there.types("x") == []
    assert there == {}


def test_keys_are_told_apart_by_type_and_value() -> None:
    here = ORMap[Any]("here")
    for key in (1, True, 1.0, "1", None, (1, b"x")):
        here.open(key, ORSet).add(repr(key))
    assert len(here) == 6
    assert here[True] == {"True"}
    assert here[1] == {"1"}
    assert here.value[1] == {"1"}  # a dict merges them; canonical order decides
    assert [] not in here
    with pytest.raises(TypeError, match="list"):
        here.open([], ORSet)


# --- children --------------------------------------------------------------------------------------


def test_opening_changes_nothing_and_gives_the_same_handle() -> None:
    here = ORMap[str]("here")
    handle = here.open("tags", ORSet[str])
    assert handle == set()
    assert here.initial
    assert "tags" not in here
    handle.add("a")
    assert here["tags"] is handle
    assert here.open("tags", ORSet) is handle
    assert isinstance(handle, ORSet)


def test_a_handle_survives_the_removal_of_its_key_and_revives_it() -> None:
    here = ORMap[str]("here")
    handles = [here.open("x", kind) for kind in (ORSet, GCounter, LWWRegister, ORMap)]
    writes = [
        lambda: handles[0].add("a"),
        lambda: handles[1].increment(),
        lambda: handles[2].assign(1),
        lambda: handles[3].open("y", ORSet).add("b"),
    ]
    for write in writes:
        write()
    here.remove("x")
    assert [handle.value for handle in handles] == [set(), 0, None, {}]
    for write in writes:
        write()
    assert [handle.value for handle in handles] == [{"a"}, 1, 1, {"y": {"b"}}]
    assert len(here.types("x")) == 4


def test_handles_see_what_joins_bring() -> None:
    here, there = replicas("here", "there")
    made = [here.open("x", kind) for kind in (ORSet, PNCounter, GSet, ORMap)]
    there.open("x", ORSet).update(["a", "b"])
    there.open("x", PNCounter).decrement(2)
    there.open("x", GSet).add("c")
    there.open("x", ORMap).open("y", ORSet).add("d")
    here.join(there)
    assert [child.value for child in made] == [{"a", "b"}, -2, {"c"}, {"y": {"d"}}]
    there.open("x", ORSet).remove("a")
    there.open("x", PNCounter).increment(5)
    there.open("x", GSet).add("e")
    there.open("x", ORMap).open("y", ORSet).add("f")
    here.join(there)
    assert [child.value for child in made] == [{"b"}, 3, {"c", "e"}, {"y": {"d", "f"}}]
    there.remove("x")
    here.join(there)
    assert [child.value for child in made] == [set(), 0, set(), {}]
    settle(here, there)


def test_a_handles_mutator_returns_the_childs_delta_and_the_map_shows_its_own() -> None:
    here, there = replicas("here", "there")
    ours: list[Map] = []
    theirs: list[ORSet[str]] = []
    here.observe(ours.append)
    handle = here.open("tags", ORSet)
    end = handle.observe(theirs.append)
    delta = handle.add("a")
    assert theirs == [delta]
    assert type(delta) is ORSet
    end()
    handle.add("b")
    for change in ours:
        there.join(change)
    assert there.canonical() == here.canonical()
    assert len(theirs) == 1
    free: ORSet[str] = ORSet("free")
    free.join(delta)
    assert free == {"a"}


@pytest.mark.parametrize("kind", [ORSet, GCounter, GSet, ORMap])
def test_who_refuses_a_childs_change_leaves_everything_as_it_was(kind: type[Any]) -> None:
    def refuse(delta: object) -> None:
        raise PermissionError

    here = ORMap[str]("here")
    outer = here.open("outer", ORMap)
    child = outer.open("x", kind)
    for watched in (here, outer, child):
        end = watched.observe(refuse)
        before = here.canonical()
        with pytest.raises(PermissionError):
            change_once(child)
        end()
        assert here.canonical() == before
        assert child.value == kind().value
    change_once(child)
    assert here.value == {"outer": {"x": child.value}}
    assert child.value != kind().value


def change_once(child: Any) -> None:
    if isinstance(child, GCounter):
        child.increment()
    elif isinstance(child, ORMap):
        child.open("deep", ORSet).add("x")
    else:
        child.add("x")


def test_an_observer_of_a_child_must_not_change_the_map() -> None:
    here = ORMap[str]("here")
    tags, other = here.open("tags", ORSet), here.open("other", ORSet)
    tags.observe(lambda delta: other.add("x"))
    with pytest.raises(RuntimeError, match="observer"):
        tags.add("a")
    assert tags == set()
    settle(here, *replicas("there"))


def test_handles_join_only_with_their_map() -> None:
    here = ORMap[str]("here")
    here["tags"] = tags("a")
    for handle in (here["tags"], here.open("m", ORMap)):
        other = type(handle)("other")
        with pytest.raises(TypeError, match="put a state"):
            handle.join(other)
        with pytest.raises(TypeError, match="put a state"):
            handle.absorb(other)
        with pytest.raises(TypeError, match="put a state"):
            handle.payload = other.payload
    assert ORSet.merge(here["tags"], tags("b")) == {"a", "b"}


def test_copies_of_a_handle_are_free() -> None:
    here = ORMap[str]("here")
    handle = here.open("tags", ORSet)
    handle.add("a")
    for made in (handle.clone(), deepcopy(handle), pickle.loads(pickle.dumps(handle))):
        assert made.replica is None
        made.add("b")
        assert made == {"a", "b"}
    assert here.value == {"tags": {"a"}}


def test_children_act_as_the_map() -> None:
    here: Map = ORMap()
    handle = here.open("tags", ORSet)
    assert handle.replica is None
    handle.add("a")
    assert handle.replica == here.replica is not None
    handle.replica = "laptop"
    assert here.replica == "laptop"
    handle.add("b")
    assert "laptop" in here.payload
    handle.bind("node", clock=lambda: 7)
    assert here.open("title", LWWRegister).assign("x").payload == [[7, 0], "node", "x"]
    assert here.clone().replica is None
    with pytest.raises(RuntimeError, match="a node holds"):
        handle.replica = "mine"


@pytest.mark.parametrize("kind", [GSet, LWWRegister, GCounter])
def test_a_map_without_an_id_draws_one_for_itself_and_its_children(kind: type[Any]) -> None:
    here: Map = ORMap()
    child = here.open("x", kind)
    (child.add if kind is GSet else child.assign if kind is LWWRegister else child.increment)(1)
    assert here.payload.keys() == {here.replica}
    assert child._replicas() <= {here.replica}


def test_children_take_the_time_from_their_map() -> None:
    def at_nine() -> int:
        return 9

    here = ORMap[str]("here", clock=at_nine)
    title = here.open("title", LWWRegister)
    assert title.assign("x").payload[0] == [9, 0]
    copied = title.clone(replica="copy")
    assert copied.assign("y").payload[0] == [9, 1]
    assert ORMap[str]().open("title", LWWRegister).clone().replica is None


def test_assigning_a_payload_reaches_the_handles() -> None:
    here, there = replicas("here", "there")
    handle = here.open("tags", ORSet)
    handle.add("a")
    there.open("tags", ORSet).update(["b", "c"])
    here.payload = there.payload
    assert handle == {"b", "c"}
    here.replica = "later"
    handle.add("d")
    assert here.value == {"tags": {"b", "c", "d"}}
    settle(here, there)


def test_a_merge_shares_nothing_with_what_was_merged() -> None:
    here, there = replicas("here", "there")
    here["tags"] = tags("a")
    there.open("tags", ORSet).add("b")
    both: Map = ORMap.merge(here, there)
    both["tags"].add("c")
    assert both.value == {"tags": {"a", "b", "c"}}
    assert here.value == {"tags": {"a"}}
    here["tags"].add("d")
    assert here.replica != both.replica


# --- the dict --------------------------------------------------------------------------------------


def test_putting_copies_the_state_under_fresh_dots() -> None:
    here = ORMap[Any]("here")
    counter = PNCounter("p")
    counter.increment(7)
    counter.decrement(2)
    register = LWWRegister("p", clock=lambda: 5)
    register.assign(["x"])
    inner = ORMap[str]("p")
    inner["tags"] = tags("a", "b")
    inner["n"] = counter
    here.update({"n": counter, "tags": tags("a"), "none": ORSet()}, title=register, m=inner)
    tags_before = here.value
    counter.increment(100)
    inner.clear()
    assert here.value == tags_before
    assert here.value == {
        "n": 5,
        "tags": {"a"},
        "title": ["x"],
        "m": {"tags": {"a", "b"}, "n": 5},
    }
    assert here["title"].payload == [[5, 0], "p", ["l", ["x"]]]
    assert here.payload.keys() == {"here"}


def test_an_update_is_one_delta_or_nothing() -> None:
    here = ORMap[str]("here")
    shown: list[Map] = []
    here.observe(shown.append)
    delta = here.update([("a", tags("x")), ("b", tags("y")), ("a", tags("z"))])
    assert len(shown) == 1
    assert delta.value == here.value == {"a": {"z"}, "b": {"y"}}
    with pytest.raises(TypeError):
        here.update({"c": tags("x"), "d": 5})
    assert "c" not in here
    here.remove("a")
    assert here.value == {"b": {"y"}}  # no shared dot
    assert here.update().initial


def test_pop_returns_a_free_copy_and_setdefault_the_handle() -> None:
    here = ORMap[str]("here")
    handle = here.setdefault("tags", tags("a"))
    assert handle is here["tags"]
    assert here.setdefault("tags", tags("b")) == {"a"}
    assert here.setdefault("empty", ORSet()) == set()
    popped = here.pop("tags")
    popped.add("b")
    assert popped == {"a", "b"}
    assert handle == set()
    assert here.pop("tags", None) is None
    for missing in (lambda: here.pop("tags"), here.popitem, lambda: here.remove("tags")):
        with pytest.raises(KeyError):
            missing()
    here["x"] = tags("c")
    assert here.popitem() == ("x", {"c"})
    with pytest.raises(TypeError):
        here.setdefault("y")
    assert len(here) == 0


def test_it_reads_and_compares_as_a_dict_does() -> None:
    here, there = replicas("here", "there")
    for whole in (here, there):
        whole["a"] = tags("x")
        whole["b"] = tags("y")
    assert here == there
    assert here == here
    assert here == {"a": {"x"}, "b": {"y"}} == here.value
    assert here == {"a": tags("x"), "b": tags("y")}
    assert here != {"a": {"x"}}
    assert here != {"a": {"x"}, "c": {"y"}}
    assert here != {"a": {"x"}, frozenset(): {"y"}}
    assert here != 5
    assert list(here) == list(here.keys()) == ["a", "b"]
    assert here.get("z") is None
    assert dict(here.items())["a"] == {"x"}
    del here["a"]
    with pytest.raises(KeyError):
        del here["a"]
    assert here.discard([]).initial
    here.clear()
    assert not here
    with pytest.raises(KeyError):
        here["b"]
    assert repr(there).startswith("ORMap({")


class Whole(StateCRDT):
    """A hand-written type."""

    def __init__(self) -> None:
        self.payload = 0

    @property
    def payload(self) -> int:
        return self._n

    @payload.setter
    def payload(self, payload: int) -> None:
        self._n = payload

    @property
    def value(self) -> int:
        return self._n

    @classmethod
    def merge(cls, X: Whole, Y: Whole) -> Whole:
        new = cls()
        new._n = max(X._n, Y._n)
        return new


def test_what_cannot_live_in_a_map_is_refused() -> None:
    here = ORMap[str]("here")
    with pytest.raises(UnknownTypeError, match="register"):
        here.put("x", Whole())
    with pytest.raises(TypeError, match="expected a replicated type"):
        here.open("x", int)  # type: ignore[type-var]  # wrong on purpose
    with pytest.raises(TypeError, match="expected a replicated type"):
        here.open("x", 5)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ValueError, match="bias"):
        here.put("x", LWWSet(bias="remove"))
    assert here.initial


def test_maps_nest_four_deep() -> None:
    here = ORMap[str]("here")
    fourth = here.open("b", ORMap).open("c", ORMap).open("d", ORMap)
    fourth.open("leaf", TwoPSet).add("x")
    with pytest.raises(ValueError, match="4 deep"):
        fourth.open("e", ORMap)
    with pytest.raises(ValueError, match="4 deep"):
        ORMap[str]("there").put("a", here)
    loaded: Map = ORMap.from_payload(here.payload)
    assert loaded == here
    deeper = {"r": [[["a", "ormap@1", here.payload["here"][0]]], [0, 1], [0, 1]]}
    with pytest.raises(PayloadError, match="4 deep"):
        ORMap.from_payload(deeper)


# --- payloads --------------------------------------------------------------------------------------

SEEN = [0, 1]


@pytest.mark.parametrize(
    ("groups", "live", "context"),
    [
        ([["n", "gcounter@1", [1, 1]]], [0, 2], [0, 2]),
        ([["n", "gcounter@1", [1, 2]]], [0, 1], [0, 2]),
        ([["n", "gcounter@1", [1, 1]]], [0, 1], [1, 1]),
        ([], [], []),
        ([["n", "gcounter@1", [1]]], SEEN, SEEN),
        ([["n", "gcounter@1", [0, 1]]], SEEN, SEEN),
        ([["n", "gcounter@1", [-1, 1]]], SEEN, SEEN),
        ([["n", "pncounter@1", [0, 1]]], SEEN, SEEN),
        ([["n", "pncounter@1", [True, 1]]], SEEN, SEEN),
        ([["n", "gcounter@1", [1, 0]]], SEEN, SEEN),
        ([["n", "gcounter@1", [1, 1, 1, 1]]], [0, 2], [0, 2]),
        ([["n", "gcounter@1", [1, 1]], ["n", "gcounter@1", [2, 1]]], [0, 2], [0, 2]),
        ([["n", "orset@1", []]], [], SEEN),
        ([["n", "orset@1", [["l", []]]]], SEEN, SEEN),
        ([["n", "orset@1", {}]], SEEN, SEEN),
        ([["n", "nobody@1", [1]]], SEEN, SEEN),
        ([["n", 5, [1]]], SEEN, SEEN),
        ([["n", [], [1]]], SEEN, SEEN),
        ([["n", "orset@1"]], SEEN, SEEN),
        ([[[], "orset@1", ["a"]]], SEEN, SEEN),
        ([["n", "gset@1", [[]]]], SEEN, SEEN),
        ([["n", "gset@1", [["b", "a"]]]], SEEN, SEEN),
        ([["n", "lwwset@1", [{"bias": "remove", "added": [["x", [1, 0], "r"]]}]]], SEEN, SEEN),
        ([["n", "ormap@1", [["m", "orset@1", []]]]], SEEN, SEEN),
        ([["n", "ormap@1", []]], SEEN, SEEN),
    ],
)
def test_a_payload_that_no_map_writes_is_refused(groups: Any, live: Any, context: Any) -> None:
    with pytest.raises(PayloadError):
        ORMap.from_payload({"r": [groups, live, context]})


def test_negative_and_huge_amounts_survive_json() -> None:
    here = ORMap[str]("here")
    counter = here.open("n", PNCounter)
    for amount in (2**70, 1):
        counter.decrement(amount)
    counter.increment(2**80)
    again: Map = ORMap.from_payload(json.loads(json.dumps(here.payload)))
    assert again["n"].value == 2**80 - 2**70 - 1


def test_one_element_under_two_dots_of_one_replica_survives() -> None:
    """The delta with the later add overtakes what removed the earlier one."""
    here, there = replicas("here", "there")
    shown: list[Map] = []
    here.observe(shown.append)
    tags = here.open("tags", ORSet)
    tags.add("a")
    tags.remove("a")
    tags.add("a")
    there.open("tags", ORSet)
    there.join(shown[0])
    there.join(shown[2])
    assert there["tags"] == {"a"}
    again: Map = ORMap.from_payload(there.payload)
    assert again.canonical() == there.canonical()
    assert again["tags"].canonical() == there["tags"].canonical()
    assert again.put("b", again["tags"]).value == {"b": {"a"}}
    settle(here, there)


def test_a_dot_with_two_contents_is_dropped_by_everybody() -> None:
    one: Map = ORMap.from_payload({"r": [[["n", "gcounter@1", [1, 3]]], [0, 3], [0, 3]]})
    other: Map = ORMap.from_payload(
        {"r": [[["n", "gcounter@1", [1, 1, 2, 1, 1, 1]]], [0, 3], [0, 3]]}
    )
    assert not one.compare(other)
    settle(one, other)
    assert one["n"].value == 2


def test_a_bar_puts_several_states_as_one_delta() -> None:
    m: ORMap[str] = ORMap("me")
    deltas: list[Any] = []
    m.observe(deltas.append)
    one, two = PNCounter("x"), PNCounter("y")
    one.increment(1)
    two.increment(2)
    m |= {"one": one, "two": two}
    assert [delta.value for delta in deltas] == [{"one": 1, "two": 2}]
    assert (m | {"two": 5})["one"] is m["one"]
    with pytest.raises(TypeError):
        m |= 5  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize("kind", [ORMap, LWWMap])
def test_popitem_does_not_look_at_every_key(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    m = kind("me")
    state = PNCounter("x")
    state.increment(2)
    m["a"] = m["b"] = state if kind is ORMap else 2
    monkeypatch.setattr(kind, "__iter__", None)
    popped = dict([m.popitem(), m.popitem()])
    assert set(popped) == {"a", "b"}
    assert getattr(popped["a"], "value", popped["a"]) == 2
    with pytest.raises(KeyError, match="empty"):
        m.popitem()
