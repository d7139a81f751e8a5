"""Whom each member probes in a round."""

import random

import pytest

from crdtnode.protocol.ring import ROUNDS, WAYS_MOST, Ring, later

NAMES = [f"n{number}" for number in range(7)]


def ring(names: list[str]) -> Ring:
    return Ring(lambda: names, hash_of)


def hash_of(name: str) -> int:
    return sum(name.encode()) * 2654435761 % 2**64


@pytest.mark.parametrize("size", [2, 3, 7])
def test_in_each_round_each_member_is_probed_once(size: int) -> None:
    one = ring(NAMES[:size])
    for round_ in range(50):
        assert sorted(str(one.target(name, round_)) for name in NAMES[:size]) == NAMES[:size]


@pytest.mark.parametrize("size", [2, 3, 7])
def test_each_pair_meets_within_as_many_rounds_as_there_are_others(size: int) -> None:
    one = ring(NAMES[:size])
    for cycle in range(3):
        rounds = range(cycle * (size - 1), (cycle + 1) * (size - 1))
        assert {one.target("n0", r) for r in rounds} == set(NAMES[1:size])


def test_nobody_probes_itself() -> None:
    one = ring(NAMES)
    assert all(one.target("n3", round_) != "n3" for round_ in range(100))


def test_all_members_compute_the_same_ring() -> None:
    one, other = ring(NAMES), ring(list(reversed(NAMES)))
    assert [one.target("n1", r) for r in range(20)] == [other.target("n1", r) for r in range(20)]


def test_a_member_that_is_alone_or_off_the_ring_probes_nobody() -> None:
    assert ring(["n0"]).target("n0", 1) is None
    assert ring(NAMES[:3]).target("n5", 1) is None


def test_names_at_one_place_stand_in_the_order_of_their_letters() -> None:
    crowd = Ring(lambda: ["b", "a"], lambda name: 5)
    assert crowd.target("a", 0) == "b"


def test_who_is_gone_is_off_the_ring() -> None:
    names = NAMES[:3]
    one = ring(names)
    one.target("n0", 1)
    names.remove("n2")
    one.changed()
    assert {one.target("n0", round_) for round_ in range(10)} == {"n1"}


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [(1, 0, True), (0, 1, False), (3, 3, False), (0, ROUNDS - 1, True), (ROUNDS - 1, 0, False)],
)
def test_rounds_are_compared_on_a_circle(a: int, b: int, expected: bool) -> None:
    assert later(a, b) is expected


def test_a_ring_that_looks_at_changed_names_only_is_the_one_that_looks_at_all() -> None:
    chance = random.Random(1)
    here: dict[str, None] = {}
    quick = Ring(lambda: list(here), hash_of, here.__contains__)
    thorough = Ring(lambda: list(here), hash_of)
    for step in range(300):
        names = chance.sample(NAMES, chance.randint(1, 3))
        for name in names:
            if here.pop(name, 0) == 0:
                here[name] = None
        quick.changed(*names)
        thorough.changed(*names)
        if step % 50 == 0:
            quick.changed()
        if chance.random() < 0.7:
            assert quick.parts((0, 0), 7, 3) == thorough.parts((0, 0), 7, 3)
            assert quick.target("n1", step) == thorough.target("n1", step)


@pytest.mark.parametrize("size", [7, 40])
def test_ways_that_are_remembered_are_those_that_would_be_found(size: int) -> None:
    chance = random.Random(size)
    names = [f"n{number}" for number in range(size)]
    one = ring(names)
    spans = [(hash_of(name), chance.randrange(2**64)) for name in names] * 3
    for step, span in enumerate(spans * 20):
        if step % 100 == 0 and len(names) > 3:
            names.pop()
            one.changed()
        hole = hash_of(chance.choice(names))
        assert one.parts(span, hole, 3) == ring(names).parts(span, hole, 3)
        assert len(one._ways) <= WAYS_MOST


def test_looking_at_one_name_does_not_look_at_all_of_them() -> None:
    asked: list[str] = []
    one = Ring(lambda: NAMES, hash_of, lambda name: asked.append(name) or name != "n3")
    one.target("n1", 1)
    one.changed("n3")
    one.changed("n4")
    assert one.target("n3", 1) is None
    assert asked == ["n3", "n4"]
