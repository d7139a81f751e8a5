"""By which clock writes are stamped."""

import pytest

from crdt import LWWRegister
from crdtnode.protocol import Event
from crdtnode.protocol.clocks import AHEAD_MOST_MS, Clocks
from crdtnode.protocol.member import Member
from crdtnode.protocol.members import Members
from crdtnode.wire.messages import State
from tests.protocol.people import member, members
from tests.protocol.table import Seat, Table

HOUR = 3_600_000


class Wall:
    """Our wall clock, in milliseconds, and the monotonic one, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.ahead = 0

    def __call__(self) -> int:
        return 1_700_000_000_000 + int(self.now * 1000) + self.ahead

    @property
    def true(self) -> int:
        return self() - self.ahead


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def everybody() -> Members:
    return members("b", "c", "d")


def hear(clocks: Clocks, everybody: Members, wall: Wall, **ahead: int) -> list[Event]:
    """Members answer, with clocks that are so many milliseconds ahead of the truth."""
    told: list[Event] = []
    for name, by in ahead.items():
        found = everybody.named(name)
        assert found is not None
        told += clocks.heard(found, wall.true + by, wall.now)
    return told


def test_our_own_clock_counts_while_it_is_near_the_others(everybody: Members, wall: Wall) -> None:
    clocks = Clocks(everybody, wall)
    wall.ahead = AHEAD_MOST_MS - 1
    assert hear(clocks, everybody, wall, b=0, c=0, d=0) == []
    assert (clocks.stamp(), clocks.held_ms) == (wall(), 0)


def test_a_clock_past_the_last_stamp_is_told_as_the_last_one(
    everybody: Members, wall: Wall
) -> None:
    clocks = Clocks(everybody, wall)
    assert clocks.shown == wall()
    wall.ahead = 2**43
    assert clocks.shown == 2**43 - 1  # what is more would be refused, and the answer with it


def test_a_clock_that_is_far_ahead_is_held_back_and_said_once(
    everybody: Members, wall: Wall
) -> None:
    clocks = Clocks(everybody, wall)
    wall.ahead = HOUR
    told = hear(clocks, everybody, wall, b=0, c=0, d=5)
    assert [event.kind for event in told] == ["clock-ahead"]
    assert clocks.held_ms == HOUR - AHEAD_MOST_MS
    assert clocks.stamp() == wall.true + AHEAD_MOST_MS
    wall.now += 7.0
    assert clocks.stamp() == wall.true + AHEAD_MOST_MS


def test_a_clock_that_is_behind_is_left_alone(everybody: Members, wall: Wall) -> None:
    clocks = Clocks(everybody, wall)
    wall.ahead = -HOUR
    hear(clocks, everybody, wall, b=0, c=0)
    assert clocks.stamp() == wall()


@pytest.mark.parametrize("others", [{}, {"b": 0}])
def test_with_fewer_than_two_others_nobody_can_say_who_is_wrong(
    everybody: Members, wall: Wall, others: dict[str, int]
) -> None:
    clocks = Clocks(everybody, wall)
    wall.ahead = HOUR
    hear(clocks, everybody, wall, **others)
    assert (clocks.stamp(), clocks.held_ms) == (wall(), 0)


def test_one_member_that_is_wrong_does_not_decide(everybody: Members, wall: Wall) -> None:
    clocks = Clocks(everybody, wall)
    hear(clocks, everybody, wall, b=-HOUR, c=0)
    assert clocks.stamp() == wall()
    hear(clocks, everybody, wall, d=-HOUR)
    wall.ahead = HOUR
    hear(clocks, everybody, wall, b=0, c=0, d=HOUR)
    assert clocks.held_ms == HOUR - AHEAD_MOST_MS


def test_the_dead_are_not_asked_for_the_time(everybody: Members, wall: Wall) -> None:
    clocks = Clocks(everybody, wall)
    wall.ahead = HOUR
    hear(clocks, everybody, wall, b=0, c=0)
    c = everybody.named("c")
    assert c is not None
    everybody.judge(c, State.DEAD, wall.now)
    hear(clocks, everybody, wall, b=0)
    assert clocks.stamp() == wall()


def test_a_clock_that_is_set_right_counts_again(everybody: Members, wall: Wall) -> None:
    clocks = Clocks(everybody, wall)
    wall.ahead = HOUR
    assert hear(clocks, everybody, wall, b=0, c=0)
    wall.ahead = 0
    assert hear(clocks, everybody, wall, b=0) == []
    assert clocks.stamp() == wall()
    wall.ahead = HOUR
    assert [event.kind for event in hear(clocks, everybody, wall, b=0)] == ["clock-ahead"]


def test_the_round_trip_is_allowed_for(everybody: Members, wall: Wall) -> None:
    far: Member = member("x")
    far.measured(2.0)
    Clocks(everybody, wall).heard(far, wall.true, wall.now)
    assert far.clock_ms == wall.true + 1000 - 1000 * wall.now


def test_a_node_an_hour_ahead_does_not_win_for_an_hour(table: Table) -> None:
    first = table.seat("n0")
    seats: list[Seat] = [first, *(table.seat(f"n{n}", first.address) for n in (1, 2))]
    wrong = table.seat("n3", first.address, ahead_ms=HOUR)
    assert table.run(8, until=lambda: wrong.engine.clock_held_ms > 0)
    table.cut = lambda sender, receiver: (sender == wrong.address) != (receiver == wrong.address)
    wrong.registry.open("title", LWWRegister).assign("wrong")
    table.run(AHEAD_MOST_MS / 1000 + 2)
    seats[1].registry.open("title", LWWRegister).assign("later")
    table.run(0.1)
    table.cut = lambda sender, receiver: False
    assert table.run(10, until=table.equal)
    assert wrong.registry.open("title", LWWRegister).value == "later"
