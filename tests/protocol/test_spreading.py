"""Down the tree."""

from dataclasses import dataclass, field
import random

import pytest

from crdtnode.config import Settings
from crdtnode.protocol.deliveries import SILENT_MOST, Deliveries
from crdtnode.protocol.mail import Send
from crdtnode.protocol.members import Member, Members
from crdtnode.protocol.ring import Ring
from crdtnode.protocol.spreading import FANOUT, SETTLED, Spreading
from crdtnode.wire.messages import Push, State
from tests.protocol.people import members

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
