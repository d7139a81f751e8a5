"""The map whose keys stay for ever."""

from __future__ import annotations

from hashlib import blake2b
import pickle
from typing import Any

import pytest

from crdt import (
    GCounter,
    GMap,
    GSet,
    LWWRegister,
    LWWSet,
    ORMap,
    ORSet,
    PayloadError,
    UnknownTypeError,
)
from tests.crdt.test_friendship import user

Map = GMap[Any]


def tags(*elements: str) -> ORSet[str]:
    made: ORSet[str] = ORSet("p")
    made.update(elements)
    return made


def settle(*maps: Map) -> None:
    for one in maps:
        for other in maps:
            one.join(other)
    assert len({one.canonical() for one in maps}) == 1


def test_children_join_key_by_key() -> None:
    here, there = Map("here"), Map("there")
    here.open("n", GCounter).increment(2)
    there.open("n", GCounter).increment(3)
    there.open("tags", ORSet).add("x")
    settle(here, there)
    assert here.value == there.value == {"n": 5, "tags": {"x"}}


def test_opening_changes_nothing_and_keys_show_once_written() -> None:
    here = Map("here")
    handle = here.open("tags", ORSet[str])
    assert here.initial
    assert len(here) == 0
    handle.add("x")
    handle.remove("x")
    assert here["tags"] is handle
    assert here.value == {"tags": set()}
    assert here.types("tags") == [ORSet]
    assert here.get("other") is None


def test_putting_joins_a_copy_into_what_is_there() -> None:
    here = Map("here")
    state = tags("a")
    assert here.put("tags", state).value == {"tags": {"a"}}
    state.add("b")
    assert here.value == {"tags": {"a"}}
    assert here.put("tags", tags("a", "c")).value == {"tags": {"a", "c"}}
    assert here.put("tags", here["tags"].clone()).initial
    assert here.put("new", ORSet()).initial


def test_a_childs_delta_is_the_maps_under_its_key() -> None:
    here, there = Map("here"), Map("there")
    shown: list[Map] = []
    here.observe(shown.append)
    inner = here.open("m", GMap).open("n", GCounter)
    here.open("x", GSet).update(["a", "b"])
    delta = inner.increment()
    inner.increment()
    assert delta.value == 1
    assert shown[1].payload == [
        ["m", "gmap@1", [["n", "gcounter@1", {"here": 1}]]],
    ]
    there.join(shown[2])
    there.join(shown[1])
    assert there.value == {"m": {"n": 2}}


def test_who_refuses_a_childs_change_leaves_everything_as_it_was() -> None:
    def refuse(delta: object) -> None:
        raise PermissionError

    here = Map("here")
    child = here.open("tags", ORSet)
    end = here.observe(refuse)
    with pytest.raises(PermissionError):
        child.add("x")
    assert here.initial
    assert "tags" not in here
    end()
    child.add("x")
    assert "tags" in here


def test_children_act_as_the_map_and_do_not_join_alone() -> None:
    here = Map("here", clock=lambda: 5)
    assert here.open("title", LWWRegister).assign("x").payload == [[5, 0], "here", "x"]
    with pytest.raises(TypeError, match="join the map"):
        here["title"].join(LWWRegister())
    copied = here.clone()
    assert copied["title"].replica is None
    copied.replica = "copy"
    copied["title"].assign("y")
    assert here["title"].value == "x"


def test_a_map_gives_its_id_up_if_a_child_shows_more_of_it() -> None:
    here, other = Map("same"), Map("same")
    other.open("n", GCounter).increment()
    here.join(other)
    assert here.replica is None
    there = Map("same")
    there.open("n", GCounter).increment(5)
    there.join(other)
    assert there.replica == "same"


def test_handles_live_on_when_a_payload_is_assigned() -> None:
    here, there = Map("here"), Map("there")
    kept, gone = here.open("tags", ORSet), here.open("n", GCounter)
    kept.add("a")
    gone.increment()
    there.open("tags", ORSet).add("b")
    there.open("new", ORSet).add("c")
    here.payload = there.payload
    assert kept == {"b"}
    assert gone.value == 0
    assert here.value == there.value
    here.replica = "later"
    kept.add("d")
    gone.increment(7)
    assert here.value == {"tags": {"b", "d"}, "n": 7, "new": {"c"}}


def test_a_pickled_map_has_live_children() -> None:
    here = Map("here")
    here.open("tags", ORSet).add("a")
    again = pickle.loads(pickle.dumps(here))
    again.replica = "again"
    again["tags"].add("b")
    assert again.value == {"tags": {"a", "b"}}
    assert here.value == {"tags": {"a"}}


def test_a_key_used_with_two_types_shows_the_smaller_tag() -> None:
    here, there = Map("here"), Map("there")
    here.open("x", ORSet).add("a")
    there.open("x", GCounter).increment()
    settle(here, there)
    assert here.value == {"x": 1}
    assert here.types("x") == [GCounter, ORSet]
    assert here == there
    assert here.compare(there)
    assert not here.compare(Map())


def test_what_cannot_live_in_a_map_is_refused() -> None:
    here = Map("here")
    with pytest.raises(UnknownTypeError, match="register"):
        here.put("x", user("eric"))
    with pytest.raises(TypeError, match="CRDTs"):
        here.put("x", 5)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ValueError, match="bias"):
        here.put("x", LWWSet(bias="remove"))
    deep = here.open("b", GMap).open("c", GMap).open("d", ORMap)
    deep.open("x", ORSet).add("y")
    with pytest.raises(ValueError, match="4 deep"):
        deep.open("e", ORMap)
    with pytest.raises(ValueError, match="4 deep"):
        here.put("e", here.clone())
    assert Map.from_payload(here.payload) == here
    with pytest.raises(PayloadError, match="4 deep"):
        Map.from_payload([["a", "gmap@1", here.payload]])


def endless() -> list[Any]:
    payload: list[Any] = []
    payload.append(["k", "gmap@1", payload])
    return payload


@pytest.mark.parametrize(
    "payload",
    [
        {},
        [["k", "gcounter@1"]],
        [["k", "gcounter@1", {}]],
        [["k", "gcounter@1", {"a": 0}]],
        [["k", "nobody@1", {"a": 1}]],
        [["k", 5, {"a": 1}]],
        [[[], "gcounter@1", {"a": 1}]],
        [["k", "gcounter@1", {"a": 1}], ["k", "gcounter@1", {"a": 1}]],
        [["k", "gcounter@1", {"a": 1}], ["j", "gcounter@1", {"a": 1}]],
        [["k", "lwwset@1", {"bias": "remove", "added": [["x", [1, 0], "r"]]}]],
        endless(),
    ],
)
def test_a_payload_that_no_map_writes_is_refused(payload: Any) -> None:
    with pytest.raises(PayloadError):
        Map.from_payload(payload)


def digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


def test_a_large_map_is_hashed_a_few_children_at_a_time_while_it_changes() -> None:
    names = [f"c{number}" for number in range(50)]
    large = GMap("a")
    for name in names:
        large.open(name, GCounter).increment()
    steps = 0
    while not large._prepare(digest, 4):
        large.open(names[steps], GCounter).increment()
        steps += 1
    assert steps >= len(names) / 4
    assert large.fingerprint(digest) == GMap.from_payload(large.payload).fingerprint(digest)


def test_a_map_in_another_one_keeps_no_print_of_its_own() -> None:
    inner = ORMap("a").open("inner", GMap)
    inner.open("likes", GCounter).increment()
    assert inner._prepare(digest, 1)
    assert inner.fingerprint(digest) == GMap.from_payload(inner.payload).fingerprint(digest)
