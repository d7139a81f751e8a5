"""What flush waits for."""

from collections.abc import Collection

import pytest

from crdtnode.config import Settings
from crdtnode.protocol.confirmations import Confirmations
from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.effects import Flushed
from crdtnode.protocol.members import Member, Members
from crdtnode.protocol.typesets import TypeSets
from crdtnode.wire.messages import Push, State
from tests.protocol.people import members
from tests.protocol.registries import registry

TAGS = frozenset({"gset@1"})


class Desk:
    """Confirmations among a few members."""

    def __init__(self) -> None:
        self.members: Members = members("b", "c")
        self.deliveries = Deliveries(Settings())
        self.registry = registry(["gset@1", "pncounter@1"])
        self.confirmations = Confirmations(self.members, self.deliveries, TypeSets(self.registry))

    def of(self, name: str) -> Member:
        one = self.members.named(name)
        assert one is not None
        return one

    def push(self, *receivers: str, tags: Collection[str] = TAGS) -> int:
        push = Push(self.deliveries.new_id(), 0, 0, ())
        for name in receivers:
            self.deliveries.send(self.of(name), push, 0.0)
        self.confirmations.sent(push.id, tags)
        return push.id

    def knows(self, name: str, *tags: str) -> None:
        """This member knows these types."""
        theirs = registry(tags)
        self.of(name).types = theirs.types_hash
        assert self.confirmations._typesets.learn(TypeSets(theirs).ours())

    def acknowledge(self, name: str, id_: int) -> None:
        assert self.deliveries.acknowledged(self.of(name), id_, 0.1)
        self.confirmations.acknowledged(id_, self.of(name).boot)


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


def test_who_holds_a_batch_already_confirms_later_tickets_too(desk: Desk) -> None:
    id_ = desk.push("b", "c")
    desk.acknowledge("b", id_)
    ticket = desk.confirmations.ticket()
    assert desk.confirmations.settle() == [Flushed(ticket, 1)]


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
    desk.confirmations.all_held(TAGS, b"c")
    assert not desk.confirmations.needs_root
    assert desk.confirmations.settle() == [Flushed(ticket, 1)]
    assert not desk.confirmations.open


def test_what_is_not_pushed_at_all_an_equal_root_confirms_too(desk: Desk) -> None:
    desk.confirmations.untold("gset@1")
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
    desk.confirmations.all_held(TAGS, b"c")
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
    desk.confirmations.acknowledged(early, b"c")
    desk.confirmations.all_held(TAGS, b"c")
    assert desk.confirmations.settle() == [Flushed(waiting, 1)]


def test_a_batch_given_up_by_one_receiver_may_be_confirmed_by_another(desk: Desk) -> None:
    id_ = desk.push("b", "c")
    ticket = desk.confirmations.ticket()
    desk.deliveries.forget(desk.of("b").boot)
    assert desk.confirmations.settle() == []
    assert not desk.confirmations.needs_root
    desk.acknowledge("c", id_)
    assert desk.confirmations.settle() == [Flushed(ticket, 1)]


def test_a_root_over_other_types_confirms_nothing_of_this_one(desk: Desk) -> None:
    pushed = desk.push("b")
    desk.push(tags=["pncounter@1"])
    desk.confirmations.ticket()
    desk.confirmations.all_held(["pncounter@1"], b"c")
    assert desk.confirmations.settle() == []
    desk.acknowledge("b", pushed)
    assert desk.confirmations.settle() == [Flushed(1, 1)]


def test_a_root_over_other_types_confirms_nothing_that_was_not_pushed(desk: Desk) -> None:
    desk.confirmations.untold("gset@1")
    desk.confirmations.all_held(["pncounter@1"], b"c")
    desk.confirmations.ticket()
    assert desk.confirmations.settle() == []


def test_a_batch_of_two_types_needs_a_root_over_both(desk: Desk) -> None:
    desk.push("b", tags=["gset@1", "pncounter@1"])
    ticket = desk.confirmations.ticket()
    desk.confirmations.all_held(["gset@1"], b"c")
    assert desk.confirmations.settle() == []
    desk.confirmations.all_held(["gset@1", "pncounter@1"], b"c")
    assert desk.confirmations.settle() == [Flushed(ticket, 1)]


def test_what_all_refused_to_keep_is_held_by_nobody(desk: Desk) -> None:
    desk.knows("b", "pncounter@1")
    desk.knows("c", "pncounter@1")
    id_ = desk.push("b")
    ticket = desk.confirmations.ticket()
    assert desk.deliveries.acknowledged(desk.of("b"), id_, 0.1)
    assert desk.confirmations.settle() == [Flushed(ticket, 0)]
    assert desk.confirmations.open


def test_what_one_member_may_still_hold_is_waited_for(desk: Desk) -> None:
    desk.knows("b", "pncounter@1")
    id_ = desk.push("b")
    ticket = desk.confirmations.ticket()
    assert desk.deliveries.acknowledged(desk.of("b"), id_, 0.1)
    assert desk.confirmations.settle() == []  # the list of c is not known yet
    desk.knows("c", "gset@1")
    assert desk.confirmations.settle() == []
    desk.knows("c", "pncounter@1")
    assert desk.confirmations.settle() == [Flushed(ticket, 0)]


# Until so many hold it


def test_a_ticket_may_ask_for_more_members(desk: Desk) -> None:
    id_ = desk.push("b", "c")
    ticket = desk.confirmations.ticket(2)
    desk.acknowledge("c", id_)
    assert not desk.confirmations.open
    assert desk.confirmations.settle() == []
    desk.acknowledge("b", id_)
    assert desk.confirmations.settle() == [Flushed(ticket, 2)]


def test_where_there_are_fewer_members_all_of_them_will_do(desk: Desk) -> None:
    desk.members.judge(desk.of("c"), State.DEAD, 0.0)
    id_ = desk.push("b")
    ticket = desk.confirmations.ticket(5)
    assert desk.confirmations.settle() == []
    desk.acknowledge("b", id_)
    assert desk.confirmations.settle() == [Flushed(ticket, 1)]


def test_who_held_a_batch_before_the_question_counts(desk: Desk) -> None:
    id_ = desk.push("b", "c")
    desk.acknowledge("c", id_)
    ticket = desk.confirmations.ticket(2)
    desk.acknowledge("b", id_)
    assert desk.confirmations.settle() == [Flushed(ticket, 2)]
    later = desk.confirmations.ticket(2)
    assert desk.confirmations.settle() == [Flushed(later, 2)]


def test_a_batch_that_too_few_acknowledged_waits_for_equal_roots_of_more(desk: Desk) -> None:
    id_ = desk.push("b", "c")
    desk.acknowledge("c", id_)
    early = desk.confirmations.ticket(2)
    desk.deliveries.forget(desk.of("b").boot)
    assert desk.confirmations.settle() == []
    late = desk.confirmations.ticket(2)
    assert desk.confirmations.needs_root
    desk.confirmations.all_held(TAGS, desk.of("c").boot)
    assert desk.confirmations.settle() == []
    desk.confirmations.all_held(TAGS, desk.of("b").boot)
    assert desk.confirmations.settle() == [Flushed(early, 2), Flushed(late, 2)]
    again = desk.confirmations.ticket(2)
    assert desk.confirmations.settle() == [Flushed(again, 2)]


def test_of_several_batches_the_one_that_fewest_hold_counts(desk: Desk) -> None:
    for receivers in (("b", "c"), ("c",), ("b", "c")):
        id_ = desk.push(*receivers)
        for name in receivers:
            desk.acknowledge(name, id_)
        desk.confirmations.settle()
    ticket = desk.confirmations.ticket(2)
    assert desk.confirmations.settle() == []
    assert desk.confirmations.ticket(1)
    assert desk.confirmations.settle() == [Flushed(ticket + 1, 1)]


def test_a_ticket_for_what_is_still_to_be_flushed_counts_that_too(desk: Desk) -> None:
    ticket = desk.confirmations.ticket(later=True)
    assert desk.confirmations.later
    assert desk.confirmations.settle() == []
    id_ = desk.push("b", "c")
    desk.confirmations.flushed()
    assert desk.confirmations.settle() == []
    desk.acknowledge("b", id_)
    assert desk.confirmations.settle() == [Flushed(ticket, 1)]
