"""Addresses to join through."""

import random

import pytest

from crdtnode.config import Settings
from crdtnode.protocol.members import Member, Members
from crdtnode.protocol.seeds import AT_ONCE, REMEMBERED_MOST, STAGGER, Seed, Seeds
from crdtnode.wire.messages import State
from tests.protocol.people import boot, members

HERE, THERE = ("10.0.0.1", 1), ("10.0.0.2", 1)
SETTINGS = Settings()


class Field:
    """Seeds of a node that knows b."""

    def __init__(self) -> None:
        self.members: Members = members("b")
        self.seeds = Seeds(self.members, SETTINGS, random.Random(1))

    @property
    def b(self) -> Member:
        one = self.members.named("b")
        assert one is not None
        return one

    def tried(self, now: float, stream: int = 1) -> Seed:
        (seed,) = self.seeds.due(now)
        seed.conn = stream
        return seed


@pytest.fixture
def field() -> Field:
    return Field()


def test_a_new_seed_is_due_at_once_and_once(field: Field) -> None:
    field.seeds.add(HERE, 5.0)
    assert field.seeds.deadline == 5.0
    seed = field.tried(5.0)
    assert seed.address == HERE
    assert field.seeds.due(6.0) == []
    assert field.seeds.trying(1) is seed
    assert field.seeds.trying(2) is None


def test_a_seed_where_a_member_is_said_to_live_needs_no_try(field: Field) -> None:
    field.seeds.add(field.b.address, 5.0)
    assert field.seeds.due(5.0) == []
    assert field.seeds.unreached == []
    field.members.judge(field.b, State.DEAD, 7.0)
    field.seeds.lost(boot("b"), 7.0)
    assert len(field.seeds.due(8.0)) == 1


def test_of_many_seeds_a_few_are_tried_at_once(field: Field) -> None:
    for number in range(10):
        field.seeds.add((f"10.0.1.{number}", 1), 5.0)
    assert len(field.seeds.due(5.0)) == AT_ONCE
    assert len(field.seeds.due(5.0 + STAGGER)) == AT_ONCE + 1
    assert len(field.seeds.due(6.0)) == 10


def test_a_seed_that_is_named_again_is_tried_at_once(field: Field) -> None:
    for _ in range(10):
        field.seeds.add(HERE, 5.0)
    assert len(field.seeds.due(5.0)) == 1


def test_a_seed_where_a_member_answered_needs_nothing_more(field: Field) -> None:
    field.seeds.add(HERE, 5.0)
    seed = field.tried(5.0)
    seed.boot = boot("b")
    field.seeds.over(seed, "eof", 6.0)
    assert field.seeds.unreached == []
    assert field.seeds.deadline == float("inf")


def test_a_seed_that_greeted_and_told_nothing_is_tried_again(field: Field) -> None:
    field.seeds.add(HERE, 5.0)
    seed = field.tried(5.0)
    seed.boot = boot("stranger")
    field.seeds.over(seed, "eof", 6.0)
    assert field.seeds.unreached == [seed]
    assert 6.0 < field.seeds.deadline < 7.0


def test_a_seed_that_cannot_be_reached_is_tried_for_ever_ever_more_seldom(field: Field) -> None:
    field.seeds.add(HERE, 0.0)
    waits = []
    now = 0.0
    for _ in range(12):
        now = field.seeds.deadline
        seed = field.tried(now)
        field.seeds.over(seed, "refused", now)
        waits.append(field.seeds.deadline - now)
    assert waits[0] <= 1.25 * SETTINGS.rejoin_first
    assert waits == sorted(waits[:5]) + waits[5:]
    assert all(wait <= 1.25 * SETTINGS.rejoin_most for wait in waits)
    assert all(wait >= 0.75 * SETTINGS.rejoin_most for wait in waits[5:])
    assert seed.failed == "refused"


@pytest.mark.parametrize("state", [State.DEAD, State.LEFT])
def test_a_seed_whose_member_is_gone_is_tried_again(field: Field, state: State) -> None:
    field.seeds.add(HERE, 5.0)
    seed = field.tried(5.0)
    seed.boot = boot("b")
    field.seeds.over(seed, "idle", 6.0)
    field.members.judge(field.b, state, 7.0)
    field.seeds.lost(boot("b"), 7.0)
    assert field.seeds.due(8.0) == [seed]
    assert seed.failed == "its member is gone"


def test_a_seed_is_tried_again_even_while_the_stream_to_the_dead_stands(field: Field) -> None:
    field.seeds.add(HERE, 5.0)
    seed = field.tried(5.0)
    seed.boot = boot("b")
    field.members.judge(field.b, State.DEAD, 7.0)
    field.seeds.lost(boot("b"), 7.0)
    assert field.seeds.due(8.0) == [seed]


def test_who_is_lost_elsewhere_concerns_no_seed(field: Field) -> None:
    field.seeds.add(HERE, 5.0)
    seed = field.tried(5.0)
    field.seeds.lost(boot("c"), 6.0)
    assert seed.failed == ""


def test_our_own_address_is_dropped(field: Field) -> None:
    field.seeds.add(HERE, 5.0)
    field.seeds.add(THERE, 5.0)
    here, there = field.seeds.due(5.0 + STAGGER)
    field.seeds.drop(here)
    assert field.seeds.due(5.0 + STAGGER) == [there]


def test_what_a_seed_said_before_it_hung_up_is_kept(field: Field) -> None:
    field.seeds.add(THERE, 0.0)
    field.seeds.over(field.tried(0.0), "foreign key", 0.0)
    field.seeds.over(field.tried(10.0), "eof", 10.0)
    assert [seed.failed for seed in field.seeds.unreached] == ["foreign key"]
    field.seeds.over(field.tried(20.0), "refused", 20.0)
    assert [seed.failed for seed in field.seeds.unreached] == ["refused"]


def test_a_seed_that_is_away_for_an_hour_is_tried_every_ten_seconds_or_so(field: Field) -> None:
    field.seeds.add(HERE, 0.0)
    for now in range(3600, 4500, 100):
        field.seeds.over(field.tried(now), "refused", now)
    assert 4400 + 0.75 * 10 <= field.seeds.deadline <= 4400 + 1.25 * 10


def test_addresses_of_former_members_are_kept_up_to_a_number(field: Field) -> None:
    field.seeds.add(HERE, 0.0)
    for number in range(REMEMBERED_MOST + 5):
        field.seeds.remember(("10.0.1.1", number + 1), 5.0)
    field.seeds.remember(HERE, 5.0)
    kept = field.seeds.addresses
    assert len(kept) == REMEMBERED_MOST + 1
    assert HERE in kept
    assert ("10.0.1.1", 5) not in kept
    assert ("10.0.1.1", 6) in kept
