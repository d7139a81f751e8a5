"""Members that are gone."""

from dataclasses import dataclass, field
import random

import pytest

from crdtnode.config import Settings
from crdtnode.protocol.absent import DEAD_ASKED, Absent, patience
from crdtnode.protocol.mail import Send
from crdtnode.protocol.members import Heard, Member, Members
from crdtnode.wire.messages import NOBODY, Hello, State
from tests.protocol.people import members

HELLO = Hello(bytes(16), NOBODY, "a", "default", 7)
NEVER = float("inf")
DAY = Settings().member_forgotten


@dataclass
class Watch:
    members: Members = field(default_factory=lambda: members("b", "c"))

    def __post_init__(self) -> None:
        self.absent = Absent(self.members, lambda: HELLO, Settings(), random.Random(1))

    def lose(self, name: str, state: State, now: float) -> Member:
        one = self.members.named(name)
        assert one is not None
        self.members.judge(one, state, now)
        self.absent.lost(now)
        return one


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_while_nobody_is_gone_nothing_is_due(watch: Watch) -> None:
    assert watch.absent.deadline == NEVER
    assert watch.absent.wake(5.0) == ([], Heard())


def test_one_of_the_dead_is_greeted_each_second(watch: Watch) -> None:
    b, c = watch.lose("b", State.DEAD, 5.0), watch.lose("c", State.DEAD, 5.5)
    assert watch.absent.deadline == 5.0 + DEAD_ASKED
    greeted = set()
    for _ in range(20):
        sends, _ = watch.absent.wake(watch.absent.deadline)
        (send,) = sends
        assert send == Send(NOBODY, send.address, HELLO)
        greeted.add(send.address)
    assert greeted == {b.address, c.address}


@pytest.mark.parametrize(
    ("age", "pause"), [(0, 1.0), (3599, 1.0), (3600, 10.0), (86_399, 10.0), (86_400, 60.0)]
)
def test_the_longer_somebody_is_away_the_less_often_it_is_greeted(age: float, pause: float) -> None:
    assert patience(age, 1.0) == pause


def test_a_greeting_is_never_more_frequent_than_usual() -> None:
    assert patience(3600, 20.0) == 20.0


def test_after_an_hour_the_dead_are_greeted_every_ten_seconds(watch: Watch) -> None:
    watch.lose("b", State.DEAD, 5.0)
    watch.absent.wake(3700.0)
    assert watch.absent.deadline == 3710.0
    watch.lose("c", State.DEAD, 3705.0)
    watch.absent.wake(watch.absent.deadline)
    assert watch.absent.deadline == 3706.0 + DEAD_ASKED


def test_who_left_is_not_greeted(watch: Watch) -> None:
    watch.lose("b", State.LEFT, 5.0)
    assert watch.absent.wake(watch.absent.deadline) == ([], Heard())
    assert watch.absent.deadline == 5.0 + DAY


def test_who_came_back_is_greeted_no_more(watch: Watch) -> None:
    b = watch.lose("b", State.DEAD, 5.0)
    watch.members.judge(b, State.ALIVE, 5.5)
    assert watch.absent.wake(watch.absent.deadline) == ([], Heard())
    assert watch.absent.deadline == NEVER


@pytest.mark.parametrize("state", [State.DEAD, State.LEFT])
def test_after_a_day_who_is_gone_is_forgotten(watch: Watch, state: State) -> None:
    b = watch.lose("b", state, 5.0)
    watch.absent.wake(4.0 + DAY)
    assert watch.members.named("b") is b
    assert watch.absent.wake(15.0 + DAY)[1].removed == [b]
    assert watch.members.named("b") is None
    assert watch.absent.deadline == NEVER
