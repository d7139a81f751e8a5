"""Types made of types."""

from __future__ import annotations

from copy import deepcopy
import pickle
from typing import Any, ClassVar

import pytest

from crdt import (
    Compound,
    Constant,
    GCounter,
    GMap,
    LWWRegister,
    LWWSet,
    ORMap,
    ORSet,
    PayloadError,
    register,
    tag_of,
)
from crdt.testing import LawBrokenError, Subject, check_laws
from crdt.testing.mapacts import noted


class Friendship(Compound):
    user_key: Constant[str]
    following: LWWSet[str]
    followers: LWWSet[str]


class Visits(Compound):
    pages: ORSet[str]
    count: GCounter


class Profile(Friendship):
    name: LWWRegister
    visits: Visits
    labels: GMap[str]

    limit: ClassVar[int] = 5


register(Profile, "test-profile@1")
register(Friendship, "test-friendship@1")


def settle(*states: Any) -> None:
    for one in states:
        for other in states:
            one.join(other)
    assert len({one.canonical() for one in states}) == 1


def test_the_fields_say_it_all() -> None:
    eric, glenn = Friendship("a", user_key="eric"), Friendship("a", user_key="glenn")
    eric.following.add("glenn")
    glenn.followers.add(eric.user_key)
    assert "glenn" in eric.following
    assert eric.value == {"followers": set(), "following": {"glenn"}, "user_key": "eric"}
    assert Friendship.from_payload(eric.payload) == eric
    assert isinstance(Friendship.user_key, Constant)
    assert tag_of(eric) == "test-friendship@1"


def test_a_delta_carries_only_the_field_that_changed() -> None:
    here, there = Profile("here", user_key="eric"), Profile("there")
    shown: list[Profile] = []
    here.observe(shown.append)
    here.following.update(["a", "b"])
    delta = here.visits.count.increment()
    here.visits.pages.add("home")
    assert type(delta) is GCounter
    assert shown[0].payload.keys() == {"following"}
    assert shown[1].payload == {"visits": {"count": {"here": 1}}}
    for change in reversed(shown):
        there.join(change)
    there.user_key = "eric"
    assert there.canonical() == here.canonical()


def test_fields_join_one_by_one() -> None:
    here, there = Profile("here", user_key="eric"), Profile("there")
    here.following.add("a")
    there.following.add("b")
    there.visits.count.increment(2)
    here.visits.count.increment(3)
    assert not here.compare(there)
    settle(here, there)
    assert here.compare(there)
    assert here.value == {
        "followers": set(),
        "following": {"a", "b"},
        "labels": {},
        "name": None,
        "user_key": "eric",
        "visits": {"count": 5, "pages": set()},
    }
    assert there.user_key == "eric"


def test_a_constant_is_set_once() -> None:
    eric = Friendship("a")
    assert eric.user_key is None
    assert eric.initial
    assert eric.fix("user_key", "eric").payload == {"user_key": "eric"}
    assert eric.fix("user_key", "eric").initial
    eric.user_key = "eric"
    with pytest.raises(ValueError, match="constant"):
        eric.user_key = "joey"
    with pytest.raises(TypeError):
        eric.fix("user_key", object())
    with pytest.raises(AttributeError):
        eric.fix("following", 1)
    with pytest.raises(AttributeError):
        Friendship(nobody=1)
    assert eric.payload == {"user_key": "eric"}


def test_states_with_different_constants_do_not_join_and_nothing_changes() -> None:
    eric, joey = Friendship("a", user_key="eric"), Friendship("b", user_key="joey")
    joey.following.add("x")
    shown: list[Any] = []
    eric.observe(shown.append)
    for refused in (eric.join, eric.absorb, lambda other: Friendship.merge(eric, other)):
        with pytest.raises(ValueError, match="user_key"):
            refused(joey)
    assert not eric.compare(joey)
    assert eric.value["following"] == set()
    assert shown == []


def test_a_map_does_not_join_a_child_with_another_constant_and_nothing_changes() -> None:
    here, there = GMap[str]("here"), GMap[str]("there")
    here.open("x", Friendship).user_key = "eric"
    there.open("a", GCounter).increment()
    there.open("x", Friendship).user_key = "joey"
    with pytest.raises(ValueError, match="user_key"):
        here.join(there)
    assert list(here) == ["x"]


def test_who_refuses_a_fields_change_leaves_everything_as_it_was() -> None:
    def refuse(delta: object) -> None:
        raise PermissionError

    eric = Profile("a")
    for watched in (eric, eric.visits, eric.visits.count):
        end = watched.observe(refuse)
        with pytest.raises(PermissionError):
            eric.visits.count.increment()
        end()
        assert eric.initial
    eric.visits.count.increment()
    assert not eric.initial


def test_fields_act_as_the_compound_and_do_not_join_alone() -> None:
    eric = Profile("a", clock=lambda: 5)
    assert eric.name.assign("x").payload == [[5, 0], "a", "x"]
    eric.replica = "b"
    assert eric.visits.count.replica == "b"
    eric.visits.replica = "c"
    assert eric.replica == "c"
    with pytest.raises(TypeError, match="join"):
        eric.following.join(LWWSet())
    with pytest.raises(AttributeError, match="live"):
        eric.following = LWWSet()
    assert eric.name is eric.name


def test_an_id_of_which_a_joined_state_shows_more_is_given_up() -> None:
    eric, other = Friendship("same"), Friendship("same")
    other.following.add("x")
    eric.join(other)
    assert eric.replica is None
    eric.following.add("y")
    assert len(eric._replicas()) == 2


def test_copies_are_free_and_their_fields_live() -> None:
    eric = Profile("a", user_key="eric")
    eric.visits.pages.add("home")
    for made in (eric.clone(), deepcopy(eric), pickle.loads(pickle.dumps(eric))):
        assert made == eric
        made.replica = "copy"
        made.visits.pages.add("other")
        assert made != eric
        assert made.replica == "copy"
    assert eric.visits.value == {"count": 0, "pages": {"home"}}


def test_fields_live_on_when_a_payload_is_assigned() -> None:
    eric, other = Friendship("a", user_key="eric"), Friendship("b")
    handles = eric.following, eric.followers
    eric.following.add("x")
    other.followers.add("y")
    eric.payload = other.payload
    assert [handle.value for handle in handles] == [set(), {"y"}]
    assert eric.followers is handles[1]
    eric.followers.add("z")
    assert eric.value["followers"] == {"y", "z"}


def test_statistics_are_those_of_the_fields() -> None:
    eric = Friendship("a", user_key="eric")
    eric.following.add("x")
    eric.following.remove("x")
    stats = eric.stats()
    assert (stats["replicas"], stats["elements"], stats["tombstones"]) == (1, 1, 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"value": ORSet},
        {"_private": ORSet},
        {"clock": ORSet},
        {"x": int},
        {"x": 5},
    ],
)
def test_a_field_with_a_wrong_name_or_type_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        type("Wrong", (Compound,), {"__annotations__": fields})


@pytest.mark.parametrize(
    "payload",
    [
        [],
        {"nobody": 1},
        {"user_key": ["x"]},
        {"following": {}},
        {"following": {"added": [1]}},
        {"following": {"bias": "remove", "added": [["x", [1, 0], "r"]]}},
        {"visits": {"count": {}}},
        {"visits": {"count": {"a": 1}, "other": 1}},
    ],
)
def test_a_payload_that_no_compound_writes_is_refused(payload: Any) -> None:
    with pytest.raises(PayloadError):
        Profile.from_payload(payload)


ACTS: list[Any] = [
    lambda p, n: noted(p, lambda: p.following.add(f"u{n % 3}")),
    lambda p, n: noted(p, lambda: p.following.discard(f"u{n % 3}")),
    lambda p, n: noted(p, lambda: p.visits.count.increment(n % 3)),
    lambda p, n: noted(p, lambda: p.visits.pages.add(f"p{n % 3}")),
    lambda p, n: noted(p, lambda: p.visits.pages.discard(f"p{n % 3}")),
    lambda p, n: noted(p, lambda: p.labels.open("x", ORSet).add(n % 3)),
    lambda p, n: noted(p, lambda: p.name.assign(n)),
    lambda p, n: p.fix("user_key", "eric"),
]


@pytest.mark.sweep
def test_a_compound_keeps_every_law() -> None:
    check_laws(Profile, acts=ACTS, examples=30)


class ForgetsAField(Profile):
    """Joins all fields but one."""

    def _join(self, other: Any) -> bool:
        parts = {name: part for name, part in other._parts.items() if name != "visits"}
        cut = other._blank()
        cut._parts, cut._fixed = parts, other._fixed
        return super()._join(cut)


class TakesTheWhole(Profile):
    """Puts the whole state into every delta."""

    def _hear(self, name: str, delta: Any) -> None:
        super()._hear(name, self._part(name)._copied())


@pytest.mark.parametrize("mutant", [ForgetsAField, TakesTheWhole])
def test_the_laws_catch_a_broken_compound(mutant: type[Profile]) -> None:
    with pytest.raises(LawBrokenError):
        check_laws(Subject(mutant, tuple(ACTS)), examples=40)


def test_a_compound_lives_in_a_map_that_only_grows() -> None:
    here, there = GMap[str]("here"), GMap[str]("there")
    here.open("eric", Friendship).user_key = "eric"
    here["eric"].following.add("glenn")
    there.open("eric", Friendship).following.add("joey")
    settle(here, there)
    assert there["eric"].value["following"] == {"glenn", "joey"}


# --- inside an ORMap -------------------------------------------------------------------------------


class Account(Compound):
    """Everything that an ORMap can hold."""

    owner: Constant[str]
    visits: Visits
    likes: GCounter
    tags: ORSet[str]
    title: LWWRegister
    inner: ORMap[str]


register(Account, "test-account@1")


def account(whole: ORMap[str]) -> Account:
    return whole.open("eric", Account)


def fill(whole: ORMap[str]) -> None:
    account(whole).owner = "eric"
    account(whole).visits.count.increment(2)
    account(whole).visits.pages.add("home")
    account(whole).likes.increment(5)
    account(whole).tags.update(["a", "b"])
    account(whole).title.assign("x")
    account(whole).inner.open("n", GCounter).increment(7)


def test_a_compound_in_a_map_is_reset_field_by_field_keeping_what_was_unseen() -> None:
    here, there = ORMap[str]("here"), ORMap[str]("there")
    held = account(here)
    fill(here)
    there.join(here)
    other = account(there)
    assert (
        held.value
        == other.value
        == {
            "inner": {"n": 7},
            "likes": 5,
            "owner": "eric",
            "tags": {"a", "b"},
            "title": "x",
            "visits": {"count": 2, "pages": {"home"}},
        }
    )
    other.likes.increment(1)
    other.tags.add("c")
    other.visits.count.increment(10)
    other.inner.open("n", GCounter).increment(100)
    here.remove("eric")
    assert held.owner is None
    settle(here, there)
    assert (
        held.value
        == other.value
        == {
            "inner": {"n": 100},
            "likes": 1,
            "owner": None,
            "tags": {"c"},
            "title": None,
            "visits": {"count": 10, "pages": set()},
        }
    )
    held.owner = "joey"
    held.title.assign("y")
    settle(here, there)
    assert (other.owner, other.title.value) == ("joey", "y")
    assert ORMap.from_payload(here.payload).value == here.value


def test_a_map_shows_only_the_changed_field_of_its_compound() -> None:
    here, there = ORMap[str]("here"), ORMap[str]("there")
    fill(here)
    shown: list[ORMap[str]] = []
    here.observe(shown.append)
    delta = account(here).likes.increment()
    account(here).visits.pages.add("news")
    assert delta.payload == {"here": 6}
    assert shown[0].payload["here"][0] == [
        ["eric", "test-account@1", [["likes", [1, 1]]]],
    ]
    assert shown[1].payload["here"][0] == [
        ["eric", "test-account@1", [["visits", [["pages", ["news"]]]]]],
    ]
    for change in shown:
        there.join(change)
    assert account(there).value["visits"] == {"count": 0, "pages": {"news"}}


def test_a_title_that_is_written_again_takes_one_place() -> None:
    here = ORMap[str]("here")
    for number in range(20):
        account(here).title.assign(number)
    account(here).tags.add("x")
    assert len(here._owners["here"]) == 1
    assert len(str(here.payload)) < 200


def test_a_compound_can_be_put_and_popped() -> None:
    here, there = ORMap[str]("here"), ORMap[str]("there")
    fill(here)
    there["copy"] = here["eric"]
    assert there["copy"].value == here["eric"].value
    free = here.pop("eric")
    free.tags.add("z")
    assert here == {}
    assert free.value["tags"] == {"a", "b", "z"}
    assert there.payload.keys() == {"there"}


def test_of_two_constants_set_at_once_the_smaller_shows_everywhere() -> None:
    here, there = ORMap[str]("here"), ORMap[str]("there")
    account(here).owner = "eric"
    account(there).owner = "joey"
    settle(here, there)
    assert account(here).owner == account(there).owner == "eric"
    with pytest.raises(ValueError, match="constant"):
        account(there).owner = "glenn"
    here.remove("eric")
    settle(here, there)
    account(there).owner = "glenn"
    settle(here, there)
    assert account(here).owner == "glenn"


def test_maps_in_compounds_count_towards_the_four() -> None:
    for whole in (ORMap[str]("here"), GMap[str]("here")):
        deep = account(whole).inner.open("c", ORMap).open("d", ORMap)  # type: ignore[arg-type]  # both open
        deep.open("x", ORSet).add("y")
        assert type(whole).from_payload(whole.payload) == whole
        with pytest.raises(ValueError, match="4 deep"):
            deep.open("e", ORMap)
        with pytest.raises(ValueError, match="4 deep"):
            whole.open("b", type(whole)).put("a", whole["eric"].clone())


@pytest.mark.parametrize(
    "leaves",
    [
        [],
        ["likes"],
        [["nobody", [1]]],
        [[5, [1]]],
        [[[], [1]]],
        [["likes", []]],
        [["likes", [0, 1]]],
        [["tags", ["a"]], ["tags", ["b"]]],
        [["owner", [["x"]]]],
        [["owner", "eric"]],
    ],
)
def test_a_payload_of_a_compound_that_no_map_writes_is_refused(leaves: Any) -> None:
    with pytest.raises(PayloadError):
        ORMap.from_payload({"r": [[["k", "test-account@1", leaves]], [0, 1], [0, 1]]})


MAP_ACTS: list[Any] = [
    lambda m, n: noted(m, lambda: account(m).likes.increment(n % 3)),
    lambda m, n: noted(m, lambda: account(m).tags.add("xy"[n % 2])),
    lambda m, n: noted(m, lambda: account(m).tags.discard("xy"[n % 2])),
    lambda m, n: noted(m, lambda: account(m).title.assign(n)),
    lambda m, n: noted(m, lambda: account(m).visits.pages.add(n % 2)),
    lambda m, n: noted(m, lambda: account(m).inner.open("n", GCounter).increment()),
    lambda m, n: noted(m, lambda: account(m).fix("owner", "eric")),
    lambda m, n: m.remove("eric"),
]


@pytest.mark.sweep
def test_a_map_of_compounds_keeps_every_law() -> None:
    check_laws(ORMap, acts=MAP_ACTS, examples=20)


def test_a_class_may_be_declared_in_a_function_and_inherit_from_several() -> None:
    Local = ORSet

    class Both(Visits, Friendship):
        extra: Local[str]
        bare: ClassVar = 5

    made = Both("a", user_key="x")
    made.extra.add("y")
    made.count.increment()
    assert made.value == {
        "count": 1,
        "extra": {"y"},
        "followers": set(),
        "following": set(),
        "pages": set(),
        "user_key": "x",
    }
