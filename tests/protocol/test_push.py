"""Local changes out, remote changes acknowledged."""

from dataclasses import dataclass, field

import pytest

from crdt import GSet, PNCounter
from crdtnode.config import Settings
from crdtnode.protocol.confirmations import Confirmations
from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.effects import Changed, Event, Flushed
from crdtnode.protocol.mail import Outcome, Send, to
from crdtnode.protocol.members import Member, Members
from crdtnode.protocol.push import ACKS_MOST, BUSY_ITEMS, SEEN_MOST, Pushes
from crdtnode.registry import Registry
from crdtnode.wire import codec
from crdtnode.wire.messages import Ack, Push
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
    confirmations: Confirmations = field(init=False)
    pushes: Pushes = field(init=False)

    def __post_init__(self) -> None:
        self.confirmations = Confirmations(self.members, self.deliveries)
        self.pushes = Pushes(
            self.registry,
            self.members,
            self.deliveries,
            self.confirmations,
            SETTINGS,
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
    assert received(to_b) == received(to_c)
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
        us.pushes.flush(now)
        us.registry.open("last", PNCounter).increment()
        gathers = us.pushes.deadline - now
        us.pushes.flush(now)
        return gathers

    assert window(1, 1.0) < window(BUSY_ITEMS, 2.0) < window(2000, 3.0)
    assert window(4000, 4.0) == pytest.approx(SETTINGS.flush_window_most)


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


def test_a_change_that_no_datagram_carries_goes_by_stream_and_once(us: Pusher) -> None:
    us.registry.open("small", GSet).add(1)
    us.registry.open("tags", GSet).add("x" * 2000)
    us.registry.open("after", GSet).add(1)
    small, large, after = sends(us.pushes.flush(1.0), us.of("b").boot)
    assert (small.stream, large.stream, after.stream) == (False, True, False)
    again = [send.message for send in us.deliveries.wake(9.0)]
    assert large.message not in again
    assert small.message in again


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
    us.confirmations.acknowledged(1)
    assert us.confirmations.settle() == []
    us.confirmations.all_held()
    assert us.confirmations.settle() == [Flushed(ticket, 1)]


# In


def test_an_acknowledgement_follows_within_a_moment(us: Pusher) -> None:
    b = us.of("b")
    us.pushes.acknowledge(b, 5, 1.0)
    us.pushes.acknowledge(b, 6, 1.001)
    assert us.pushes.deadline == 1.0 + SETTINGS.ack_delay
    assert us.pushes.wake(1.0) == []
    assert us.pushes.wake(us.pushes.deadline) == [to(b, Ack((5, 6), stored=False))]
    assert us.pushes.deadline == NEVER


def test_many_acknowledgements_travel_in_bundles(us: Pusher) -> None:
    for id_ in range(ACKS_MOST + 1):
        us.pushes.acknowledge(us.of("b"), id_, 1.0)
    us.pushes.acknowledge(us.of("c"), 1, 1.0)
    first, second, other = us.pushes.wake(2.0)
    assert isinstance(first, Send)
    assert isinstance(second, Send)
    assert isinstance(first.message, Ack)
    assert len(first.message.ids) == ACKS_MOST
    assert second.message == Ack((ACKS_MOST,), stored=False)
    assert other == to(us.of("c"), Ack((1,), stored=False))


def test_a_repetition_is_acknowledged_again_and_not_joined_again(us: Pusher) -> None:
    b, push = us.of("b"), Push(5, 0, 0, ())
    assert us.pushes.is_new(b, push, 1.0)
    us.pushes.acknowledge(b, 5, 1.0)
    us.pushes.wake(2.0)
    assert not us.pushes.is_new(b, push, 3.0)
    assert us.pushes.wake(4.0) == [to(b, Ack((5,), stored=False))]


def test_ids_are_their_senders_own(us: Pusher) -> None:
    us.pushes.acknowledge(us.of("b"), 5, 1.0)
    assert us.pushes.is_new(us.of("c"), Push(5, 0, 0, ()), 1.0)


def test_only_so_many_pushes_are_remembered(us: Pusher) -> None:
    b = us.of("b")
    for id_ in range(SEEN_MOST + 1):
        us.pushes.acknowledge(b, id_, 1.0)
    assert us.pushes.is_new(b, Push(0, 0, 0, ()), 1.0)
    assert not us.pushes.is_new(b, Push(1, 0, 0, ()), 1.0)
