"""Changes that no datagram holds."""

from dataclasses import dataclass, field
import random

import pytest

from crdt import GSet, ORSet
from crdtnode.config import Settings
from crdtnode.metrics import Metrics
from crdtnode.protocol.announcing import FANOUT, HELD_BYTES, PATIENCE, PULLS_MOST, Announcing
from crdtnode.protocol.chunks import SPREADING
from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.division import Division, Pieces
from crdtnode.protocol.effects import Flushed
from crdtnode.protocol.joins import Joins
from crdtnode.protocol.mail import Send, to
from crdtnode.protocol.members import Member, Members
from crdtnode.protocol.receipts import Receipts
from crdtnode.protocol.repair import Repair
from crdtnode.protocol.ring import Ring
from crdtnode.protocol.spreading import Spreading
from crdtnode.protocol.typesets import TypeSets
from crdtnode.registry import Registry
from crdtnode.wire import codec
from crdtnode.wire.messages import LEFT_MAX, Ack, Announce, Form, Item, Pull, Push, Sync, Want
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
        self.repair = Repair(
            self.registry, TypeSets(self.registry), SETTINGS, Metrics(), message_bytes_most=10**6
        )
        self.announcing = Announcing(
            self.registry, self.repair, spreading, self.deliveries, self.receipts
        )

    def of(self, name: str) -> Member:
        one = self.members.named(name)
        assert one is not None
        return one

    def begin(self, items: bytes = ITEMS) -> list[Send]:
        return self.announcing.begin(self.deliveries.new_id(), 5, 77, items, len(items), 1.0)


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


# In pieces


WHOLE = Item("gset@1", "tags", 1, 0, Form.DELTAS, (), 77)
PAYLOADS = (["a"], ["b"], ["c"])


def pieces() -> Pieces:
    return Pieces(WHOLE, Division(iter(PAYLOADS)))


def begun(us: Node) -> tuple[Member, Announce]:
    """One of those to whom a change in pieces is announced, and what it is told."""
    sends = us.announcing.begin(us.deliveries.new_id(), 5, 77, pieces(), 100, 1.0)
    member = us.members.booted(sends[0].boot)
    assert member is not None
    assert isinstance(sends[0].message, Announce)
    member.types = us.registry.types_hash
    return member, sends[0].message


def test_who_pulls_a_change_in_pieces_gets_them_one_by_one(us: Node) -> None:
    member, told = begun(us)
    sends = us.announcing.pull(member, Pull((told.id,)), 1.0)
    while us.repair.busy:
        sends += us.repair.work(1.0)
    items = [item for send in sends for item in send.message.items]  # type: ignore[union-attr]  # all are SYNC
    assert [(item.form, item.payloads[0]) for item in items] == [
        (Form.PART, ["a"]),
        (Form.PART, ["b"]),
        (Form.DELTAS, ["c"]),
    ]
    assert us.announcing.pull(member, Pull((told.id,)), 1.1) == []


def test_while_pieces_are_taken_the_change_is_not_given_up(us: Node) -> None:
    member, told = begun(us)
    us.announcing.goes_on(member, 1.0)  # nothing is on its way
    us.announcing.pull(member, Pull((told.id,)), 1.0)
    for second in range(2, 40):
        us.announcing.goes_on(member, float(second))
        assert us.deliveries.put_off(member, told.id, float(second))
    us.deliveries.acknowledged(member, told.id, 40.0)
    assert not us.deliveries.put_off(member, told.id, 41.0)
    us.announcing.goes_on(member, 41.0)
    assert not us.announcing._giving


def came(us: Node, name: str, *items: Item, now: float = 1.0) -> list[Send]:
    joins = Joins(us.registry, Metrics())
    repaired = [joins.repair(item, name, now)[1] for item in items]
    return us.announcing.came(us.of(name), [one for one in repaired if one is not None], now)


def test_pieces_that_were_pulled_are_acknowledged_and_announced_with_the_last_one(
    us: Node,
) -> None:
    assert hears(us, "b", id_=8)
    whole = pieces()
    parts = [whole.item(index) for index in range(3)]
    for part in parts[:2]:
        assert part is not None
        assert came(us, "b", part) == []
        assert us.receipts.wake(9.0) == []
    last = parts[2]
    assert last is not None
    sends = came(us, "b", last)
    assert len(sends) == FANOUT
    assert us.receipts.wake(9.0) == [to(us.of("b"), Ack((8,), stored=True))]
    told = sends[0].message
    assert isinstance(told, Announce)
    assert told.version == us.registry.version("gset@1", "tags") != 0
    child = us.members.booted(sends[0].boot)
    assert child is not None
    child.types = us.registry.types_hash
    given = us.announcing.pull(child, Pull((told.id,)), 2.0)
    while us.repair.busy:
        given += us.repair.work(2.0)
    items = [item for send in given for item in send.message.items]  # type: ignore[union-attr]  # all are SYNC
    assert [item.payloads[0] for item in items] == list(PAYLOADS)
    assert items[-1].version == told.version


def test_pieces_put_off_whoever_announces_the_same(us: Node) -> None:
    assert hears(us, "b", now=1.0)
    part = pieces().item(0)
    assert part is not None
    came(us, "b", part, now=1.9)
    assert hears(us, "c", now=2.5) == []
    assert hears(us, "c", now=1.9 + PATIENCE)


def test_pieces_of_what_nobody_pulled_are_not_kept(us: Node) -> None:
    part = pieces().item(0)
    assert part is not None
    came(us, "b", part)
    assert not us.announcing._coming
    assert came(us, "b", WHOLE._replace(payloads=(["c"],))) == []


def test_pieces_that_are_too_many_to_keep_are_not_announced_on(
    us: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crdtnode.protocol.announcing.HELD_BYTES", 50)
    assert hears(us, "b")
    whole = pieces()
    for index in range(3):
        part = whole.item(index)
        assert part is not None
        assert came(us, "b", part) == []
    assert us.receipts.wake(9.0) == [to(us.of("b"), Ack((1,), stored=True))]


def test_what_repair_brings_is_not_pulled_as_well(us: Node) -> None:
    place = us.registry.fingerprints.place("gset@1", "tags")
    us.repair._arriving.expect(place, us.of("c").boot, 1.0)
    assert hears(us, "b", now=1.5) == []
    us.repair._arriving.done(place)
    assert hears(us, "b", now=1.6)


def test_what_is_being_announced_is_given_to_nobody_otherwise_for_a_moment(us: Node) -> None:
    us.registry.absorb("gset@1", "tags", 1, ITEM.payloads, 1.0)
    us.registry.flush(1.0)
    place = us.registry.fingerprints.place("gset@1", "tags")
    member = us.of("c")
    member.types = us.registry.types_hash
    want = Want(0, ((place, 7, ()),), (), (), 20)

    def given(now: float) -> bool:
        sends = us.repair.on_want(member, want, now)
        return any(
            item.name == "tags" for send in sends for item in getattr(send.message, "items", ())
        )

    assert given(1.0)
    sends = us.announcing.begin(us.deliveries.new_id(), place, 77, pieces(), 100, 1.0)
    assert not given(1.0 + 0.9 * SPREADING)
    assert given(1.0 + 1.1 * SPREADING)
    told = next(send for send in sends if send.boot != member.boot)
    taker = us.members.booted(told.boot)
    assert taker is not None
    assert isinstance(told.message, Announce)
    taker.types = us.registry.types_hash
    us.announcing.pull(taker, Pull((told.message.id,)), 5.0)
    us.announcing.goes_on(taker, 5.0)
    assert not given(5.0 + 0.9 * SPREADING)
    for one in us.members:
        us.deliveries.acknowledged(one, told.message.id, 5.1)
    us.announcing.let_go()
    assert given(5.1)


def test_what_everybody_has_is_kept_no_longer(us: Node) -> None:
    begun(us)
    us.announcing.let_go()
    assert us.announcing._pieces
    for member in us.members:
        us.deliveries.acknowledged(member, 1, 1.1)
    us.announcing.let_go()
    assert not us.announcing._pieces
    assert not us.announcing._announced


def test_a_node_forgets_the_pieces_that_everybody_has(table: Table) -> None:
    one, other = crowd(table, 2)
    one.registry.open("tags", ORSet).update(f"element {number:012}" for number in range(5_000))
    assert table.run(1, until=table.equal)
    table.run(3)
    assert not one.engine._announcing._pieces
    assert len(other.registry) == 1


# Broken streams


@pytest.mark.parametrize("large", [False, True])
def test_what_a_broken_stream_took_is_announced_anew_at_once(us: Node, large: bool) -> None:
    if large:
        member, told = begun(us)
    else:
        (first, *_) = us.begin()
        assert isinstance(first.message, Announce)
        one = us.members.booted(first.boot)
        assert one is not None
        member, told = one, first.message
    us.announcing.pull(member, Pull((told.id,)), 1.0)
    assert us.announcing.broke(member.boot, (), 1.2) is False
    assert us.deliveries.deadline <= 1.2
    again = [send for send in us.deliveries.wake(1.2) if send.boot == member.boot]
    assert [send.message for send in again] == [told]
    assert us.announcing.pull(member, Pull((told.id,)), 1.3)


def test_what_was_pulled_over_a_broken_stream_may_be_pulled_from_others(us: Node) -> None:
    assert hears(us, "b", now=1.0)
    assert us.announcing.broke(us.of("c").boot, (), 1.0) is False
    assert hears(us, "c", now=1.0) == []
    assert us.announcing.broke(us.of("b").boot, (), 1.0) is True
    assert hears(us, "c", now=1.0)


def test_of_what_came_in_part_over_a_broken_stream_the_rest_is_asked_for(us: Node) -> None:
    place = us.registry.fingerprints.place("gset@1", "tags")
    us.of("b").types = us.registry.types_hash
    assert us.announcing.broke(us.of("b").boot, [place], 1.0) is True
    (send,) = hears(us, "b")
    assert send.message == Sync((), ((place, 0, ()),), (), LEFT_MAX)
    assert isinstance(hears(us, "b")[0].message, Pull)


def test_only_so_many_broken_objects_are_remembered(us: Node) -> None:
    for place in range(2 * PULLS_MOST):
        us.announcing.broke(us.of("b").boot, [place], 1.0)
    assert len(us.announcing._broken) <= PULLS_MOST + 1


def test_a_pull_whose_stream_breaks_is_over_in_a_moment_not_in_ten_seconds(table: Table) -> None:
    one, other = crowd(table, 2)
    tags = other.registry.open("tags", ORSet)
    broken: list[int] = []

    def cut(sender: tuple[str, int], receiver: tuple[str, int]) -> bool:
        """Break every stream once half of it is here."""
        if len(tags) > 10_000 and not broken and not table._ends:
            broken.append(len(tags))
        return len(tags) > 10_000 and not broken

    table.cut = cut
    one.registry.open("tags", ORSet).update(f"element {number:012}" for number in range(20_000))
    before = len(table.sent)
    assert table.run(0.5, until=table.equal)
    assert 10_000 < broken[0] < 20_000
    size = sum(len(data) for _, _, data in table.sent[before:])
    assert size < 1.3 * 22 * 20_000  # what came already did not come again
