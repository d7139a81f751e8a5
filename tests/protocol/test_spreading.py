"""Down the tree."""

from dataclasses import dataclass, field
import random

import pytest

from crdtnode.config import Settings
from crdtnode.protocol.deliveries import SILENT_MOST, Deliveries
from crdtnode.protocol.mail import Send
from crdtnode.protocol.members import Member, Members
from crdtnode.protocol.ring import Ring
from crdtnode.protocol.spans import PLACES, arcs
from crdtnode.protocol.spreading import ARCS, DIRECT, FANOUT, SETTLED, Spreading
from crdtnode.wire.messages import Push, State, Tell
from tests.protocol.people import members, record

NOW = SETTLED + 1.0


def place(name: str) -> int:
    """Members are called m1, m2, and so on; we stand before them all."""
    return int(name[1:] or 0) * 100


@dataclass
class Node:
    """A node among so many others."""

    others: int = 3
    members: Members = field(init=False)
    spreading: Spreading = field(init=False)
    deliveries: Deliveries = field(default_factory=lambda: Deliveries(Settings()))

    def __post_init__(self) -> None:
        self.members = members(*(f"m{n}" for n in range(1, self.others + 1)))
        self.ring = Ring(lambda: [m.name for m in self.members if m.talks], place)
        self.spreading = Spreading(self.members, self.ring, self.deliveries, random.Random(7))

    def of(self, number: int) -> Member:
        one = self.members.named(f"m{number}")
        assert one is not None
        return one

    def begin(self) -> list[Send]:
        return self.spreading.begin(Push(self.deliveries.new_id(), 0, 0, ()), NOW)


def ranges(sends: list[Send]) -> list[tuple[int, int]]:
    messages = [send.message for send in sends]
    return [(m.lo, m.hi) for m in messages if isinstance(m, Push)]


def boots(sends: list[Send]) -> list[bytes]:
    return [send.boot for send in sends]


def test_few_members_are_told_directly_each_for_the_gap_behind_it_too() -> None:
    node = Node()
    sends = node.begin()
    assert boots(sends) == [node.of(n).boot for n in (1, 2, 3)]
    assert ranges(sends) == [(1, 200), (200, 300), (300, 0)]


def test_up_to_seventeen_nodes_write_to_each_other() -> None:
    assert len(Node(FANOUT).begin()) == FANOUT
    crowd = Node(100).begin()
    assert len(crowd) == FANOUT
    assert len(set(boots(crowd))) == FANOUT


def test_who_relays_is_a_matter_of_chance() -> None:
    node = Node(100)
    assert len({boots(node.begin())[0] for _ in range(50)}) > 3


def test_a_relay_hands_on_what_lies_before_and_behind_its_place() -> None:
    node = Node()
    sends = node.spreading.relay(Push(77, 300, 200, ()), NOW)
    assert ranges(sends) == [(300, 0), (1, 200)]
    assert {send.message.id for send in sends if isinstance(send.message, Push)} == {1}


def test_what_is_for_a_relay_alone_goes_no_further() -> None:
    node = Node()
    assert node.spreading.relay(Push(77, 0, 1, ()), NOW) == []


def test_a_relay_that_the_range_misses_hands_on_all_of_it() -> None:
    node = Node()
    assert ranges(node.spreading.relay(Push(77, 100, 300, ()), NOW)) == [(100, 200), (200, 300)]


def test_the_range_of_a_silent_relay_goes_to_others_and_it_is_retried_alone() -> None:
    node = Node(32)  # parts of two
    first = node.begin()
    silent = [
        send for send in first if send.boot == node.of(5).boot or send.boot == node.of(6).boot
    ]
    (send,) = silent
    for other in first:
        member = node.members.booted(other.boot)
        if other is not send and member is not None:
            node.deliveries.acknowledged(member, 1, NOW)
    node.spreading.wake(node.deliveries.deadline)
    again = node.spreading.wake(node.deliveries.deadline)
    retried, taken_over = again
    assert retried.boot == send.boot
    assert {retried.boot, taken_over.boot} == {node.of(5).boot, node.of(6).boot}
    own = node.ring.place("m5" if send.boot == node.of(5).boot else "m6")
    assert ranges([retried]) == [(own, own + 1)]


def test_a_suspect_a_silent_one_and_a_newcomer_relay_only_if_they_must() -> None:
    node = Node(64)  # parts of four
    newcomers = range(1, 65, 4)
    for number in newcomers:
        node.of(number).since = NOW
        node.members.judge(node.of(number + 1), State.SUSPECT, 0.0)
        node.deliveries.send(node.of(number + 2), Push(900, 0, 0, ()), 0.0)
    node.deliveries.wake(NOW)
    fit = {node.of(number + 3).boot for number in newcomers}
    chosen = [boot for _ in range(20) for boot in boots(node.begin())]
    assert set(chosen) == fit
    for number in newcomers:
        node.members.judge(node.of(number + 3), State.SUSPECT, 0.0)
    assert len(node.begin()) == FANOUT


def test_among_hundreds_who_are_silent_the_one_who_lives_relays() -> None:
    node = Node(16 * 40)
    alive = node.of(7)
    for number in range(1, 16 * 40 + 1):
        if number != 7:
            node.deliveries.send(node.of(number), Push(900, 0, 0, ()), 0.0)
    node.deliveries.wake(0.5)
    node.deliveries.wake(0.5)
    node.deliveries.wake(0.5)
    for _ in range(8):
        assert alive.boot in boots(node.begin())


def test_who_can_take_no_more_relays_nothing_either() -> None:
    node = Node(32)
    for pair in range(1, 32, 2):
        for number in range(SILENT_MOST):
            node.deliveries.send(node.of(pair), Push(1000 + number, 0, 0, ()), 0.0)
    node.deliveries.wake(0.5)
    seen: set[bytes] = set()
    for _ in range(8):
        seen.update(boots(node.begin()))
    assert seen == {node.of(pair).boot for pair in range(2, 33, 2)}


def test_a_renamed_node_does_not_write_to_itself() -> None:
    node = Node(1)
    node.ring.target("a", 1)
    node.members.me.name = "a7"  # the ring has not heard of it yet
    assert boots(node.begin()) == [node.of(1).boot]


@pytest.mark.parametrize("others", [1, 2, 5, 16, 17, 40, 300])
def test_everybody_is_covered_once_by_what_is_sent_first(others: int) -> None:
    spans = ranges(Node(others).begin())
    for number in range(1, others + 1):
        at = place(f"m{number}")
        assert sum(lo <= at < hi or (hi == 0 and at >= lo) for lo, hi in spans) == 1


# News


def arc_place(name: str) -> int:
    """Members are called m1, m2, and so on, all over the ring, and we a."""
    return int(name[1:] or 0) * 7_046_029_254_386_353_131 % PLACES


@dataclass
class Teller(Node):
    """A node that has news."""

    turn: int = 0

    def __post_init__(self) -> None:
        self.members = members(*(f"m{n}" for n in range(1, self.others + 1)))
        self.ring = Ring(lambda: [m.name for m in self.members if m.talks], arc_place)
        chance = random.Random(7)
        self.spreading = Spreading(
            self.members, self.ring, self.deliveries, chance, lambda: self.turn
        )

    def tell(self) -> list[Send]:
        return self.spreading.tell(Tell(self.deliveries.new_id(), 0, 0, (record("x"),)), NOW)


def relays(sends: list[Send]) -> dict[tuple[int, int], bytes]:
    """Who relays in which arc, but that in which we stand ourselves."""
    told = [(send.boot, send.message) for send in sends]
    spans = {(m.lo, m.hi): boot for boot, m in told if isinstance(m, Tell)}
    return {span: boot for span, boot in spans.items() if span in arcs(ARCS)}


def test_news_goes_directly_to_each_of_few() -> None:
    assert len(Teller(DIRECT - 1).tell()) == DIRECT - 1


def test_all_who_have_news_take_the_same_relays_and_others_in_the_next_round() -> None:
    one, other = Teller(400), Teller(400)
    other.members.me.name = "m7000"
    other.ring.changed()
    first, second = relays(one.tell()), relays(other.tell())
    common = first.keys() & second.keys()
    assert len(common) >= ARCS - 2, "each may relay in its own arc itself"
    assert [first[span] for span in common] == [second[span] for span in common]
    one.turn = 1
    assert not set(relays(one.tell()).values()) & set(first.values())


def test_who_is_suspect_or_silent_relays_no_news() -> None:
    node = Teller(400)
    first = node.tell()
    for send in first:
        suspect = node.members.booted(send.boot)
        assert suspect is not None
        node.members.judge(suspect, State.SUSPECT, NOW)
    assert not set(relays(node.tell()).values()) & set(relays(first).values())


def test_a_silent_relay_of_news_is_replaced_and_told_by_its_successor() -> None:
    node = Teller(400)
    first = node.tell()
    for _ in range(2):
        again = node.spreading.wake(node.deliveries.deadline)
    assert relays(again).keys() == relays(first).keys()
    assert not set(relays(again).values()) & set(relays(first).values())


def test_where_nobody_will_do_news_of_many_goes_to_more() -> None:
    node = Teller(400)
    for member in node.members.talking():
        member.since = NOW
    assert 2 * ARCS < len(node.tell()) < 2 * DIRECT


def test_a_relay_of_its_own_arc_tells_it_directly() -> None:
    node = Teller(400)
    mine = [name for _, name in node.ring.within(*arcs(ARCS)[0])]
    assert mine[0] == "a"
    for name in mine:
        member = node.members.named(name)
        if member is not None and name != "a":
            member.since = NOW  # nobody else will do
    told = {send.boot for send in node.tell()}
    for name in mine:
        member = node.members.named(name)
        assert member is not None
        assert (member.boot in told) == (name != "a")


def test_who_acknowledges_other_things_is_not_given_the_same_news_for_ever() -> None:
    node = Teller(1)
    only = node.of(1)
    news = Tell(node.deliveries.new_id(), 0, 0, (record("x"),))
    node.deliveries.send(only, news, NOW, arc_place("m1"))
    for _ in range(20):
        now = min(node.deliveries.deadline, NOW + 60.0)
        push = Push(node.deliveries.new_id(), 0, 0, ())
        node.deliveries.send(only, push, now)
        node.spreading.wake(now)
        node.deliveries.acknowledged(only, push.id, now)
    assert node.deliveries.deadline == float("inf")


def test_what_waits_for_a_silent_member_reaches_it() -> None:
    node = Teller(2)
    silent = node.of(1)
    node.tell()
    node.deliveries.acknowledged(node.of(2), 1, NOW)
    now = node.deliveries.deadline
    node.spreading.wake(now)
    news = Tell(node.deliveries.new_id(), 0, 0, (record("y"),))
    assert boots(node.spreading.tell(news, now)) == [node.of(2).boot]
    node.deliveries.acknowledged(node.of(2), news.id, now)
    (again,) = node.spreading.wake(node.deliveries.deadline)
    assert again.boot == silent.boot
    assert isinstance(again.message, Tell)
    assert [one.name for one in again.message.records] == ["x", "y"]
