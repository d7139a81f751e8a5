"""Hand-written types in maps and compounds: whatever changes them is heard, at once."""

from __future__ import annotations

from copy import deepcopy
import pickle
from typing import Any

import pytest

from crdt import (
    Compound,
    Constant,
    GCounter,
    GMap,
    LWWSet,
    ORMap,
    ORSet,
    PayloadError,
    StateCRDT,
    register,
    tag_of,
)
from crdt.testing import Subject, check_laws
from crdt.testing.mapacts import noted


@register
class Highest(StateCRDT):
    """A number that only rises, and the names of who raised it: plain attributes."""

    def __init__(self) -> None:
        self.number = 0
        self.names: list[str] = []

    @property
    def payload(self) -> Any:
        return [self.number, sorted(self.names)]

    @payload.setter
    def payload(self, payload: Any) -> None:
        self.number, self.names = payload

    @property
    def value(self) -> int:
        return self.number

    @property
    def level(self) -> int:
        return self.number // 10

    @level.setter
    def level(self, level: int) -> None:
        self.number = max(self.number, level * 10)

    @classmethod
    def merge(cls, X: Highest, Y: Highest) -> Highest:
        new = cls()
        new.number = max(X.number, Y.number)
        new.names = sorted({*X.names, *Y.names})
        return new

    def raise_to(self, number: int, name: str = "") -> None:
        self.names = sorted({*self.names, *([name] if name else [])})
        if number < 0:
            raise ValueError("below zero")
        self.number = max(self.number, number)

    def __iadd__(self, step: int) -> Highest:
        self.raise_to(self.number + step)
        return self


@register
class Tally(Highest):
    """A type by hand that makes deltas itself."""

    def raise_to(self, number: int, name: str = "") -> Any:
        super().raise_to(number, name)
        return Tally.from_payload([number, [name] if name else []])


@register
class Friends(StateCRDT):
    """A key and two sets, in the style of the README."""

    def __init__(self) -> None:
        self.key: str | None = None
        self.following: LWWSet[str] = LWWSet()
        self.rest: dict[str, Any] = {"tags": ORSet()}

    @property
    def payload(self) -> Any:
        assert self.key, "nobody's"
        return {
            "key": self.key,
            "following": self.following.payload,
            "tags": self.rest["tags"].payload,
        }

    @payload.setter
    def payload(self, payload: Any) -> None:
        self.key = payload["key"]
        self.following = LWWSet.from_payload(payload["following"])
        self.rest = {"tags": ORSet.from_payload(payload["tags"])}

    @property
    def value(self) -> Any:
        return {"following": self.following.value, "tags": self.rest["tags"].value}

    @classmethod
    def merge(cls, X: Friends, Y: Friends) -> Friends:
        assert X.key == Y.key, "two users do not merge"
        new = cls()
        new.key = X.key
        new.following = LWWSet.merge(X.following, Y.following)
        new.rest = {"tags": ORSet.merge(X.rest["tags"], Y.rest["tags"])}
        return new

    def follow(self, other: str) -> None:
        self.following.add(other)
        self.rest["tags"].add("busy")

    def follow_all_of(self, other: Friends) -> None:
        self.following.join(other.following)


@register
class Duo(StateCRDT):
    """A hand-written type that holds two objects of another one."""

    def __init__(self) -> None:
        self.pair = [Friends(), Friends()]

    @property
    def payload(self) -> Any:
        return [one.payload for one in self.pair]

    @payload.setter
    def payload(self, payload: Any) -> None:
        self.pair = [Friends.from_payload(one) for one in payload]

    @property
    def value(self) -> Any:
        return [one.value for one in self.pair]

    @classmethod
    def merge(cls, X: Duo, Y: Duo) -> Duo:
        new = cls()
        new.pair = [Friends.merge(*both) for both in zip(X.pair, Y.pair, strict=True)]
        return new

    def name(self, *keys: str) -> None:
        for one, key in zip(self.pair, keys, strict=True):
            one.key = key


@register
class Slotted(StateCRDT):
    """A type with slots, whose method returns the object."""

    __slots__ = ("number", "seen")

    def __init__(self) -> None:
        self.number = 0
        self.seen = GCounter()

    @property
    def payload(self) -> Any:
        return [self.number, self.seen.payload]

    @payload.setter
    def payload(self, payload: Any) -> None:
        self.number, self.seen = payload[0], GCounter.from_payload(payload[1])

    @property
    def value(self) -> Any:
        return self.number, self.seen.value

    @classmethod
    def merge(cls, X: Slotted, Y: Slotted) -> Slotted:
        new = cls()
        new.number = max(X.number, Y.number)
        new.seen = GCounter.merge(X.seen, Y.seen)
        return new

    def see(self) -> Slotted:
        self.seen.increment()
        return self


class Person(Compound):
    key: Constant[str]
    best: Highest
    friends: Friends
    visits: GCounter


register(Person, "test-person@1")


def settle(*states: Any) -> None:
    for one in states:
        for other in states:
            one.join(other)
    assert len({one.canonical() for one in states}) == 1


def pair(kind: type[Any] = ORMap) -> tuple[Any, Any]:
    return kind("here"), kind("there")


@pytest.mark.parametrize("kind", [ORMap, GMap])
def test_every_way_of_changing_a_hand_written_child_is_heard_once(kind: type[Any]) -> None:
    here, there = pair(kind)
    shown: list[Any] = []
    here.observe(shown.append)
    best = here.open("best", Highest)
    best.raise_to(3, "ann")
    best.number = 5
    best += 2
    best.level = 2
    best.raise_to(4)  # says nothing new
    assert best.value == 20
    assert len(shown) == 4
    for delta in reversed(shown):
        there.join(delta)
    assert there.canonical() == here.canonical()
    assert there["best"].payload == [20, ["ann"]]
    assert isinstance(best, Highest)
    assert here["best"] is best
    assert tag_of(best) == tag_of(Highest)


@pytest.mark.parametrize("kind", [ORMap, GMap])
def test_built_in_attributes_of_a_hand_written_child_are_heard_too(kind: type[Any]) -> None:
    here, there = pair(kind)
    eric = here.open("eric", Friends)
    eric.key = "eric"
    eric.following.add("glenn")
    eric.rest["tags"].update(["a", "b"])
    eric.follow("joey")
    there.join(here)
    assert there["eric"].value == {"following": {"glenn", "joey"}, "tags": {"a", "b", "busy"}}
    there["eric"].following.remove("glenn")
    settle(here, there)
    assert eric.following == {"joey"}
    assert eric.following.replica == "here"
    assert here.clone()["eric"].value == eric.value


def test_hand_written_types_in_hand_written_types_are_heard() -> None:
    here, there = pair(GMap)
    duo = here.open("duo", Duo)
    duo.name("eric", "joey")
    duo.pair[1].following.add("glenn")
    there.join(here)
    assert there["duo"].value[1] == {"following": {"glenn"}, "tags": set()}
    there["duo"].pair[0].rest["tags"].add("x")
    settle(here, there)
    assert duo.value[0]["tags"] == {"x"}


def test_types_with_slots_and_methods_that_return_the_object_are_heard() -> None:
    here, there = pair()
    child = here.open("s", Slotted)
    assert child.see().see() is child
    child.number = 5
    child.seen.increment(3)
    there.join(here)
    assert there["s"].value == child.value == (5, 5)
    there["s"].see()
    here.remove("s")
    settle(here, there)
    assert child.value == (0, 1)
    shown: list[Any] = []
    here.observe(shown.append)
    child.see()
    assert shown[0]["s"].seen.payload == {"here": 1}


def test_methods_of_a_hand_written_child_may_join_its_parts() -> None:
    here = ORMap[str]("here")
    eric, joey = here.open("eric", Friends), Friends()
    eric.key = joey.key = "eric"
    joey.following.update(["a", "b"])
    eric.follow_all_of(joey)
    assert here.clone()["eric"].following == {"a", "b"}


def test_assigning_a_payload_reaches_hand_written_children() -> None:
    here, there = pair(GMap)
    there.open("best", Highest).raise_to(7)
    here.put("best", Highest.from_payload([3, []]))
    here.payload = there.payload
    assert here["best"].value == 7
    here["best"].raise_to(9)
    here.payload = there.payload
    assert here["best"].value == 7
    assert here == {"best": 7}
    assert here["best"] != 7


def test_of_a_type_made_of_built_in_ones_only_the_change_is_told() -> None:
    here = GMap[str]("here")
    eric = here.open("eric", Friends)
    eric.key = "eric"
    eric.following.update(["a", "b"])
    shown: list[Any] = []
    here.observe(shown.append)
    eric.rest["tags"].add("x")
    eric.follow("c")
    tags, follow = [delta["eric"] for delta in shown]
    assert tags.payload == {
        "key": "eric",
        "following": {},
        "tags": {"here": [["x"], [0, 1], [0, 1]]},
    }
    assert follow.following == {"c"}


def test_a_removal_takes_back_what_was_seen_of_a_hand_written_child() -> None:
    here, there = pair()
    eric = here.open("eric", Friends)
    eric.key = "eric"
    eric.following.add("a")
    there.join(here)
    there["eric"].rest["tags"].add("unseen")
    here.remove("eric")
    assert (eric.key, eric.value) == (None, {"following": set(), "tags": set()})
    settle(here, there)
    assert eric.value == {"following": set(), "tags": {"unseen"}}
    eric.following.add("again")
    settle(here, there)
    assert there["eric"].following == {"again"}


def test_whole_states_stand_for_deltas_where_a_type_has_none() -> None:
    here, there = pair()
    for number in (1, 5, 9):
        here.open("best", Highest).raise_to(number)
    assert here.payload["here"][0] == [["best", tag_of(Highest), [[9, []]]]]
    there.join(here)
    there["best"].raise_to(12)
    here.remove("best")
    settle(here, there)
    assert here["best"].value == 12


def test_what_was_changed_inside_a_plain_list_is_told_with_the_next_change() -> None:
    here = GMap[str]("here")
    best = here.open("best", Highest)
    best.names.append("zoe")
    assert here.initial
    best.raise_to(1, "ann")
    assert here.payload == [["best", tag_of(Highest), [1, ["ann", "zoe"]]]]


def test_a_delta_that_a_method_returns_is_what_is_told() -> None:
    here = ORMap[str]("here")
    tally = here.open("t", Tally)
    tally.raise_to(5, "ann")
    assert tally.raise_to(7, "bob").payload == [7, ["bob"]]
    assert here.payload["here"][0] == [["t", tag_of(Tally), [[5, ["ann"]], [7, ["bob"]]]]]
    assert tally.payload == [7, ["ann", "bob"]]


@pytest.mark.parametrize("kind", [ORMap, GMap])
def test_who_refuses_a_change_leaves_everything_as_it_was(kind: type[Any]) -> None:
    def refuse(delta: object) -> None:
        raise PermissionError

    here = kind("here")
    best, eric = here.open("best", Highest), here.open("eric", Friends)
    best.raise_to(3)
    eric.key = "eric"
    before = here.canonical()
    for watched in (here, best):
        end = watched.observe(refuse)
        with pytest.raises(PermissionError):
            best.raise_to(9, "ann")
        with pytest.raises(PermissionError):
            best.number = 9
        end()
    end = here.observe(refuse)
    for change in (lambda: eric.following.add("x"), lambda: eric.follow("x")):
        with pytest.raises(PermissionError):
            change()
    end()
    assert here.canonical() == before
    assert (best.payload, eric.value) == ([3, []], {"following": set(), "tags": set()})
    with pytest.raises(ValueError, match="below zero"):
        best.raise_to(-1, "half done")
    assert best.names == []
    eric.follow("y")
    assert eric.following == {"y"}


def test_hand_written_handles_join_only_with_their_map_and_copies_are_free() -> None:
    here = ORMap[str]("here")
    best = here.open("best", Highest)
    best.raise_to(3)
    with pytest.raises(TypeError, match="put a state"):
        best.join(Highest.from_payload([9, []]))
    with pytest.raises(TypeError, match="put a state"):
        best.payload = [9, []]
    with pytest.raises(TypeError, match="put a state"):
        here.open("eric", Friends).following.join(LWWSet())
    for made in (best.clone(), deepcopy(best), pickle.loads(pickle.dumps(best))):
        assert type(made) is Highest
        assert made == best
        made.raise_to(99)
    assert pickle.loads(pickle.dumps(here.open("none", Friends))).key is None
    assert Highest.merge(best, Highest()).value == 3
    assert here.put("copy", best)["copy"].value == 3
    assert here.setdefault("more", best) == best
    assert best.value == 3
    assert here.pop("best").value == 3
    assert best.value == 0


def test_a_merge_that_refuses_leaves_one_of_the_two_at_every_replica() -> None:
    here, there = pair()
    here.open("x", Friends).key = "eric"
    there.open("x", Friends).key = "joey"
    settle(here, there)
    assert here["x"].key == there["x"].key == "eric"
    here["x"].following.add("a")
    settle(here, there)
    assert there["x"].following == {"a"}
    one, other = pair(GMap)
    one.open("x", Friends).key = "eric"
    other.open("x", Friends).key = "joey"
    before = one.canonical()
    with pytest.raises(AssertionError, match="two users"):
        one.join(other)
    assert one.canonical() == before


def test_a_map_without_an_id_draws_one_for_hand_written_children() -> None:
    here = ORMap[str]()
    eric = here.open("eric", Friends)
    eric.key = "eric"
    eric.following.add("a")
    assert here.payload.keys() == {here.replica}
    assert eric.following._replicas() == {here.replica}
    assert eric.replica == here.replica


def test_payloads_that_a_hand_written_type_refuses_are_refused() -> None:
    for bad in (5, ["x"], [1, 2, 3], [0, []]):
        with pytest.raises(PayloadError):
            ORMap.from_payload({"r": [[["x", tag_of(Highest), [bad]]], [0, 1], [0, 1]]})
        with pytest.raises(PayloadError):
            GMap.from_payload([["x", tag_of(Highest), bad]])


# --- fields of compounds ---------------------------------------------------------------------------


def test_a_hand_written_field_is_heard_and_told_alone() -> None:
    here, there = Person("here", key="eric"), Person("there")
    shown: list[Any] = []
    here.observe(shown.append)
    here.best.raise_to(7)
    here.friends.key = "eric"
    here.friends.following.add("glenn")
    here.visits.increment()
    assert [list(delta.payload) for delta in shown] == [
        ["best"],
        ["friends"],
        ["friends"],
        ["visits"],
    ]
    for delta in shown:
        there.join(delta)
    there.key = "eric"
    assert there.canonical() == here.canonical()
    assert here.value == {
        "best": 7,
        "friends": {"following": {"glenn"}, "tags": set()},
        "key": "eric",
        "visits": 1,
    }
    there.friends.following.discard("glenn")
    settle(here, there)
    assert here.friends.following == set()
    assert here.stats()["elements"] == 2
    assert "here" in here._replicas()


def test_a_compound_with_hand_written_fields_keeps_the_rules_of_compounds() -> None:
    here, there = Person("here"), Person("there")
    here.friends.key, there.friends.key = "eric", "joey"
    there.best.raise_to(1)
    before = here.canonical()
    with pytest.raises(AssertionError, match="two users"):
        here.join(there)
    assert here.canonical() == before
    copy = deepcopy(here)
    copy.friends.following.add("x")
    assert here.friends.following == set()
    assert Person.from_payload(here.payload) == here
    assert here.delta_since(here.context).initial
    assert there.delta_since({}).canonical() == there.canonical()
    assert here.compact(here.clone()).initial
    whole = Person()
    for part in there.split(1):
        whole.join(part)
    assert whole.canonical() == there.canonical()


def test_a_compound_with_hand_written_fields_lives_in_a_map() -> None:
    here, there = pair()
    eric = here.open("eric", Person)
    eric.best.raise_to(4)
    eric.friends.key = "eric"
    eric.friends.follow("a")
    there.join(here)
    there["eric"].friends.following.add("b")
    there["eric"].best.raise_to(8)
    here.remove("eric")
    assert eric.best.value == 0
    settle(here, there)
    assert eric.best.value == 8
    assert eric.friends.following == {"b"}
    eric.friends.follow("c")
    settle(here, there)
    assert there["eric"].friends.following == {"b", "c"}


def person_acts() -> tuple[Any, ...]:
    def friends(person: Person) -> Friends:
        if person.friends.key is None:
            person.friends.key = "eric"
        return person.friends

    return (
        lambda p, n: noted(p, lambda: p.best.raise_to(n, "abc"[n % 3])),
        lambda p, n: noted(p, lambda: p.visits.increment(n)),
    )


@pytest.mark.sweep
def test_maps_and_compounds_of_hand_written_types_keep_every_law() -> None:
    check_laws(Subject(Person, person_acts()), examples=20)
    acts = (
        lambda m, n: noted(m, lambda: m.open("xy"[n % 2], Highest).raise_to(n)),
        lambda m, n: noted(m, lambda: m.open("xy"[n % 2], Tally).raise_to(n, "abc"[n % 3])),
        lambda m, n: m.discard("xy"[n % 2]),
    )
    check_laws(Subject(ORMap, acts), examples=20)
    check_laws(Subject(GMap, acts[:2]), examples=20)
