"""A type written by hand on the four abstract members, stored in files and merged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import json
from pathlib import Path
import pickle
from typing import Any

import pytest

from crdt import PayloadError, acting
from crdt.base import StateCRDT
from crdt.catalogue import register, tag_of
from crdt.sets import LWWSet
from crdt.testing import Subject, check_laws


class Friendship(StateCRDT):
    """Whom a user follows, and by whom the user is followed."""

    def __init__(self) -> None:
        self.user_key: str | None = None
        self.following: LWWSet[str] = LWWSet()
        self.followers: LWWSet[str] = LWWSet()

    @property
    def payload(self) -> dict[str, Any]:
        assert self.user_key, "a friendship belongs to a user"
        return {
            "user_key": self.user_key,
            "following": self.following.payload,
            "followers": self.followers.payload,
        }

    @payload.setter
    def payload(self, payload: Any) -> None:
        self.user_key = payload["user_key"]
        self.following = LWWSet.from_payload(payload["following"])
        self.followers = LWWSet.from_payload(payload["followers"])

    @property
    def value(self) -> dict[str, Any]:
        return {
            "user_key": self.user_key,
            "following": self.following.value,
            "followers": self.followers.value,
        }

    @classmethod
    def merge(cls, X: Friendship, Y: Friendship) -> Friendship:
        assert X.user_key == Y.user_key, "two users do not merge"
        new = cls()
        new.user_key = X.user_key
        new.following = LWWSet.merge(X.following, Y.following)
        new.followers = LWWSet.merge(X.followers, Y.followers)
        return new

    def follow(self, friend: Friendship) -> None:
        assert self.user_key
        assert friend.user_key
        self.following.add(friend.user_key)
        friend.followers.add(self.user_key)

    def unfollow(self, friend: Friendship) -> None:
        assert self.user_key
        assert friend.user_key
        self.following.discard(friend.user_key)
        friend.followers.discard(self.user_key)


def user(key: str) -> Friendship:
    made = Friendship()
    made.user_key = key
    return made


def store(folder: Path, *friendships: Friendship) -> None:
    folder.mkdir(exist_ok=True)
    for friendship in friendships:
        with (folder / f"{friendship.user_key}.json").open("w") as file:
            json.dump(friendship.payload, file)


def load(folder: Path, key: str) -> Friendship:
    with (folder / f"{key}.json").open() as file:
        return Friendship.from_payload(json.load(file))


@pytest.fixture
def ticking() -> Iterator[None]:
    """Lets every write have its own millisecond."""
    times = iter(range(1, 1000))
    with acting(clock=lambda: next(times)):
        yield


@pytest.mark.usefixtures("ticking")
def test_two_replicas_on_disk_merge_into_one_friendship(tmp_path: Path) -> None:
    eric, glenn, joey = user("eric"), user("glenn"), user("joey")
    eric.follow(glenn)
    eric.follow(joey)
    for replica in ("left", "right"):
        store(tmp_path / replica, eric, glenn, joey)

    eric, joey = load(tmp_path / "left", "eric"), load(tmp_path / "left", "joey")
    eric.unfollow(joey)
    store(tmp_path / "left", eric, joey)

    glenn, joey = load(tmp_path / "right", "glenn"), load(tmp_path / "right", "joey")
    glenn.follow(joey)
    store(tmp_path / "right", glenn, joey)

    eric, glenn, joey = [
        Friendship.merge(load(tmp_path / "left", key), load(tmp_path / "right", key))
        for key in ("eric", "glenn", "joey")
    ]
    assert "glenn" in eric.following
    assert eric.following == {"glenn"}
    assert eric.followers == set()
    assert glenn.value == {"user_key": "glenn", "following": {"joey"}, "followers": {"eric"}}
    assert joey.followers == {"glenn"}


@pytest.mark.usefixtures("ticking")
def test_joining_in_place_tells_growth_and_keeps_live_handles() -> None:
    here, there, glenn = user("eric"), user("eric"), user("glenn")
    handle = here.following
    there.follow(glenn)
    assert here.join(there)
    assert not here.join(there)
    assert here.following is handle
    assert "glenn" in handle
    assert here.compare(there)
    assert there.compare(here)
    here.unfollow(glenn)
    assert not here.compare(there)
    assert there.compare(here)
    assert here != there


def test_a_fresh_object_without_a_payload_is_the_bottom() -> None:
    fresh, eric = Friendship(), user("eric")
    eric.follow(user("glenn"))
    assert fresh.initial
    assert fresh.clone().initial
    assert fresh.stats() == {"replicas": 0, "elements": 0, "tombstones": 0, "payload_bytes": 0}
    assert fresh.compare(eric)
    assert fresh.compare(Friendship())
    assert not eric.compare(fresh)
    assert not eric.join(fresh)
    assert not fresh.join(Friendship())
    assert fresh == Friendship() != eric
    assert eric != fresh
    assert fresh.join(eric)
    assert fresh.canonical() == eric.canonical()
    assert not eric.initial
    fresh.follow(user("joey"))
    assert eric.following == {"glenn"}


def test_a_copy_of_an_object_without_a_payload_is_free() -> None:
    started = Friendship()
    started.following.add("glenn")
    made = started.clone()
    made.following.add("joey")
    assert started.following == {"glenn"}
    assert made.following == {"glenn", "joey"}


def test_a_users_join_is_shown_to_observers_and_may_be_refused() -> None:
    here, there = user("eric"), user("eric")
    there.follow(user("glenn"))

    def refuse(delta: Friendship) -> None:
        assert delta is not there
        assert delta.payload == there.payload
        raise PermissionError

    end = here.observe(refuse)
    with pytest.raises(PermissionError):
        here.join(there)
    assert here.following == set()
    assert here.absorb(there)
    assert not here.join(there)
    end()


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        {"user_key": "eric"},
        {"user_key": "eric", "following": {"added": [1]}, "followers": {}},
        {"user_key": "eric", "following": {}, "followers": {}, "extra": float("nan")},
        {"user_key": {1, 2}, "following": {}, "followers": {}},
        {1: 2},
        {"\ud800": 1},
        {"user_key": "\ud800"},
        {"user_key": 2**64},
        {"user_key": b"eric"},
    ],
)
def test_whatever_the_setter_raises_is_a_payload_error(payload: Any) -> None:
    with pytest.raises(PayloadError):
        Friendship.from_payload(payload)


def test_a_payload_that_never_ends_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(PayloadError, match="64"):
        Friendship.from_payload({"user_key": endless})


def test_a_loaded_object_shares_nothing_with_its_payload() -> None:
    eric = user("eric")
    eric.follow(user("glenn"))
    payload = eric.payload
    loaded = Friendship.from_payload(payload)
    payload["following"].clear()
    assert loaded.following == {"glenn"}


def test_setting_the_replica_reaches_the_children() -> None:
    eric = user("eric")
    eric.replica = "laptop"
    eric.follow(user("glenn"))
    assert eric.replica == eric.following.replica == "laptop"
    assert eric.clone().replica is None
    assert eric.clone(replica="phone").followers.replica == "phone"
    loaded = Friendship.from_payload(eric.payload, replica="tablet")
    assert loaded.following.replica == "tablet"


def test_binding_reaches_the_children_now_and_later() -> None:
    eric, other = user("eric"), user("eric")
    eric.bind("node", clock=lambda: 5)
    other.following.add("glenn")
    eric.absorb(other)
    eric.followers.add("joey")
    assert eric.payload["followers"] == {"added": [["joey", [5, 0], "node"]]}
    assert Friendship.merge(eric, other).following.replica is None


def test_a_child_gives_up_an_id_of_which_a_joined_state_shows_more() -> None:
    eric, other = user("eric"), user("eric")
    eric.replica = other.replica = "same"
    other.following.add("glenn")
    eric.join(other)
    assert eric.following.replica is None
    assert eric.followers.replica == "same"


def test_copies_keep_the_clocks_of_the_children() -> None:
    eric = user("eric")
    eric.following = LWWSet(clock=lambda: 5)
    for made in (eric.clone(), pickle.loads(pickle.dumps(with_clock(at_five)))):
        made.following.add("glenn")
        assert made.following.payload["added"][0][1] == [5, 0]


def at_five() -> int:
    return 5


def with_clock(clock: Callable[[], int]) -> Friendship:
    made = user("eric")
    made.following = LWWSet(clock=clock)
    return made


def test_statistics_sum_over_the_children() -> None:
    eric = user("eric")
    eric.replica = "laptop"
    eric.follow(user("glenn"))
    eric.unfollow(user("joey"))
    assert eric.stats() == {
        "replicas": 1,
        "elements": 1,
        "tombstones": 1,
        "payload_bytes": len(eric.canonical()),
    }


def test_the_fingerprint_is_the_hash_of_the_state() -> None:
    eric = user("eric")
    assert eric.fingerprint(lambda data: data[:5]) == eric.canonical()[:5]


def test_a_hand_written_type_gets_a_tag_when_it_is_registered() -> None:
    class HandWritten(Friendship):
        pass

    assert tag_of(register(HandWritten)) == "handwritten@1"


ACTS = [
    lambda eric, n: eric.follow(user(f"user{n % 4}")),
    lambda eric, n: eric.follow(user(f"user{n % 4}")),
    lambda eric, n: eric.unfollow(user(f"user{n % 4}")),
]


@pytest.mark.sweep
def test_a_hand_written_type_keeps_every_law() -> None:
    check_laws(Friendship, acts=ACTS, make=lambda: user("eric"), examples=40)


class FollowsWrongly(Friendship):
    """Joins whom the user follows into the followers."""

    @classmethod
    def merge(cls, X: Friendship, Y: Friendship) -> Friendship:
        new = super().merge(X, Y)
        new.followers = LWWSet.merge(X.following, Y.following)
        return new


def test_the_laws_catch_a_merge_that_mixes_up_two_fields() -> None:
    def made() -> FollowsWrongly:
        fresh = FollowsWrongly()
        fresh.user_key = "eric"
        return fresh

    with pytest.raises(AssertionError):
        check_laws(Subject(FollowsWrongly, tuple(ACTS), made), examples=50)
