"""What flush waits for."""

import pytest

from crdtnode.config import Settings
from crdtnode.protocol.confirmations import Confirmations
from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.effects import Flushed
from crdtnode.protocol.members import Member, Members
from crdtnode.wire.messages import State, Types
from tests.protocol.people import members


class Desk:
    """Confirmations among a few members."""

    def __init__(self) -> None:
        self.members: Members = members("b", "c")
        self.deliveries = Deliveries(Settings())
        self.confirmations = Confirmations(self.members, self.deliveries)

    def of(self, name: str) -> Member:
        one = self.members.named(name)
        assert one is not None
        return one

    def push(self, *receivers: str) -> int:
        id_ = self.deliveries.new_id()
        for name in receivers:
            self.deliveries.send(self.of(name), id_, Types(1, ()), 0.0)
        self.confirmations.sent(id_)
        return id_

    def acknowledge(self, name: str, id_: int) -> None:
        assert self.deliveries.acknowledged(self.of(name), id_, 0.1)
        self.confirmations.acknowledged(id_)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_one_acknowledgement_confirms_a_batch(desk: Desk) -> None:
    id_ = desk.push("b", "c")
    ticket = desk.confirmations.ticket()
    assert desk.confirmations.open
    assert desk.confirmations.settle() == []
    desk.acknowledge("c", id_)
    assert desk.confirmations.settle() == [Flushed(ticket, 1)]
    assert desk.confirmations.settle() == []
    assert not desk.confirmations.open


def test_a_ticket_waits_for_all_that_was_pushed_before_it(desk: Desk) -> None:
    first, second = desk.push("b"), desk.push("b")
    ticket = desk.confirmations.ticket()
    later = desk.push("b")
    desk.acknowledge("b", second)
    assert desk.confirmations.settle() == []
    desk.acknowledge("b", first)
    assert desk.confirmations.settle() == [Flushed(ticket, 1)]
    assert desk.deliveries.waits(later)


def test_where_nothing_was_written_a_ticket_is_confirmed_at_once(desk: Desk) -> None:
    ticket = desk.confirmations.ticket()
    assert desk.confirmations.settle() == [Flushed(ticket, 1)]


def test_alone_nobody_confirms(desk: Desk) -> None:
    desk.push("b")
    ticket = desk.confirmations.ticket()
    for name in "bc":
        desk.members.judge(desk.of(name), State.DEAD, 1.0)
    assert desk.confirmations.settle() == [Flushed(ticket, 0)]


def test_what_nobody_was_told_an_equal_root_confirms(desk: Desk) -> None:
    desk.push()
    ticket = desk.confirmations.ticket()
    assert desk.confirmations.needs_root
    assert desk.confirmations.settle() == []
    desk.confirmations.all_held()
    assert not desk.confirmations.needs_root
    assert desk.confirmations.settle() == [Flushed(ticket, 1)]
    assert not desk.confirmations.open


def test_what_is_not_pushed_at_all_an_equal_root_confirms_too(desk: Desk) -> None:
    desk.confirmations.untold()
    desk.confirmations.ticket()
    assert desk.confirmations.settle() == []
    assert desk.confirmations.needs_root


def test_a_batch_that_nobody_acknowledged_waits_for_an_equal_root(desk: Desk) -> None:
    lost, held = desk.push("b"), desk.push("c")
    ticket = desk.confirmations.ticket()
    desk.deliveries.forget(desk.of("b").boot)
    assert desk.confirmations.settle() == []
    desk.acknowledge("c", held)
    assert desk.confirmations.settle() == []
    assert desk.confirmations.needs_root
    desk.confirmations.all_held()
    assert desk.confirmations.settle() == [Flushed(ticket, 1)]
    assert not desk.deliveries.waits(lost)


def test_tickets_that_do_not_need_the_lost_batch_go_on(desk: Desk) -> None:
    early = desk.push("c")
    first = desk.confirmations.ticket()
    desk.push("b")
    waiting = desk.confirmations.ticket()
    desk.deliveries.forget(desk.of("b").boot)
    desk.acknowledge("c", early)
    assert desk.confirmations.settle() == [Flushed(first, 1)]
    desk.confirmations.acknowledged(early)
    desk.confirmations.all_held()
    assert desk.confirmations.settle() == [Flushed(waiting, 1)]


def test_a_batch_given_up_by_one_receiver_may_be_confirmed_by_another(desk: Desk) -> None:
    id_ = desk.push("b", "c")
    ticket = desk.confirmations.ticket()
    desk.deliveries.forget(desk.of("b").boot)
    assert desk.confirmations.settle() == []
    assert not desk.confirmations.needs_root
    desk.acknowledge("c", id_)
    assert desk.confirmations.settle() == [Flushed(ticket, 1)]
