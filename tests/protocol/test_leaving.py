"""Goodbye."""

from dataclasses import dataclass, field

import pytest

from crdtnode.config import Settings
from crdtnode.protocol.confirmations import Confirmations
from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.leaving import TOLD, Leaving
from crdtnode.protocol.members import Members
from crdtnode.protocol.typesets import TypeSets
from crdtnode.wire.messages import Leave, State
from tests.protocol.people import members
from tests.protocol.registries import registry

SETTINGS = Settings()


@dataclass
class Node:
    members: Members = field(default_factory=lambda: members("b", "c", "d", "e"))

    def __post_init__(self) -> None:
        self.deliveries = Deliveries(SETTINGS)
        typesets = TypeSets(registry())
        self.confirmations = Confirmations(self.members, self.deliveries, typesets)
        self.leaving = Leaving(self.members, self.deliveries, self.confirmations, SETTINGS)

    def begin(self) -> int:
        goodbye = self.leaving.begin(1.0)[0].message
        assert isinstance(goodbye, Leave)
        return goodbye.id


@pytest.fixture
def node() -> Node:
    return Node()


def test_everybody_is_told_that_we_left_of_our_own_will(node: Node) -> None:
    sends = node.leaving.begin(1.0)
    assert len(sends) == 4
    goodbye = sends[0].message
    assert isinstance(goodbye, Leave)
    assert all(send.message is goodbye for send in sends)
    assert (goodbye.record.state, goodbye.record.incarnation) == (State.LEFT, 2)


def test_it_is_over_when_a_few_have_heard_it(node: Node) -> None:
    id_ = node.begin()
    for _ in range(TOLD):
        assert not node.leaving.settle(1.0)
        node.leaving.acknowledged(id_ + 1)
        node.leaving.acknowledged(id_)
    assert node.leaving.settle(1.0)
    assert node.leaving.over
    assert not node.leaving.settle(1.0)


def test_it_is_over_when_nobody_hears_it(node: Node) -> None:
    node.begin()
    assert not node.leaving.settle(1.1)
    assert node.leaving.deadline == 1.0 + SETTINGS.leave_timeout
    assert node.leaving.settle(node.leaving.deadline)


def test_it_waits_for_somebody_to_hold_our_last_writes(node: Node) -> None:
    node.confirmations.untold("gset@1")
    id_ = node.begin()
    for _ in range(TOLD):
        node.leaving.acknowledged(id_)
    assert not node.leaving.settle(1.0)
    node.confirmations.all_held(["gset@1"], b"c")
    assert node.leaving.settle(1.0)


def test_alone_it_is_over_at_once() -> None:
    node = Node(members())
    node.confirmations.untold("gset@1")
    assert node.leaving.begin(1.0) == []
    assert node.leaving.settle(1.0)


def test_a_node_that_does_not_leave_is_not_over(node: Node) -> None:
    assert not node.leaving.settle(99.0)
    assert not node.leaving.over


def test_a_second_goodbye_is_none(node: Node) -> None:
    node.begin()
    assert node.leaving.begin(1.1) == []
    assert node.members.me.incarnation == 2
