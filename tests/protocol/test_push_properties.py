"""What holds for every push: whom it reaches, how often, and in which order things happen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
import random

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from crdt import GSet
from crdtnode.config import Settings
from crdtnode.protocol import Changed, SendDatagram, Udp, answers, ring
from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.receipts import Receipts
from crdtnode.protocol.spans import Part, around, divided
from crdtnode.wire import codec
from crdtnode.wire.messages import Ack, Form, Item, Kind, Push, Tell
from tests.protocol.chaos import kind_of
from tests.protocol.grove import Grove, covered_once, draw, survivors_covered
from tests.protocol.puppet import Puppet, boot_of
from tests.protocol.table import Seat, Table

HEADER, TAG = 32, 16
"""Bytes before and behind the body of a datagram in clear."""

places = st.integers(0, 2**64 - 1)


@st.composite
def groves(pick: st.DrawFn) -> Grove:
    """Nodes anywhere, who know anybody."""
    at = pick(st.lists(places, min_size=2, max_size=24, unique=True))
    number = st.integers(0, len(at) - 1)
    strangers = pick(st.lists(st.tuples(number, number), max_size=30))
    knows = [
        {o for o in range(len(at)) if o == n or (n, o) not in strangers} for n in range(len(at))
    ]
    return Grove(at, knows, pick(st.sampled_from((2, 3, 16))), pick(st.integers(0, 9)))


@settings(max_examples=100, deadline=None)
@given(groves(), st.data())
def test_everybody_whom_the_relays_know_gets_a_push_once(grove: Grove, data: st.DataObject) -> None:
    covered_once(grove, data.draw(st.integers(0, len(grove.places) - 1)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 60), st.data())
def test_everybody_who_lives_gets_a_push_whoever_is_dead(
    seed: int, size: int, data: st.DataObject
) -> None:
    grove = draw(seed, size, partly=False)
    dead = data.draw(st.sets(st.integers(1, size - 1), max_size=size - 1))
    survivors_covered(grove, 0, dead)


# Among engines


def crowd(size: int) -> tuple[Table, list[Seat]]:
    """Engines that know each other, with a moment behind them."""
    table = Table()
    first = table.seat("n0")
    for number in range(1, size):
        table.seat(f"n{number}", first.address)
    assert table.run(5, until=table.agreed)
    table.run(3)
    return table, table.seats


def write_and_replay(table: Table, seats: list[Seat], seed: int) -> None:
    """Write here and there; then every push comes again, under a seal of its own."""
    chance = random.Random(seed)
    before = len(table.sent)
    for number in range(6):
        chance.choice(seats).registry.open(f"set-{number % 4}", GSet).add(len(table.sent))
        table.run(0.02)
    assert table.run(1, until=table.equal)
    table.run(5)
    recorded = [packet for packet in table.sent[before:] if kind_of(packet[2]) == Kind.PUSH]
    assert len(recorded) >= len(seats) - 1
    roots = [seat.registry.root for seat in seats]
    before = len(table.sent)
    for sender, receiver, data in recorded:
        source, target = table.places[sender], table.places[receiver]
        assert isinstance(source, Seat)
        assert isinstance(target, Seat)
        target.did.clear()
        sealing = source.engine._channel.datagrams
        _, again = sealing.seal(boot_of(target), data[HEADER:-TAG])
        table.deliver(sender, receiver, again)
        table.settle()
        assert not target.saw(Changed), "it changed something"
    table.run(0.1)
    assert [seat.registry.root for seat in seats] == roots
    kinds = [kind_of(data) for _, _, data in table.sent[before:]]
    assert Kind.PUSH not in kinds, "it was relayed again"
    assert kinds.count(Kind.ACK) > 0


@pytest.fixture(scope="module")
def many() -> tuple[Table, list[Seat]]:
    """Enough engines for a tree of two levels."""
    return crowd(24)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32))
def test_replaying_any_push_changes_nothing_and_is_not_relayed(
    many: tuple[Table, list[Seat]], seed: int
) -> None:
    write_and_replay(*many, seed)


def in_order(table: Table) -> None:
    """A push of five items, taken one by one: relayed first, acknowledged last."""
    slow = table.seat("slow", settings=replace(Settings(), work_items=1))
    puppet, other = Puppet(table), Puppet(table, "other", port=5555)
    for one in (puppet, other):
        one.join(slow)
    items = tuple(Item("gset@1", f"set-{n}", 1, 0, Form.STATE, ([n],), 1) for n in range(5))
    place = slow.registry.fingerprints.text_hash(puppet.name)
    lo, hi = around(0, 0, place)[-1][0], place  # as it would send to the first of its ring
    body = codec.encode(Push(9, lo, hi, items))
    _, data = puppet.channel.datagrams.seal(boot_of(slow), body)
    slow.engine.effects()
    slow.engine.receive(data, Udp(puppet.place.address), table.now)
    did = [e for e in slow.engine.effects() if isinstance(e, SendDatagram | Changed)]
    assert isinstance(did[0], SendDatagram), "it was joined before it was relayed"
    assert did[0].address == other.place.address
    acknowledged = False
    for _ in range(12):
        table.now += 0.003
        slow.engine.wake(table.now)
        acks = [e for e in slow.engine.effects() if is_ack(e, puppet)]
        joined = len(slow.registry)
        assert not acks or joined == 5, "it was acknowledged before it was joined"
        acknowledged = acknowledged or bool(acks)
    assert acknowledged


def is_ack(effect: object, puppet: Puppet) -> bool:
    if not isinstance(effect, SendDatagram) or effect.address != puppet.place.address:
        return False
    return isinstance(codec.decode(effect.data[HEADER:-TAG]), Ack)


def test_a_push_is_relayed_then_joined_then_acknowledged(table: Table) -> None:
    in_order(table)


def test_news_of_members_is_relayed_once_and_heard(table: Table) -> None:
    seat = table.seat("a")
    puppet, other = Puppet(table), Puppet(table, "other", port=5555)
    for one in (puppet, other):
        one.join(seat)
    table.run(1)
    place = seat.registry.fingerprints.text_hash(puppet.name)
    lo, hi = around(0, 0, place)[-1][0], place
    tell = Tell(70, lo, hi, (replace(other.record(), name="third", boot=b"3" * 16),))
    for _ in range(2):
        puppet.say(seat, tell)
        table.run(0.2)
    assert "third" in seat.states

    def ids(to: Puppet) -> set[int]:
        heard = [message for message in to.got(Tell) if isinstance(message, Tell)]
        return {message.id for message in heard if tell.records[0] in message.records}

    assert len(ids(other)) == 1
    assert not ids(puppet)
    acks = [message.ids for message in puppet.got(Ack) if isinstance(message, Ack)]
    assert acks == [(70,), (70,)]


# Planted bugs


@contextmanager
def planted(where: object, name: str, wrong: object) -> Iterator[None]:
    """Put something wrong in the place of what is right."""
    right = getattr(where, name)
    setattr(where, name, wrong)
    try:
        yield
    finally:
        setattr(where, name, right)


def skipping(standing: object, ranges: object, most: int) -> list[Part]:
    return divided(standing, ranges, most)[:-1]


def own_place_included(lo: int, hi: int, hole: int) -> list[tuple[int, int]]:
    return [(lo, hi)]


def taken_for_new(self: Receipts, sender: object, id_: int, now: float) -> bool:
    return True


def acknowledged_at_once(self: answers.Answers, member: object, push: Push, now: float) -> list:
    self._receipts.acknowledge(member, push.id, now)
    self._out.carry(self._pushes.relay(push, now), now)
    self._into_inbox(member, push, now)
    return []


def joined_first(self: answers.Answers, member: object, push: Push, now: float) -> list:
    self._receipts.is_new(member, push.id, now)
    self._into_inbox(member, push, now)
    self._out.carry(self._pushes.relay(push, now), now)
    return []


def trees() -> None:
    for seed in range(20):
        covered_once(draw(seed, 3 + 2 * seed, partly=True), 0)
    for seed in range(20):
        survivors_covered(draw(seed, 3 + 2 * seed, partly=False), 0, {1, 2})


def test_what_is_planted_below_is_not_found_where_it_is_not() -> None:
    trees()


@pytest.mark.parametrize(
    ("where", "name", "wrong", "check", "why"),
    [
        (ring, "around", own_place_included, trees, "round and round|came back|twice"),
        (Receipts, "is_new", taken_for_new, lambda: write_and_replay(*crowd(24), 1), "relayed"),
        (
            answers.Answers,
            "_on_push",
            acknowledged_at_once,
            lambda: in_order(Table()),
            "before it was joined",
        ),
        (answers.Answers, "_on_push", joined_first, lambda: in_order(Table()), "before it was rel"),
    ],
    ids=["own place in the range", "a duplicate relayed", "ack before join", "join before relay"],
)
def test_a_planted_bug_is_found(
    where: object, name: str, wrong: object, check: Callable[[], None], why: str
) -> None:
    with planted(where, name, wrong), pytest.raises(AssertionError, match=why):
        check()


def test_a_range_that_is_skipped_is_found() -> None:
    with planted(ring, "divided", skipping), pytest.raises(AssertionError, match=r"skipped|missed"):
        trees()


def test_ranges_that_nobody_takes_over_are_found() -> None:
    keep = planted(Deliveries, "_orphan", lambda self, entry: None)
    with keep, pytest.raises(AssertionError, match="missed"):
        trees()
