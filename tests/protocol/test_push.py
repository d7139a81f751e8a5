"""Local changes out, remote changes on."""

from dataclasses import dataclass, field, replace
import random

import pytest

from crdt import GSet, PNCounter
from crdtnode.config import Settings
from crdtnode.metrics import Metrics
from crdtnode.protocol.announcing import Announcing
from crdtnode.protocol.confirmations import Confirmations
from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.effects import Changed, Event, Flushed
from crdtnode.protocol.mail import Outcome, Send
from crdtnode.protocol.members import Member, Members
from crdtnode.protocol.push import BUSY_ITEMS, Pushes
from crdtnode.protocol.receipts import Receipts
from crdtnode.protocol.repair import Repair
from crdtnode.protocol.ring import Ring
from crdtnode.protocol.spreading import Spreading
from crdtnode.protocol.typesets import TypeSets
from crdtnode.registry import Registry
from crdtnode.wire import codec
from crdtnode.wire.messages import Announce, Item, Push
from tests.protocol.people import members
from tests.protocol.registries import registry

SETTINGS = Settings()
NEVER = float("inf")


@dataclass
class Pusher:
    """Pushes of a node that knows b and c."""

    message_bytes_most: int = 1_000_000
    registry: Registry = field(default_factory=registry)
    members: Members = field(default_factory=lambda: members("b", "c"))
    deliveries: Deliveries = field(default_factory=lambda: Deliveries(SETTINGS))
    settings: Settings = SETTINGS
    metrics: Metrics = field(default_factory=Metrics)
    confirmations: Confirmations = field(init=False)
    pushes: Pushes = field(init=False)

    def __post_init__(self) -> None:
        typesets = TypeSets(self.registry)
        self.confirmations = Confirmations(self.members, self.deliveries, typesets)
        place = self.registry.fingerprints.text_hash
        ring = Ring(lambda: [m.name for m in self.members if m.talks], place)
        self.spreading = Spreading(self.members, ring, self.deliveries, random.Random(1))
        self.receipts = Receipts(self.settings)
        repair = Repair(
            self.registry, typesets, self.settings, self.metrics, self.message_bytes_most
        )
        announcing = Announcing(
            self.registry, repair, self.spreading, self.deliveries, self.receipts
        )
        self.pushes = Pushes(
            self.registry,
            self.spreading,
            announcing,
            self.receipts,
            self.deliveries,
            self.confirmations,
            self.settings,
            self.metrics,
            self.message_bytes_most,
        )

    def of(self, name: str) -> Member:
        one = self.members.named(name)
        assert one is not None
        return one


@pytest.fixture
def us() -> Pusher:
    return Pusher()


def sends(out: list[Outcome], boot: bytes) -> list[Send]:
    return [outcome for outcome in out if isinstance(outcome, Send) and outcome.boot == boot]


def received(send: Send) -> Push:
    message = codec.decode(codec.encode(send.message))
    assert isinstance(message, Push)
    return message


# Out


def test_a_change_goes_to_every_member(us: Pusher) -> None:
    us.registry.open("visits", PNCounter).increment(3)
    out = us.pushes.flush(1.0)
    (to_b,), (to_c,) = sends(out, us.of("b").boot), sends(out, us.of("c").boot)
    assert received(to_b).items_bytes == received(to_c).items_bytes
    (item,) = received(to_b).items
    assert (item.tag, item.name, item.base) == ("pncounter@1", "visits", 0)
    assert item.version == us.registry.version("pncounter@1", "visits")


def test_a_change_is_told_to_whoever_watches(us: Pusher) -> None:
    us.registry.open("visits", PNCounter).increment(3)
    (changed, *_) = us.pushes.flush(1.0)
    assert isinstance(changed, Changed)
    assert (changed.name, changed.source) == ("visits", None)
    assert changed.delta.value == 3


def test_where_nothing_changed_nothing_is_pushed(us: Pusher) -> None:
    us.registry.open("visits", PNCounter)
    assert us.pushes.flush(1.0) == []


def test_an_idle_node_flushes_at_once(us: Pusher) -> None:
    assert us.pushes.deadline == NEVER
    us.registry.open("visits", PNCounter).increment()
    assert us.pushes.deadline < 1.0
    assert len(us.pushes.wake(1.0)) == 3


def test_the_versions_of_what_arrived_are_computed_when_it_is_acknowledged(us: Pusher) -> None:
    us.registry.absorb("gset@1", "tags", 1, ([1],), 1.0)
    assert us.pushes.deadline < 1.0
    us.receipts.acknowledge(us.of("b"), 7, 1.0)
    assert us.pushes.deadline == us.receipts.deadline
    us.registry.open("visits", PNCounter).increment()
    assert us.pushes.deadline < 1.0


def test_soon_after_a_flush_writes_gather(us: Pusher) -> None:
    visits = us.registry.open("visits", PNCounter)
    visits.increment()
    us.pushes.wake(1.0)
    visits.increment()
    visits.increment()
    assert us.pushes.deadline > 1.0
    assert us.pushes.wake(1.0) == []
    out = us.pushes.wake(us.pushes.deadline)
    (send,) = sends(out, us.of("b").boot)
    assert len(received(send).items) == 1


def test_the_more_there_is_to_flush_the_longer_writes_gather_up_to_a_limit(us: Pusher) -> None:
    def window(objects: int, now: float) -> float:
        for number in range(objects):
            us.registry.open(f"set-{objects}-{number}", GSet).add(1)
        us.pushes.flush_all(now)
        us.registry.open("last", PNCounter).increment()
        gathers = us.pushes.deadline - now
        us.pushes.flush(now)
        return gathers

    assert window(1, 1.0) < window(BUSY_ITEMS, 2.0) < window(2000, 3.0)
    assert window(4000, 4.0) == pytest.approx(SETTINGS.flush_window_most)


def test_a_node_that_does_little_else_gathers_longer(us: Pusher) -> None:
    def windows(pushes: int, now: float) -> float:
        for number in range(12):
            for _ in range(pushes):
                us.pushes.relay(Push(9, 0, 1, ()), now)
            us.registry.open("visits", PNCounter).increment()
            us.pushes.flush(now + number / 100)
        us.registry.open("visits", PNCounter).increment()
        gathers = us.pushes.deadline - (now + 0.11)
        us.pushes.flush(now + 0.11)
        return gathers

    calm, busy, drowned = windows(0, 1.0), windows(50, 2.0), windows(500, 3.0)
    assert SETTINGS.flush_window < calm < 0.008
    assert 0.02 < busy < 0.045
    assert drowned == pytest.approx(SETTINGS.flush_window_most)


def test_a_node_that_is_late_itself_gathers_longer_until_it_is_not(us: Pusher) -> None:
    def window(now: float) -> float:
        us.registry.open("visits", PNCounter).increment()
        us.pushes.flush(now)
        us.registry.open("visits", PNCounter).increment()
        gathers = us.pushes.deadline - now
        us.pushes.flush(now)
        return gathers

    calm = window(1.0)
    for _ in range(20):
        us.pushes.late(0.005)
    assert calm + 0.01 < window(2.0) < SETTINGS.flush_window_most
    us.pushes.late(60.0)  # it slept: that counts, and passes
    for _ in range(10):
        us.pushes.late(0.05)
    assert window(3.0) == pytest.approx(SETTINGS.flush_window_most)
    for _ in range(50):
        us.pushes.late(0.0)
    assert window(4.0) == pytest.approx(calm, abs=0.002)


def test_a_large_batch_is_cut_into_datagrams(us: Pusher) -> None:
    for number in range(200):
        us.registry.open(f"visits-{number}", PNCounter).increment()
    out = us.pushes.flush(1.0)
    pushes = sends(out, us.of("b").boot)
    assert len(pushes) > 1
    assert not any(send.stream for send in pushes)
    assert all(
        len(codec.encode(send.message)) <= codec.body_room(SETTINGS.datagram_bytes)
        for send in pushes
    )
    items = [item.name for send in pushes for item in received(send).items]
    assert sorted(items) == sorted(f"visits-{number}" for number in range(200))


def test_a_change_that_no_datagram_carries_is_announced(us: Pusher) -> None:
    us.registry.open("small", GSet).add(1)
    us.registry.open("tags", GSet).add("x" * 2000)
    us.registry.open("after", GSet).add(1)
    small, large, after = sends(us.pushes.flush(1.0), us.of("b").boot)
    assert (type(small.message), type(after.message)) == (Push, Push)
    assert isinstance(large.message, Announce)
    assert large.message.version == us.registry.version("gset@1", "tags")
    assert len(codec.encode(large.message)) < 100


def test_a_change_that_nothing_carries_is_told_to_the_operator() -> None:
    us = Pusher(message_bytes_most=5000)
    us.registry.open("tags", GSet).add("x" * 6000)
    us.registry.open("other", GSet).add("y")
    out = us.pushes.flush(1.0)
    (event,) = [outcome for outcome in out if isinstance(outcome, Event)]
    assert event.kind == "too-large-to-send"
    assert (event.fields["type"], event.fields["name"]) == ("gset@1", "tags")
    (push,) = sends(out, us.of("b").boot)
    assert [item.name for item in received(push).items] == ["other"]
    ticket = us.confirmations.ticket()
    us.confirmations.acknowledged(1, b"c")
    assert us.confirmations.settle() == []
    us.confirmations.all_held(["gset@1"], b"c")
    assert us.confirmations.settle() == [Flushed(ticket, 1)]


# On


def test_what_arrives_is_handed_on_as_the_same_bytes(us: Pusher) -> None:
    us.registry.open("visits", PNCounter).increment(3)
    (sent, _) = sends(us.pushes.flush(1.0), us.of("b").boot) * 2
    push = received(sent)
    on = us.pushes.relay(Push(9, 0, 0, push.items, push.items_bytes), 1.0)
    assert {send.message.items_bytes for send in on if isinstance(send.message, Push)} == {
        push.items_bytes
    }
    assert len(on) == 2


# Under overload


def test_beyond_so_many_changes_a_second_repair_has_to_do(us: Pusher) -> None:
    us.settings = replace(SETTINGS, push_items=100)
    us.__post_init__()
    for number in range(150):
        us.registry.open(f"set-{number}", GSet).add(1)
    items = [
        i for send in sends(us.pushes.flush(1.0), us.of("b").boot) for i in received(send).items
    ]
    assert 80 < len(items) <= 100
    assert us.metrics.dropped["push shed"] == 150 - len(items)
    assert us.registry.version("gset@1", "set-149")
    ticket = us.confirmations.ticket()
    for id_ in range(1, 100):
        us.confirmations.acknowledged(id_, b"c")
    assert us.confirmations.settle() == []
    us.confirmations.all_held(["gset@1"], b"c")
    assert us.confirmations.settle() == [Flushed(ticket, 1)]


def test_what_others_wrote_is_not_relayed_beyond_it_either(us: Pusher) -> None:
    us.settings = replace(SETTINGS, push_items=1)
    us.__post_init__()
    item = Item("gset@1", "x", 1, 0, 0, ([1],), 1)
    assert us.pushes.relay(Push(9, 0, 0, (item, item)), 1.0) == []
    assert us.metrics.dropped["push shed"] == 2
    assert len(us.pushes.relay(Push(9, 0, 0, (item,)), 1.0)) == 2
    assert us.pushes.relay(Push(10, 0, 0, ()), 1.0) == []  # nothing costs something, too
