"""What an engine does with writes, as seen from outside."""

import math
import random

import pytest

from crdt import GSet, PNCounter
from crdtnode.config import Settings
from crdtnode.metrics import Metrics
from crdtnode.protocol import (
    Changed,
    Engine,
    Flushed,
    Roots,
    SendDatagram,
    Stream,
    Udp,
    inbox,
    outbound,
)
from crdtnode.protocol.answers import HOT_MOST
from crdtnode.protocol.channel import clear
from crdtnode.wire import codec
from crdtnode.wire.messages import (
    LEFT_MAX,
    Ack,
    Again,
    Asked,
    Busy,
    Ctx,
    Form,
    Hello,
    Item,
    Kind,
    Leave,
    MemberList,
    Message,
    Nack,
    Ping,
    PingAck,
    Pong,
    Push,
    Seen,
    Sketch,
    State,
    Sync,
    Types,
    Want,
)
from tests.protocol.puppet import Puppet, boot_of
from tests.protocol.registries import registry
from tests.protocol.table import Seat, Table
from tests.protocol.wrong import Summing


def kind_of(data: bytes) -> int:
    """The kind of a datagram in clear: 32 bytes of header, an array's head, the kind."""
    return data[33] if len(data) > 50 else 0


def trio_of(table: Table, **options: object) -> tuple[Seat, Seat, Seat]:
    a = table.seat("a", **options)
    b = table.seat("b", a.address, **options)
    c = table.seat("c", a.address, **options)
    assert table.run(2, until=table.agreed)
    return a, b, c


def lose_pushes(table: Table) -> None:
    table.lose = lambda sender, receiver, data: kind_of(data) == Kind.PUSH


# Writes


def test_a_write_costs_one_push_and_one_acknowledgement_for_each_member(table: Table) -> None:
    a, b, _ = trio_of(table)
    table.run(2)
    before = len(table.sent)
    a.registry.open("visits", PNCounter).increment()
    table.run(0.01, until=lambda: b.registry.root == a.registry.root != 0)
    table.run(0.01)
    kinds = sorted(kind_of(data) for _, _, data in table.sent[before:])
    assert kinds == [Kind.PUSH, Kind.PUSH, Kind.ACK, Kind.ACK]


def test_a_lost_push_is_sent_again_at_once(table: Table) -> None:
    a, b, _ = trio_of(table)
    table.run(2)
    lost: list[bytes] = []

    def lose_the_first_push(sender: object, receiver: object, data: bytes) -> bool:
        if kind_of(data) == Kind.PUSH and len(lost) < 2:
            lost.append(data)
            return True
        return False

    table.lose = lose_the_first_push
    a.registry.open("visits", PNCounter).increment()
    assert table.run(0.1, until=lambda: b.registry.root == a.registry.root != 0)


def test_an_object_that_no_datagram_carries_reaches_everybody(table: Table) -> None:
    a, b, c = trio_of(table)
    a.registry.open("tags", GSet).add("x" * 100_000)
    assert table.run(0.1, until=lambda: table.equal() and bool(b.registry.root))
    table.run(0.5)
    sent = sum(len(data) for _, _, data in table.sent)
    assert sent < 2 * 110_000
    (change,) = c.saw(Changed)
    assert isinstance(change, Changed)
    assert change.source == "a"


def test_what_repair_brought_is_not_pushed_on(table: Table) -> None:
    a, b, c = trio_of(table)
    lose_pushes(table)
    a.registry.open("visits", PNCounter).increment()
    assert table.run(3, until=lambda: table.equal() and bool(c.registry.root))
    pushes = [data for _, _, data in table.sent if kind_of(data) == Kind.PUSH]
    senders = {sender for sender, _, data in table.sent if data in pushes}
    assert senders == {a.address}
    assert b.registry.open("visits", PNCounter).value == 1


def test_repair_spreads_at_its_own_pace(table: Table) -> None:
    """With pushes lost, ten nodes are equal long before each has probed each other."""
    seats = [table.seat("n0")]
    seats += [table.seat(f"n{n}", seats[0].address) for n in range(1, 10)]
    assert table.run(2, until=table.agreed)
    lose_pushes(table)
    table.run(3)
    seats[3].registry.open("visits", PNCounter).increment()
    assert table.run(1.6, until=lambda: table.equal() and bool(seats[9].registry.root))


def test_a_deep_repair_makes_the_next_ping_come_soon_even_under_writes(table: Table) -> None:
    a, b, c = trio_of(table)
    table.cut = lambda sender, receiver: c.address in (sender, receiver)
    for number in range(200):
        a.registry.open(f"set-{number}", GSet).add(number)
    table.run(20)
    table.cut = lambda sender, receiver: False
    writes = 0
    while not (table.equal() and len(c.registry) == 201):
        b.registry.open("visits", PNCounter).increment()
        writes += 1
        table.run(0.02)
        assert writes < 200
    assert c.registry.open("set-7", GSet).value == {7}


# Tickets


def test_a_flush_that_nobody_acknowledged_is_confirmed_by_an_equal_root(table: Table) -> None:
    a, _, _ = trio_of(table)
    lose_pushes(table)
    a.registry.open("visits", PNCounter).increment()
    ticket = table.call(a, lambda: a.engine.flush(table.now))
    assert table.run(4, until=lambda: bool(a.saw(Flushed)))
    assert a.saw(Flushed) == [Flushed(ticket, 1)]


def test_what_was_written_alone_is_confirmed_by_the_first_who_joins(table: Table) -> None:
    a = table.seat("a")
    a.registry.open("visits", PNCounter).increment()
    table.call(a, lambda: a.engine.flush(table.now))
    a.did.clear()
    table.seat("b", a.address)
    ticket = table.call(a, lambda: a.engine.flush(table.now))
    assert table.run(1, until=lambda: bool(a.saw(Flushed)))
    assert a.saw(Flushed) == [Flushed(ticket, 1)]


def test_each_round_passes_through_the_cluster_in_one_wave(table: Table) -> None:
    a = table.seat("a")
    seats = [a, *(table.seat(name, a.address) for name in "bcdefg")]
    table.run(20)
    begun = {round(seat.engine.deadline, 2) for seat in seats}
    assert max(begun) - min(begun) <= 0.05
    before = table.wakes
    table.run(10)
    assert table.wakes - before <= 10 * len(seats)


def test_a_member_that_is_silent_has_no_root(table: Table) -> None:
    a, b, c = trio_of(table)
    table.lose = lambda sender, receiver, data: sender == b.address
    ticket = table.call(a, lambda: a.engine.ask_roots(table.now))
    assert a.saw(Roots) == []
    table.run(0.1)
    assert a.saw(Roots) == [Roots(ticket, {"b": None, "c": True})]
    assert c.states["b"] == "alive"


def test_members_are_shown_with_their_roots(table: Table) -> None:
    a, _, _ = trio_of(table)
    table.run(2)
    views = {member.name: member for member in a.engine.members}
    assert views["a"].is_self
    assert views["a"].root_equal is True
    assert views["b"].root_equal is True
    assert views["b"].rtt == pytest.approx(0.0)  # this network is infinitely fast
    lose_pushes(table)
    a.registry.open("visits", PNCounter).increment()
    a.engine.wake(table.now)
    assert {m.name: m.root_equal for m in a.engine.members} == {"a": True, "b": False, "c": False}


def test_an_engine_says_what_it_is(table: Table) -> None:
    a = table.seat("a")
    assert a.engine.name == "a"
    assert not a.engine.secret


# Types


def test_nodes_that_know_unlike_types_agree_on_what_both_know(table: Table) -> None:
    a = table.seat("a", types=["gset@1", "pncounter@1"])
    b = table.seat("b", a.address, types=["gset@1"])
    assert table.run(2, until=table.agreed)
    a.registry.open("visits", PNCounter).increment()
    a.registry.open("tags", GSet).add("a")
    b.registry.open("tags", GSet).add("b")
    lose_pushes(table)
    assert table.run(5, until=lambda: len(a.registry.open("tags", GSet).value) == 2)
    assert table.run(5, until=lambda: len(b.registry.open("tags", GSet).value) == 2)
    table.run(2)
    assert {m.root_equal for m in [*a.engine.members, *b.engine.members]} == {True}
    ticket = table.call(a, lambda: a.engine.flush(table.now))
    assert table.run(9, until=lambda: Flushed(ticket, 0) in a.saw(Flushed))  # nobody counts visits
    table.lose = lambda sender, receiver, data: False
    a.registry.open("tags", GSet).add("more")
    c = table.seat("c", a.address, types=["gset@1", "pncounter@1"])
    assert table.run(2, until=table.agreed)
    ticket = table.call(a, lambda: a.engine.flush(table.now))
    assert table.run(5, until=lambda: Flushed(ticket, 1) in a.saw(Flushed))
    assert c.registry.open("visits", PNCounter).value == 1


def test_a_member_that_does_not_know_a_type_acknowledges_and_does_not_count(table: Table) -> None:
    a = table.seat("a", types=["gset@1", "pncounter@1"])
    b = table.seat("b", a.address, types=["gset@1"])
    assert table.run(2, until=table.agreed)
    a.registry.open("visits", PNCounter).increment()
    ticket = table.call(a, lambda: a.engine.flush(table.now))
    assert table.run(0.1, until=lambda: Flushed(ticket, 0) in a.saw(Flushed))
    assert len(b.registry) == 0
    a.registry.open("tags", GSet).add("red")
    assert table.run(0.1, until=lambda: bool(b.registry.root))


def test_a_type_that_is_learned_later_is_told_to_all(table: Table) -> None:
    a = table.seat("a", types=["gset@1"])
    b = table.seat("b", a.address, types=["gset@1", "pncounter@1"])
    assert table.run(2, until=table.agreed)
    b.registry.open("visits", PNCounter).increment(3)
    table.run(3)
    a.registry.register(PNCounter)
    table.call(a, lambda: a.engine.types_changed(table.now))
    assert table.run(3, until=table.equal)
    assert a.registry.open("visits", PNCounter).value == 3


# A member that does not do as it should


def puppet_of(table: Table, *seats: Seat) -> Puppet:
    puppet = Puppet(table)
    puppet.join(seats[0])
    return puppet


def test_a_repeated_push_is_acknowledged_again_and_not_joined_again(table: Table) -> None:
    a = table.seat("a")
    puppet = puppet_of(table, a)
    item = Item("gset@1", "tags", 1, 0, Form.DELTAS, (["red"],), 1)
    puppet.say(a, Push(5, 0, 0, (item,)), Push(5, 0, 0, (item,)))
    table.run(0.01)
    puppet.say(a, Push(5, 0, 0, (item,)))
    table.run(0.01)
    assert [ack for ack in puppet.got(Ack) if isinstance(ack, Ack) and 5 in ack.ids]
    assert a.metrics.joins == {"gset@1/changed": 1}


def acknowledged(seat: Seat, puppet: Puppet, *pushes: Push) -> list[Message]:
    """Let pushes arrive in one moment; gives what is acknowledged before anybody is woken."""
    engine, now, place = seat.engine, puppet.table.now, puppet.place
    for push in pushes:
        sealed = puppet.channel.datagrams.seal(boot_of(seat), codec.encode(push))[1]
        engine.receive(sealed, Udp(place.address), now)
    engine.heard(now)
    sent = [effect for effect in engine.effects() if isinstance(effect, SendDatagram)]
    opened = [puppet.channel.datagrams.open(datagram.data, now) for datagram in sent]
    return [message for one in opened if isinstance(message := codec.decode(one.body), Ack)]


def adding(id_: int, *names: str) -> Push:
    return Push(
        id_, 0, 0, tuple(Item("gset@1", n, 1, 0, Form.DELTAS, (["red"],), 1) for n in names)
    )


def test_what_came_together_is_acknowledged_together_before_anybody_is_woken(table: Table) -> None:
    a = table.seat("a")
    puppet = puppet_of(table, a)
    table.run(0.1)
    assert acknowledged(a, puppet, adding(5, "tags"), adding(6, "tags")) == [
        Ack((5, 6), stored=True)
    ]
    assert a.engine.deadline > table.now


def test_who_acknowledged_just_now_waits_to_be_woken_for_the_next_time(table: Table) -> None:
    a = table.seat("a")
    puppet = puppet_of(table, a)
    table.run(0.1)
    acknowledged(a, puppet, adding(5, "tags"))
    assert acknowledged(a, puppet, adding(6, "tags")) == []
    assert a.engine.deadline == table.now + Settings().ack_delay


def test_while_more_waits_to_be_joined_nothing_is_put_before_it(table: Table) -> None:
    a = table.seat("a", settings=Settings(work_items=1))
    puppet = puppet_of(table, a)
    table.run(0.1)
    assert acknowledged(a, puppet, adding(5, "red"), adding(6, "green", "blue")) == []
    assert a.engine.deadline == 0.0


def test_late_parts_of_a_greeting_do_no_harm(table: Table) -> None:
    a = table.seat("a")
    puppet = puppet_of(table, a)
    before = len(puppet.heard)
    puppet.say(a, Hello(bytes(16), bytes(16), "puppet", "default", 7))
    puppet.say(a, PingAck(1, "nobody"), Nack(1, "nobody", Seen.SILENT), Ack((77,), stored=False))
    assert len(puppet.heard) == before


def test_a_list_of_types_that_is_none_is_counted(table: Table) -> None:
    a = table.seat("a")
    puppet = puppet_of(table, a)
    puppet.say(a, Types(77, ("gset@1",)))
    assert a.metrics.dropped["types"] == 1


def test_a_goodbye_is_acknowledged(table: Table) -> None:
    a = table.seat("a")
    puppet = puppet_of(table, a)
    puppet.say(a, Leave(9, puppet.record(2, State.LEFT)))
    table.run(0.01)
    assert a.states["puppet"] == "left"
    assert any(9 in ack.ids for ack in puppet.got(Ack) if isinstance(ack, Ack))


def test_a_ping_that_does_not_know_our_types_is_told_them(table: Table) -> None:
    a = table.seat("a")
    puppet = puppet_of(table, a)
    puppet.say(a, Ping(1, None, (), (), (), 0))
    assert puppet.got(Types) == [Types(a.registry.types_hash, a.registry.types)]


def test_an_answer_to_no_question_measures_nothing(table: Table) -> None:
    a = table.seat("a")
    puppet = puppet_of(table, a)
    puppet.pongs = False
    puppet.say(a, Pong(1, 999, 0, (), 0, 0, 0))
    assert {m.rtt for m in a.engine.members if m.name == "puppet"} == {None}


def test_only_so_many_pings_are_remembered(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "PINGS_MOST", 50)
    a = table.seat("a")
    puppet = puppet_of(table, a)
    puppet.pongs = False
    for _ in range(60):
        table.call(a, lambda: a.engine.ask_roots(table.now))
    assert len(a.engine._out._pings) == 50


def test_only_so_many_addresses_are_remembered_as_reached(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "PINGS_MOST", 2)
    a = table.seat("a")
    for name in "bcde":
        table.seat(name, a.address)
    seen = set()
    for _ in range(20):
        table.run(0.5)
        seen.add(len(a.engine._out._reached))
    assert max(seen) == 2


def test_a_batch_that_is_too_large_for_one_call_is_joined_in_several(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 8192
    monkeypatch.setattr(inbox, "WAITING_MOST", most)
    a = table.seat("a")
    puppet = puppet_of(table, a)
    items = tuple(Item("gset@1", f"set-{n}", 1, 0, Form.STATE, ([n],), 1) for n in range(most))
    stream = puppet.connect(a)
    puppet.write(stream, Sync((), (), (), 0))
    data = puppet._streams[stream].send(codec.encode(Push(5, 0, 0, items)))
    data += puppet._streams[stream].send(codec.encode(Push(6, 0, 0, items[:1])))
    end = table._ends[puppet.place.address, stream][1]
    a.engine.receive(data, Stream(end), table.now)
    assert len(a.registry) == Settings().work_items * 2  # one call each for what the chunk brought
    assert a.engine.deadline <= table.now
    assert a.metrics.dropped["inbox full"] == 1
    before = table.wakes
    table.settle()
    assert len(a.registry) == most
    assert table.wakes - before >= most / Settings().work_items - 2


def test_a_kernel_that_refuses_to_send_is_counted(table: Table) -> None:
    a = table.seat("a")
    a.engine.send_failed(("10.0.0.1", 1), "EPERM", table.now)
    assert a.metrics.dropped["send EPERM"] == 1


def test_the_cluster_goes_on_while_one_type_never_agrees(table: Table) -> None:
    a, b, c = trio_of(table)
    a.registry.open("sum", Summing).increment()
    b.registry.open("sum", Summing).increment()
    table.run(5)
    before, started = len(table.sent), table.now
    for number in range(10):
        c.registry.open(f"set-{number}", GSet).add(number)
        table.run(1)
        assert a.registry.open(f"set-{number}", GSet).value == {number}
    seconds = table.now - started
    pings = sum(kind_of(data) == Kind.PING for _, _, data in table.sent[before:])
    assert pings <= 3 * (HOT_MOST + 2) * seconds
    assert len(table.sent) - before <= 8 * pings


def test_a_member_that_feeds_us_for_ever_is_not_pinged_for_ever(table: Table) -> None:
    a = table.seat("a")
    puppet = puppet_of(table, a)
    table.run(1)
    puppet.heard.clear()
    for number in range(200):
        item = Item("gset@1", "tags", 1, 0, Form.STATE, ([number],), 1)
        puppet.say(a, Sync((item,), (), (), 5))
        table.run(0.01)
    assert HOT_MOST < len(puppet.got(Ping)) <= 3 * HOT_MOST + 3


def test_after_a_repair_there_may_be_nobody_left_to_ask(table: Table) -> None:
    a = table.seat("a")
    puppet = puppet_of(table, a)
    item = Item("gset@1", "tags", 1, 0, Form.STATE, (["red"],), 1)
    puppet.say(a, Sync((item,), (), (), 5), Leave(9, puppet.record(2, State.LEFT)))
    puppet.heard.clear()
    table.run(0.1)
    assert puppet.got(Ping) == []


def test_a_session_whose_stream_breaks_is_begun_anew(table: Table) -> None:
    a = table.seat("a")
    for number in range(3000):
        a.registry.open(f"set-{number}", GSet).add("x" * 50)
    table.run(20)
    frames = 0

    def break_once(sender: object, receiver: object) -> bool:
        nonlocal frames
        frames += 1
        return 40 < frames < 45

    table.cut = break_once
    b = table.seat("b", a.address)
    assert table.run(30, until=lambda: len(b.registry) == 3000)


def test_where_no_stream_can_be_opened_the_session_is_begun_anew_later(table: Table) -> None:
    a = table.seat("a", settings=Settings(streams_most=0))
    puppet = puppet_of(table, a)
    for number in range(3000):
        a.registry.open(f"set-{number}", GSet).add("x" * 50)
    table.run(20)
    everything = Sync((), (), (), LEFT_MAX, sketches=(Sketch("gset@1", 0, 0, 0, True, ()),))
    refused = [a.metrics.dropped["too many streams"]]
    for _ in range(2):
        puppet.say(a, everything)
        refused.append(a.metrics.dropped["too many streams"])
    assert refused[0] < refused[1] < refused[2]


# The border


def test_an_engine_that_is_idle_is_due_once_a_second(table: Table) -> None:
    trio_of(table)
    table.run(15)
    before = table.wakes
    table.run(20)
    assert table.wakes - before <= 3 * 20 * 1.3


def test_an_engine_that_was_not_started_is_due_never() -> None:
    engine = Engine(
        name="a",
        cluster="default",
        addresses=(("10.0.0.1", 1),),
        registry=registry(),
        channel=clear("default", b"a" * 16),
        settings=Settings(),
        metrics=Metrics(),
        chance=random.Random(1),
        entropy=random.Random(1).randbytes,
        clock=lambda: 5,
    )
    assert engine.deadline == math.inf
    assert engine.effects() == []


def test_streams_of_another_time_are_let_go(table: Table) -> None:
    a = table.seat("a")
    a.engine.receive(b"anything", Stream(77), table.now)
    a.engine.closed(77, "eof", table.now)
    a.engine.drained(77, table.now)
    a.engine.opened(77, table.now)
    assert [type(effect).__name__ for effect in a.engine.effects()] == ["CloseStream"]


def test_who_hears_that_a_peer_is_busy_asks_somebody_soon(table: Table) -> None:
    a = table.seat("a")
    puppet = puppet_of(table, a)
    table.run(2)
    puppet.heard.clear()
    puppet.say(a, Busy(100))
    table.run(0.09)
    before = len(puppet.got(Ping))
    table.run(0.02)
    assert len(puppet.got(Ping)) == before + 1


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        (Ping(1, 0, (), (), (), 0), Pong),
        (Ping(1, 0, (), (), (), 0), Want),
        (Want(5, (), (), (), LEFT_MAX), Again),
        (Again(0, (), (), (), LEFT_MAX), Sync),
        (Ctx((Asked(1, 1, 1, {}),), LEFT_MAX), Sync),
        (Want(5, (), (), (), LEFT_MAX - 2), Sync),
        (MemberList(0, (), reply=True), MemberList),
    ],
)
def test_whatever_comes_over_a_stream_is_answered_like_a_datagram(
    table: Table, message: Message, answer: type[Message]
) -> None:
    a = table.seat("a")
    puppet = puppet_of(table, a)
    a.registry.open("tags", GSet).add("red")
    table.run(1)
    puppet.heard.clear()
    puppet.write(puppet.connect(a), message)
    assert puppet.got(answer)
