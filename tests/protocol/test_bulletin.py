"""News that goes to everybody at once."""

from dataclasses import dataclass, field
import random

import pytest

from crdtnode.config import Settings
from crdtnode.protocol.bulletin import MAILED_MOST, PERIOD, Bulletin
from crdtnode.protocol.deliveries import NEWS_LONGEST, Deliveries
from crdtnode.protocol.mail import Send
from crdtnode.protocol.members import Member, Members
from crdtnode.protocol.ring import Ring
from crdtnode.protocol.spreading import Spreading
from crdtnode.wire import codec
from crdtnode.wire.messages import State, Tell
from tests.protocol.people import boot, members, record


@dataclass
class Desk:
    members: Members = field(default_factory=lambda: members("b", "c"))
    deliveries: Deliveries = field(default_factory=lambda: Deliveries(Settings()))

    def __post_init__(self) -> None:
        ring = Ring(
            lambda: [m.name for m in self.members if m.talks], lambda name: sum(map(ord, name))
        )
        self.spreading = Spreading(self.members, ring, self.deliveries, random.Random(1))
        self.bulletin = Bulletin(self.members, self.spreading, self.deliveries, random.Random(1))

    def of(self, name: str) -> Member:
        one = self.members.named(name)
        assert one is not None
        return one


@pytest.fixture
def desk() -> Desk:
    return Desk()


def told(sends: list[Send]) -> list[tuple[bytes, list[str]]]:
    lists = [(send.boot, send.message) for send in sends]
    return [(to, [r.name for r in m.records]) for to, m in lists if isinstance(m, Tell)]


def test_what_is_posted_goes_to_everybody_at_once(desk: Desk) -> None:
    sends = desk.bulletin.post([desk.of("a")], 1.0)
    assert told(sends) == [(boot("b"), ["a"]), (boot("c"), ["a"])]
    assert desk.bulletin.deadline == float("inf")


def test_what_is_posted_soon_after_goes_together(desk: Desk) -> None:
    desk.bulletin.post([desk.of("a")], 1.0)
    assert desk.bulletin.post([desk.of("b")], 1.01) == []
    assert desk.bulletin.post([desk.of("c"), desk.of("b")], 1.02) == []
    due = desk.bulletin.deadline
    assert due == pytest.approx(1.0 + PERIOD, abs=PERIOD / 4)
    assert desk.bulletin.wake(1.03) == []
    assert told(desk.bulletin.wake(due)) == [
        (boot("b"), ["b", "c"]),
        (boot("c"), ["b", "c"]),
    ]


def test_news_is_of_the_moment_in_which_it_goes(desk: Desk) -> None:
    desk.bulletin.post([desk.of("a")], 1.0)
    desk.bulletin.post([desk.of("b")], 1.01)
    desk.members.judge(desk.of("b"), State.SUSPECT, 1.02)
    (send, _) = desk.bulletin.wake(2.0)
    assert isinstance(send.message, Tell)
    assert send.message.records[0].state == State.SUSPECT


def test_who_is_off_the_list_meanwhile_is_no_news(desk: Desk) -> None:
    desk.bulletin.post([desk.of("a")], 1.0)
    desk.bulletin.post([desk.of("b")], 1.01)
    desk.members.forget([desk.of("b")])
    assert desk.bulletin.wake(2.0) == []


def test_what_somebody_else_tells_everybody_needs_no_word_of_ours(desk: Desk) -> None:
    desk.bulletin.post([desk.of("a")], 1.0)
    desk.bulletin.post([desk.of("b"), desk.of("c")], 1.01)
    desk.bulletin.told([desk.of("b").record(), record("stranger")])
    assert {name for _, names in told(desk.bulletin.wake(2.0)) for name in names} == {"c"}
    desk.bulletin.post([desk.of("b")], 2.01)
    desk.bulletin.told([desk.of("b").record()])
    assert desk.bulletin.wake(3.0) == []


def test_what_somebody_else_tells_otherwise_is_told_by_us_as_well(desk: Desk) -> None:
    desk.bulletin.post([desk.of("a")], 1.0)
    desk.bulletin.post([desk.of("b")], 1.01)
    before = desk.of("b").record()
    desk.members.judge(desk.of("b"), State.SUSPECT, 1.02)
    desk.bulletin.told([before])
    assert {name for _, names in told(desk.bulletin.wake(2.0)) for name in names} == {"b"}


def test_two_who_post_together_do_not_mail_together_for_ever(desk: Desk) -> None:
    due = set()
    for moment in range(4):
        desk.bulletin.post([desk.of("a")], float(moment))
        desk.bulletin.post([desk.of("b")], moment + 0.01)
        due.add(round(desk.bulletin.deadline - moment, 6))
        desk.bulletin.wake(moment + 0.5)
    assert len(due) == 4


def test_those_who_are_gone_are_told_nothing(desk: Desk) -> None:
    desk.members.judge(desk.of("b"), State.DEAD, 1.0)
    assert told(desk.bulletin.post([desk.of("b")], 1.0)) == [(boot("c"), ["b"])]


def test_it_is_sent_again_until_it_is_acknowledged(desk: Desk) -> None:
    sends = desk.bulletin.post([desk.of("a")], 1.0)
    again = desk.spreading.wake(9.0)
    assert told(again) == told(sends)


def test_news_is_never_put_off_for_long(desk: Desk) -> None:
    for name in "bc":
        desk.of(name).measured(3.0)
    desk.bulletin.post([desk.of("a")], 1.0)
    assert desk.deliveries.deadline == 1.0 + NEWS_LONGEST


def test_much_news_is_cut_into_datagrams_and_has_an_end(desk: Desk) -> None:
    desk.members.hear([record(f"newcomer-{n}") for n in range(MAILED_MOST * 2)], 1.0)
    sends = desk.bulletin.post(list(desk.members), 1.0)
    assert all(len(codec.encode(send.message)) <= 1152 for send in sends)
    assert len({name for _, names in told(sends) for name in names}) == MAILED_MOST


def test_what_others_posted_is_relayed_at_once_and_what_comes_soon_after_together(
    desk: Desk,
) -> None:
    first, second, later = (record(name, incarnation=n) for n, name in enumerate("xyy"))
    assert told(desk.bulletin.relay(Tell(1, 0, 0, (first,)), 1.0)) == [
        (boot("b"), ["x"]),
        (boot("c"), ["x"]),
    ]
    assert desk.bulletin.relay(Tell(2, 0, 0, (later,)), 1.01) == []
    assert desk.bulletin.relay(Tell(3, 0, 0, (second, first)), 1.02) == []
    sends = desk.bulletin.wake(desk.bulletin.deadline)
    assert told(sends) == [(boot("b"), ["y", "x"]), (boot("c"), ["y", "x"])]
    assert all(send.message.records[0] is later for send in sends if isinstance(send.message, Tell))


def test_what_is_for_another_range_is_relayed_there_alone(desk: Desk) -> None:
    desk.bulletin.post([desk.of("a")], 1.0)
    place = sum(map(ord, "b"))
    desk.bulletin.relay(Tell(1, place, place + 1, (record("x"),)), 1.01)
    assert told(desk.bulletin.wake(2.0)) == [(boot("b"), ["x"])]
