"""Changes that no datagram holds."""

from dataclasses import dataclass, field
import random

import pytest

from crdt import GSet
from crdtnode.config import Settings
from crdtnode.protocol.announcing import FANOUT, HELD_BYTES, PATIENCE, PULLS_MOST, Announcing
from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.effects import Flushed
from crdtnode.protocol.mail import Send, to
from crdtnode.protocol.members import Member, Members
from crdtnode.protocol.receipts import Receipts
from crdtnode.protocol.ring import Ring
from crdtnode.protocol.spreading import Spreading
from crdtnode.registry import Registry
from crdtnode.wire import codec
from crdtnode.wire.messages import Ack, Announce, Item, Pull, Push
from tests.protocol.people import members
from tests.protocol.registries import registry
from tests.protocol.table import Seat, Table

SETTINGS = Settings()
ITEM = Item("gset@1", "tags", 1, 0, 1, (["x" * 3000],), 77)
ITEMS = codec.encode_items([ITEM])


@dataclass
class Node:
    """A node among nine others."""

    registry: Registry = field(default_factory=registry)
    members: Members = field(default_factory=lambda: members(*"bcdefghij"))
    deliveries: Deliveries = field(default_factory=lambda: Deliveries(SETTINGS))
    receipts: Receipts = field(default_factory=lambda: Receipts(SETTINGS))

    def __post_init__(self) -> None:
        ring = Ring(lambda: [m.name for m in self.members], lambda name: 10 * ord(name))
        spreading = Spreading(self.members, ring, self.deliveries, random.Random(1))
        self.announcing = Announcing(self.registry, spreading, self.deliveries, self.receipts)

    def of(self, name: str) -> Member:
        one = self.members.named(name)
        assert one is not None
        return one

    def begin(self, items: bytes = ITEMS) -> list[Send]:
        return self.announcing.begin(self.deliveries.new_id(), 5, 77, items, 1.0)


@pytest.fixture
def us() -> Node:
    return Node()


def hears(us: Node, name: str, id_: int = 1, version: int = 77, now: float = 1.0) -> list[Send]:
    place = us.registry.fingerprints.place("gset@1", "tags")
    return us.announcing.hear(us.of(name), Announce(id_, 0, 0, place, version), now)


def test_a_change_is_announced_to_a_few_in_little_room(us: Node) -> None:
    sends = us.begin()
    assert len(sends) == FANOUT
    assert all(isinstance(send.message, Announce) for send in sends)
    assert all(len(codec.encode(send.message)) < 64 for send in sends)


def test_who_pulls_gets_it_once_by_stream_for_its_range(us: Node) -> None:
    (first, *_) = us.begin()
    member = us.members.booted(first.boot)
    assert member is not None
    assert isinstance(first.message, Announce)
    lo, hi = first.message.lo, first.message.hi
    (send,) = us.announcing.pull(member, Pull((1,)), 1.1)
    assert send == to(member, Push(1, lo, hi, ()), stream=True)
    assert codec.decode(codec.encode(send.message)) == Push(1, lo, hi, (ITEM,))
    assert us.announcing.pull(member, Pull((1,)), 1.2) == []


def test_what_was_not_announced_cannot_be_pulled(us: Node) -> None:
    us.deliveries.send(us.of("b"), Push(9, 0, 0, ()), 1.0)
    assert us.announcing.pull(us.of("b"), Pull((8, 9)), 1.0) == []


def test_who_takes_it_and_does_not_acknowledge_is_given_up_and_relays_nothing(us: Node) -> None:
    (first, *_) = us.begin()
    member = us.members.booted(first.boot)
    assert member is not None
    for other in us.members:
        if other is not member:
            us.deliveries.acknowledged(other, 1, 1.0)
    us.announcing.pull(member, Pull((1,)), 1.0)
    assert us.deliveries.deadline == 1.0 + SETTINGS.stream_idle
    assert us.deliveries.wake(us.deliveries.deadline) == []
    (orphan,) = us.deliveries.orphans()
    assert orphan.message == first.message
    assert not us.deliveries.waits(1)


def test_too_much_at_once_is_left_to_repair(us: Node) -> None:
    half = bytes(HELD_BYTES // 2)
    assert us.begin(half)
    assert us.begin(half)
    assert us.begin() == []
    assert us.announcing.relay(Push(1, 0, 0, (ITEM,), ITEMS), 1.0) == []
    for member in us.members:
        us.deliveries.acknowledged(member, 1, 1.1)
    assert us.begin()


def test_what_we_lack_we_pull(us: Node) -> None:
    assert hears(us, "b", id_=8) == [to(us.of("b"), Pull((8,)))]


def test_what_we_hold_we_acknowledge(us: Node) -> None:
    us.registry.absorb("gset@1", "tags", 1, ITEM.payloads, 1.0)
    us.registry.flush(1.0)
    assert hears(us, "b", version=us.registry.version("gset@1", "tags")) == []
    assert us.receipts.wake(2.0) == [to(us.of("b"), Ack((1,), stored=True))]


def test_what_was_joined_already_is_acknowledged_again(us: Node) -> None:
    us.receipts.acknowledge(us.of("b"), 1, 1.0)
    us.receipts.wake(2.0)
    assert hears(us, "b") == []
    assert us.receipts.wake(3.0) == [to(us.of("b"), Ack((1,), stored=True))]


def test_a_second_announcer_waits_while_the_first_delivers(us: Node) -> None:
    assert hears(us, "b", now=1.0)
    assert hears(us, "c", now=1.0) == []
    assert hears(us, "b", now=1.5) == [to(us.of("b"), Pull((1,)))]
    assert hears(us, "c", now=1.5 + PATIENCE) == [to(us.of("c"), Pull((1,)))]
    assert hears(us, "c", id_=2, version=78) == [to(us.of("c"), Pull((2,)))]


def test_only_so_many_pulls_are_remembered(us: Node) -> None:
    for version in range(PULLS_MOST + 1):
        hears(us, "b", id_=version, version=1 + version)
    assert hears(us, "c", version=2) == []
    assert hears(us, "c", version=1) != []


def test_what_was_pulled_is_announced_on_within_its_range(us: Node) -> None:
    us.registry.absorb("gset@1", "tags", 1, ITEM.payloads, 1.0)
    sends = us.announcing.relay(Push(7, 1000, 1030, (ITEM,), ITEMS), 1.0)
    told = [send.message for send in sends]
    assert [send.boot for send in sends] == [us.of(name).boot for name in "def"]
    assert all(isinstance(m, Announce) and m.items_bytes == ITEMS for m in told)
    versions = {m.version for m in told if isinstance(m, Announce)}
    assert versions == {us.registry.version("gset@1", "tags")}


def test_of_a_type_that_we_do_not_know_we_announce_what_we_were_told(us: Node) -> None:
    item = ITEM._replace(tag="strange@1")
    (send, *_) = us.announcing.relay(Push(7, 0, 0, (item,), codec.encode_items([item])), 1.0)
    assert isinstance(send.message, Announce)
    assert send.message.version == 77


def test_nothing_is_no_large_change(us: Node) -> None:
    assert us.announcing.relay(Push(7, 0, 0, (), bytes(5000)), 1.0) == []


# Among engines


def crowd(table: Table, size: int) -> list[Seat]:
    first = table.seat("n0")
    for number in range(1, size):
        table.seat(f"n{number}", first.address)
    assert table.run(5, until=table.agreed)
    table.run(3)
    return table.seats


def test_a_large_change_reaches_everybody_and_is_uploaded_a_few_times_by_each(
    table: Table,
) -> None:
    seats = crowd(table, 10)
    text = "x" * 200_000
    before = len(table.sent)
    seats[3].registry.open("tags", GSet).add(text)
    assert table.run(1, until=lambda: all(len(seat.registry) for seat in seats))
    assert table.equal()
    uploads = [sender for sender, _, data in table.sent[before:] if len(data) > 100_000]
    assert len(uploads) == 9
    assert max(map(uploads.count, uploads)) <= FANOUT
    ticket = table.call(seats[3], lambda: seats[3].engine.flush(table.now))
    assert table.run(0.1, until=lambda: Flushed(ticket, 1) in seats[3].saw(Flushed))
