"""Who is here: joining, dying, leaving, coming back, as a few engines see it."""

from collections.abc import Callable
from dataclasses import replace
import random

import pytest

from crdt import GSet, PNCounter
from crdtnode.config import Settings
from crdtnode.errors import MemberLives, UnknownMember
from crdtnode.protocol import Event, Left, MemberNews, Udp
from crdtnode.protocol.members import FORGOTTEN_MOST
from crdtnode.wire import codec
from crdtnode.wire.messages import Challenge, Forget, MemberList, Ping, PingReq, Pong, State, Tell
from tests.protocol.puppet import Puppet, boot_of
from tests.protocol.table import Seat, Table

SETTINGS = Settings()
PING = Ping(1, None, (), (), (), 0)


def cluster(table: Table, size: int = 3) -> list[Seat]:
    """A few nodes that know each other; the first is the seed of all others."""
    first = table.seat("n0")
    seats = [first, *(table.seat(f"n{n}", first.address) for n in range(1, size))]
    assert table.run(3, until=table.agreed)
    return seats


def news(seat: Seat, name: str) -> list[str]:
    told = [effect for effect in seat.did if isinstance(effect, MemberNews)]
    return [effect.state for effect in told if effect.name == name]


# Joining


def test_fifty_nodes_find_together_through_one_seed(table: Table) -> None:
    first = table.seat("n0")
    for number in range(1, 50):
        table.seat(f"n{number}", first.address)
    assert table.run(1, until=table.agreed)
    assert len(table.sent) < 20 * 50


def test_a_node_that_joins_through_one_that_is_joining_is_known_to_all(table: Table) -> None:
    first = table.seat("n0")
    table.cut = lambda sender, receiver: first.address in (sender, receiver)
    second = table.seat("n1", first.address)
    third = table.seat("n2", second.address)
    assert third.states == {"n1": "alive", "n2": "alive"}
    table.cut = lambda sender, receiver: False
    assert table.run(2, until=table.agreed)


def told_of(puppet: Puppet, others: list[Puppet]) -> list[bool]:
    """Whether news of a puppet was told to each of others."""
    return [
        any(r.boot == puppet.boot for tell in other.got(Tell) for r in tell.records)  # type: ignore[attr-defined]
        for other in others
    ]


def test_who_joins_is_told_to_all_but_not_again_by_who_meets_it_later(table: Table) -> None:
    seats = cluster(table)
    ear = Puppet(table, "ear")
    ear.join(seats[0])
    table.run(1)
    alone = Puppet(table, "alone")
    alone.join(seats[0])
    table.run(1)
    assert told_of(alone, [ear]) == [True]
    member = Puppet(table, "member")  # its list shows that somebody has taken it in
    member.join(seats[0], seats[1].engine._members.me.record())
    table.run(0.5)
    assert told_of(member, [ear]) == [False]
    assert seats[0].states["member"] == "alive"
    assert table.run(5, until=lambda: all("member" in seat.states for seat in seats))


def test_a_relay_tells_whom_the_news_itself_makes_known(table: Table) -> None:
    (seat, *_) = cluster(table, 1)
    teller, newcomer, other = (Puppet(table, name) for name in ("teller", "newcomer", "other"))
    teller.join(seat)
    table.run(1)
    teller.say(seat, Tell(7, 0, 0, (newcomer.record(), other.record())))
    table.run(0.1)
    told = [[r.name for r in tell.records] for tell in newcomer.got(Tell)]  # type: ignore[attr-defined]
    assert ["newcomer", "other"] in told


def test_a_chain_of_seeds_becomes_one_cluster(table: Table) -> None:
    seats = [table.seat("n0")]
    for number in range(1, 8):
        seats.append(table.seat(f"n{number}", seats[-1].address))
    assert table.run(1, until=table.agreed)


def test_two_clusters_become_one_when_one_node_joins_the_other(table: Table) -> None:
    ones = [table.seat("a0")]
    ones += [table.seat(f"a{n}", ones[0].address) for n in range(1, 4)]
    others = [table.seat("b0")]
    others += [table.seat(f"b{n}", others[0].address) for n in range(1, 4)]
    ones[3].registry.open("tags", GSet).add("a")
    others[3].registry.open("tags", GSet).add("b")
    table.run(2)
    table.call(ones[2], lambda: ones[2].engine.join([others[1].address], table.now))
    assert table.run(0.2, until=table.agreed)
    assert table.run(2, until=table.equal)
    assert ones[0].registry.open("tags", GSet).value == {"a", "b"}


def test_a_node_starts_without_its_seeds_and_finds_them_later(table: Table) -> None:
    nowhere = ("10.0.0.1", 1001)
    first = table.seat("n0", nowhere)
    assert first.engine.unreached_seeds == [(nowhere, "timeout")]
    table.run(30)
    table.seat("n1", port=1001)
    assert table.run(1.3 * SETTINGS.rejoin_most, until=table.agreed)
    assert first.engine.unreached_seeds == []


def test_a_seed_that_is_our_own_address_is_no_seed(table: Table) -> None:
    alone = table.seat("n0", ("10.0.0.1", 1000))
    assert alone.engine.unreached_seeds == []
    assert len(table.sent) == 0


def test_a_seed_under_another_name_of_ours_is_dropped_when_we_meet_ourselves(table: Table) -> None:
    alone = table.seat("n0")
    alias = ("localhost", 1000)
    table.places[alias] = alone
    table.call(alone, lambda: alone.engine.join([alias], table.now))
    assert alone.engine.unreached_seeds == []


def test_a_whole_cluster_restarted_in_any_order_finds_together(table: Table) -> None:
    ports = range(2000, 2005)
    addresses = [("10.0.0.1", port) for port in ports]
    seats = {port: table.seat(f"n{port}", *addresses, port=port) for port in ports}
    assert table.run(10, until=table.agreed)
    for port in ports:
        table.crash(seats[port])
    for life, port in enumerate(reversed(ports), start=1):
        table.run(0.3)
        seats[port] = table.seat(f"n{port}", *addresses, port=port, seed=life)
    assert table.run(10, until=table.agreed)


def test_a_seed_that_was_restarted_meets_its_cluster_again(table: Table) -> None:
    first, *others = cluster(table, 4)
    others[0].registry.open("visits", PNCounter).increment(3)
    table.run(0.1)
    table.crash(first)
    again = table.seat("n0", port=first.address[1], seed=1)  # it has no seeds itself
    assert table.run(2.5, until=lambda: table.agreed() and table.equal())
    assert again.registry.open("visits", PNCounter).value == 3
    assert table.run(7, until=lambda: not others[0].engine.unreached_seeds)


def test_a_seed_that_greets_and_says_nothing_more_is_tried_again(table: Table) -> None:
    puppet = Puppet(table, "mute")
    node = table.seat("n0", puppet.place.address)
    assert table.run(
        1.5 * SETTINGS.stream_idle + SETTINGS.rejoin_most,
        until=lambda: len(puppet.got(MemberList)) >= 2,
    )
    assert [address for address, _ in node.engine.unreached_seeds] == [puppet.place.address]


def test_where_too_many_streams_are_open_a_seed_waits(table: Table) -> None:
    first = table.seat("n0")
    crowded = table.seat("n1", settings=Settings(streams_most=0))
    table.call(crowded, lambda: crowded.engine.join([first.address], table.now))
    assert crowded.engine.unreached_seeds == [(first.address, "too many streams")]


# Dying


def test_a_member_that_died_was_suspected_first(table: Table) -> None:
    one, other, third = cluster(table)
    table.crash(third)
    assert table.run(3, until=lambda: one.states["n2"] == other.states["n2"] == "dead")
    assert news(one, "n2") == news(other, "n2") == ["alive", "suspect", "dead"]


def test_a_host_that_vanished_is_known_to_be_dead_within_four_seconds(table: Table) -> None:
    one, other, third = cluster(table)
    table.cut = lambda sender, receiver: third.address in (sender, receiver)
    assert table.run(4, until=lambda: one.states["n2"] == other.states["n2"] == "dead")


@pytest.mark.parametrize("size", [5, 20])
def test_one_death_costs_a_few_packets_for_each_member(table: Table, size: int) -> None:
    seats = cluster(table, size)
    table.run(5)
    before = len(table.sent)
    table.crash(seats[1])
    others = [seat for seat in seats if seat is not seats[1]]
    started = table.now
    assert table.run(3, until=lambda: all(seat.states["n1"] == "dead" for seat in others))
    idle = 2.2 * size * (table.now - started)
    assert len(table.sent) - before - idle < 12 * size


def test_a_process_that_stands_still_for_a_while_is_not_dead(table: Table) -> None:
    one, other, third = cluster(table)
    table.run(3)
    third.stopped = True
    assert table.run(8, until=lambda: one.states["n2"] == other.states["n2"] == "suspect")
    table.run(4)
    table.resume(third)
    assert table.run(1, until=table.agreed)
    assert "dead" not in news(one, "n2") + news(other, "n2")


def test_a_process_that_stands_still_for_long_is_dead_until_it_goes_on(table: Table) -> None:
    one, other, third = cluster(table)
    third.stopped = True
    assert table.run(20, until=lambda: one.states["n2"] == other.states["n2"] == "dead")
    one.registry.open("visits", PNCounter).increment(3)
    table.run(40)
    third.did.clear()
    table.resume(third)
    assert table.run(5, until=lambda: table.agreed() and table.equal())
    assert third.registry.open("visits", PNCounter).value == 3
    accused = [effect for effect in third.did if isinstance(effect, MemberNews)]
    assert [effect for effect in accused if effect.state != "alive"] == []
    assert any(isinstance(effect, Event) and effect.kind == "slept" for effect in third.did)


def test_what_queued_up_while_a_process_stood_still_is_thrown_away(table: Table) -> None:
    one, _, third = cluster(table)
    third.stopped = True
    one.registry.open("visits", PNCounter).increment(3)
    table.run(10)
    assert any(isinstance(source, Udp) for source, _ in third.missed)
    table.resume(third)
    assert third.metrics.dropped["queued while asleep"] > 0
    assert table.run(5, until=lambda: table.agreed() and table.equal())


@pytest.mark.parametrize(
    "sign",
    [
        lambda seat, now: seat.engine.send_failed(("10.0.0.1", 1), "ENETUNREACH", now),
        lambda seat, now: seat.engine.datagrams_lost(5, now),
    ],
    ids=["nothing can be sent", "the kernel threw datagrams away"],
)
def test_what_is_wrong_with_us_makes_us_judge_slowly_until_probes_are_answered(
    table: Table, sign: Callable[[Seat, float], None]
) -> None:
    one, *_ = cluster(table)
    sign(one, table.now)
    assert one.engine.health == 1
    assert table.run(3, until=lambda: one.engine.health == 0)


def test_errors_of_sends_are_counted_for_each_receiver(table: Table) -> None:
    one, other, _ = cluster(table)
    host, port = other.address
    one.engine.send_failed(other.address, "EHOSTUNREACH", table.now)
    assert one.metrics.send_errors == {f"{host}:{port} EHOSTUNREACH": 1}
    assert one.engine.health == 0  # that host is to blame


def test_where_there_is_no_way_to_an_address_the_next_one_is_used(table: Table) -> None:
    one, other, third = cluster(table)
    member = one.engine._members.booted(boot_of(other))
    assert member is not None
    member.addresses = (("fd00::2", 1), other.address)
    one.engine.send_failed(("fd00::2", 1), "EPERM", table.now)
    assert member.address == ("fd00::2", 1)
    one.engine.send_failed(("fd00::2", 1), "EAFNOSUPPORT", table.now)
    assert member.addresses == (other.address, ("fd00::2", 1))
    one.engine.send_failed(third.address, "EHOSTUNREACH", table.now)  # it has no other one
    assert one.states["n2"] == "alive"


def test_a_node_that_slept_drops_the_suspicions_that_it_held(table: Table) -> None:
    one, _, third = cluster(table)
    third.stopped = True
    assert table.run(8, until=lambda: one.states["n2"] == "suspect")
    one.stopped = True
    table.run(20)
    one.missed.clear()
    table.resume(one)
    assert one.states["n2"] == "alive"
    assert news(one, "n2")[-1] == "alive"


def test_a_member_whose_link_to_one_other_is_cut_is_not_dead(table: Table) -> None:
    one, other, third = cluster(table)
    table.cut = lambda sender, receiver: {sender, receiver} == {one.address, third.address}
    assert table.run(1) is False
    for _ in range(30):
        table.run(1)
        assert "dead" not in {*one.states.values(), *third.states.values(), *other.states.values()}


def test_at_thirty_percent_loss_hardly_anybody_is_suspected(table: Table) -> None:
    seats = cluster(table, 5)
    chance = random.Random(4)
    table.lose = lambda sender, receiver, data: chance.random() < 0.3
    table.run(60)
    told = [effect for seat in seats for effect in seat.did if isinstance(effect, MemberNews)]
    assert sum(effect.state == "suspect" for effect in told) <= 10  # in 300 probes


def test_nobody_is_suspected_at_thirty_percent_loss_for_long(table: Table) -> None:
    seats = cluster(table, 5)
    chance = random.Random(5)
    table.lose = lambda sender, receiver, data: chance.random() < 0.3
    for seat in seats:
        seat.did.clear()
    table.run(120)
    assert not any("dead" in news(seat, f"n{n}") for seat in seats for n in range(5))


def test_a_dead_member_that_nobody_can_reach_is_greeted_once_a_second(table: Table) -> None:
    one, other, third = cluster(table)
    table.crash(third)
    assert table.run(3, until=lambda: one.states["n2"] == other.states["n2"] == "dead")
    table.run(1)
    before = len(table.sent)
    table.run(10)
    to_the_dead = [data for _, to, data in table.sent[before:] if to == third.address]
    assert 18 <= len(to_the_dead) <= 22


def test_the_dead_are_forgotten_by_all_and_stay_forgotten(table: Table) -> None:
    settings = Settings(member_forgotten=20.0)
    one = table.seat("n0", settings=settings)
    other = table.seat("n1", one.address, settings=settings)
    third = table.seat("n2", one.address, settings=settings)
    assert table.run(3, until=table.agreed)
    table.crash(third)
    table.run(60)
    assert "n2" not in one.states
    assert "n2" not in other.states
    assert one.engine.unreached_seeds == []  # nobody asked for it
    assert third.address in one.engine.peers


def test_where_a_forgotten_member_lived_is_looked_at_now_and_then(table: Table) -> None:
    settings = Settings(member_forgotten=20.0)
    one = table.seat("n0", settings=settings)
    third = table.seat("n2", one.address, settings=settings)
    table.cut = lambda sender, receiver: sender != receiver
    table.run(60)
    assert list(one.states) == ["n0"]
    table.cut = lambda sender, receiver: False
    assert table.run(10, until=lambda: one.states == {"n0": "alive", "n2": "alive"})
    assert third.engine.peers == [one.address]


def test_remembered_addresses_are_enough_to_join(table: Table) -> None:
    one = table.seat("n0")
    other = table.seat("n1", remembered=[one.address, ("10.0.0.1", 1001)])
    assert table.run(3, until=table.agreed)
    assert other.engine.unreached_seeds == []


def test_how_far_a_member_is_behind_is_known_from_the_root_that_it_tells(table: Table) -> None:
    one, *_ = cluster(table)
    puppet = Puppet(table)
    puppet.pongs = False
    puppet.join(one)
    table.run(1)
    visits = one.registry.open("visits", PNCounter)
    for _ in range(2):
        former = one.registry.root
        visits.increment()
        table.settle()
    changed = table.now
    table.run(0.4)
    for root, behind in ((former, table.now - changed), (one.registry.root, 0.0), (12345, None)):
        puppet.say(one, Ping(1, root, (), (), (), 0))
        assert lag(one, "puppet") == pytest.approx(behind, abs=0.01)
    assert lag(one, "n0") == 0.0


def lag(seat: Seat, name: str) -> float | None:
    """What a seat thinks of how far a member is behind."""
    return next(member.lag for member in seat.engine.members if member.name == name)


# Forgetting on purpose


def gone(table: Table) -> tuple[Seat, Seat, Seat]:
    """Three of which the last is held for dead by both others."""
    one, other, third = cluster(table)
    table.cut = lambda sender, receiver: third.address in (sender, receiver)
    assert table.run(20, until=lambda: one.states["n2"] == other.states["n2"] == "dead")
    return one, other, third


def test_who_is_forgotten_is_off_all_lists_and_rumours_do_not_bring_it_back(table: Table) -> None:
    one, other, third = gone(table)
    lie = third.engine._members.me.record()
    one.engine.forget("n2", table.now)
    assert "n2" not in one.states
    assert table.run(1.5, until=lambda: "n2" not in other.states)
    for incarnation in (lie.incarnation, lie.incarnation + 5):
        rumour = replace(lie, incarnation=incarnation)
        puppet = Puppet(table)
        puppet.join(one)
        table.run(0.5)
        puppet.say(one, MemberList(0, (rumour,), reply=False))
        table.run(0.5)
        assert "n2" not in one.states
        assert one.metrics.dropped["forgotten"] > 0


def test_who_was_forgotten_and_lives_after_all_comes_back_itself(table: Table) -> None:
    one, other, third = gone(table)
    one.engine.forget("n2", table.now)
    assert table.run(1.5, until=lambda: "n2" not in other.states)
    third.registry.open("visits", PNCounter).increment(3)
    table.cut = lambda sender, receiver: False
    assert table.run(10, until=lambda: table.agreed() and table.equal())
    assert one.registry.open("visits", PNCounter).value == 3


def test_a_day_later_rumours_count_again(table: Table) -> None:
    one, _, third = gone(table)
    one.engine.forget("n2", table.now)
    members = one.engine._members
    assert members.forgotten(third.engine._members.me.boot, table.now + 86_399)
    assert not members.forgotten(third.engine._members.me.boot, table.now + 86_400)


def test_only_so_many_are_remembered_as_forgotten(table: Table) -> None:
    members = cluster(table)[0].engine._members
    for number in range(FORGOTTEN_MOST + 1):
        members.never_mind(number.to_bytes(16), 1000.0)
    assert not members.forgotten((0).to_bytes(16), 0.0)
    assert members.forgotten((1).to_bytes(16), 0.0)


@pytest.mark.parametrize(
    ("name", "error"), [("n1", MemberLives), ("n0", MemberLives), ("n9", UnknownMember)]
)
def test_only_who_is_known_and_gone_can_be_forgotten(
    table: Table, name: str, error: type[Exception]
) -> None:
    one, *_ = cluster(table)
    with pytest.raises(error):
        one.engine.forget(name, table.now)
    table.run(2)
    assert set(one.states) == {"n0", "n1", "n2"}


def test_a_peer_that_says_to_forget_the_living_changes_nothing(table: Table) -> None:
    seats = cluster(table)
    puppet = Puppet(table)
    puppet.join(seats[0])
    table.run(1)
    records = tuple(seat.engine._members.me.record() for seat in seats)
    for seat in seats:
        puppet.say(seat, Forget(77, 0, 0, records))
    table.run(5)
    for seat in seats:
        assert {seat.states[name] for name in ("n0", "n1", "n2")} == {"alive"}


# Coming back


def test_a_member_that_was_cut_off_refutes_its_death(table: Table) -> None:
    one, other, third = cluster(table)
    table.cut = lambda sender, receiver: third.address in (sender, receiver)
    table.run(10)
    assert one.states["n2"] == "dead"
    table.cut = lambda sender, receiver: False
    assert table.run(2.5, until=table.agreed)
    assert news(one, "n2")[-1] == news(other, "n2")[-1] == "alive"


def test_a_member_that_comes_back_elsewhere_takes_its_name(table: Table) -> None:
    one, other, third = cluster(table)
    table.crash(third)
    again = table.seat("n2", one.address, port=4000, seed=1)
    assert table.run(3, until=table.agreed)
    assert again.engine.name == "n2"
    assert [m.addresses for m in other.engine.members if m.name == "n2"] == [(again.address,)]


def test_a_member_that_is_restarted_again_and_again_leaves_nothing_behind(table: Table) -> None:
    one, _, third = cluster(table)
    for life in range(1, 30):
        table.crash(third)
        third = table.seat("n2", one.address, port=third.address[1], seed=life)
        one.registry.open("visits", PNCounter).increment()
        assert table.run(3, until=lambda: table.agreed() and table.equal())
    engine = one.engine
    assert len(engine._channel.datagrams._members) == 2
    assert len(engine._cluster.deliveries._waiting) <= 2
    assert engine._cluster.suspicions.deadline == float("inf")


def move(table: Table, seat: Seat, address: tuple[str, int]) -> None:
    """The host gets another address; its process knows nothing of that."""
    del table.places[seat.address]
    seat.address = address
    table.places[address] = seat


def test_a_member_that_moves_is_followed(table: Table) -> None:
    one, other, third = cluster(table)
    table.run(2)
    move(table, third, ("10.7.7.7", 77))
    assert table.run(
        6,
        until=lambda: all(
            {m.addresses[0] for m in seat.engine.members if m.name == "n2"} == {third.address}
            for seat in (one, other)
        ),
    )
    assert ("10.7.7.7", 77) in {e.address for e in one.saw(MemberNews) if isinstance(e, MemberNews)}
    assert table.run(3, until=table.agreed)
    one.registry.open("visits", PNCounter).increment(3)
    assert table.run(0.1, until=table.equal)


def test_nobody_is_sent_to_where_it_does_not_answer(table: Table) -> None:
    one, _, _ = cluster(table)
    puppet = Puppet(table)
    puppet.join(one)
    puppet.pongs = False
    before = len(table.sent)
    for _ in range(50):
        _, data = puppet.channel.datagrams.seal(boot_of(one), codec.encode(PING))
        one.engine.receive(data, Udp(("10.9.9.9", 9)), table.now)
        table.call(one, lambda: None)
    to_nowhere = [data for _, to, data in table.sent[before:] if to == ("10.9.9.9", 9)]
    assert len(to_nowhere) == 50 + 1  # an answer to each, and one question
    assert {m.addresses for m in one.engine.members if m.name == "puppet"} == {
        (puppet.place.address,)
    }
    assert all(len(data) < 90 for data in to_nowhere[1:])


def test_an_answer_from_where_nobody_was_asked_moves_nobody(table: Table) -> None:
    one, _, _ = cluster(table)
    puppet = Puppet(table)
    puppet.join(one)
    puppet.pongs = False
    assert table.run(5, until=lambda: boot_of(one) in puppet.pinged)
    pong = Pong(1, puppet.pinged[boot_of(one)], 0, (), 0, 0, 0)
    _, data = puppet.channel.datagrams.seal(boot_of(one), codec.encode(pong))
    one.engine.receive(data, Udp(("10.9.9.9", 9)), table.now)
    assert {m.addresses for m in one.engine.members if m.name == "puppet"} == {
        (puppet.place.address,)
    }


def test_the_halves_of_five_find_together(table: Table) -> None:
    seats = cluster(table, 5)
    left = {seat.address for seat in seats[:2]}
    table.cut = lambda sender, receiver: (sender in left) != (receiver in left)
    for number, seat in enumerate(seats):
        seat.registry.open("tags", GSet).add(number)
    table.run(60)
    assert sorted(seats[0].states.values()) == ["alive", "alive", "dead", "dead", "dead"]
    table.cut = lambda sender, receiver: False
    assert table.run(2, until=table.equal)
    assert table.run(2, until=table.agreed)
    assert seats[4].registry.open("tags", GSet).value == set(range(5))


# Leaving


def test_a_node_that_leaves_is_over_when_others_have_heard_it(table: Table) -> None:
    one, other, third = cluster(table)
    table.call(third, lambda: third.engine.leave(table.now))
    assert table.run(0.3, until=lambda: bool(third.saw(Left)))
    assert one.states["n2"] == other.states["n2"] == "left"
    assert news(one, "n2")[-1] == "left"
    assert third.engine.accepted(("10.0.0.9", 1), table.now) is None
    table.crash(third)
    table.run(10)
    assert one.states["n2"] == "left"
    again = table.seat("n2", one.address, port=third.address[1], seed=1)
    assert table.run(1, until=table.agreed)
    assert again.engine.name == "n2"


def test_a_node_that_leaves_hands_over_what_it_wrote_last(table: Table) -> None:
    one, _, third = cluster(table)
    lost: list[bytes] = []

    def lose_the_first(sender: object, receiver: object, data: bytes) -> bool:
        lost.append(data)
        return len(lost) <= 2

    table.lose = lose_the_first
    third.registry.open("visits", PNCounter).increment(3)
    table.call(third, lambda: third.engine.leave(table.now))
    assert table.run(0.3, until=lambda: bool(third.saw(Left)))
    assert len(lost) > 2
    table.crash(third)
    table.run(3)
    assert one.registry.open("visits", PNCounter).value == 3


def test_a_node_whose_goodbye_nobody_hears_leaves_all_the_same(table: Table) -> None:
    _, _, third = cluster(table)
    table.cut = lambda sender, receiver: True
    table.call(third, lambda: third.engine.leave(table.now))
    assert not third.saw(Left)
    table.run(SETTINGS.leave_timeout)
    assert third.saw(Left)


# Names


def test_of_two_processes_of_one_name_the_second_goes_on_as_another(table: Table) -> None:
    one, _, third = cluster(table)
    table.run(1)
    twin = table.seat("n2", one.address, port=4000, seed=1)
    assert table.run(3, until=lambda: twin.engine.name != "n2")
    (event,) = [e for e in twin.saw(Event) if isinstance(e, Event) and e.kind == "name-conflict"]
    assert event.fields == {"wanted": "n2", "name": twin.engine.name}
    assert table.run(3, until=table.agreed)
    assert third.engine.name == "n2"
    twin.registry.open("visits", PNCounter).increment(3)
    assert table.run(1, until=table.equal)


def test_a_renamed_node_may_be_restarted_leave_and_die_like_any_other(table: Table) -> None:
    one, _, _ = cluster(table)
    table.run(1)
    twin = table.seat("n2", one.address, port=4000, seed=1)
    assert table.run(5, until=lambda: twin.engine.name != "n2" and table.agreed())
    name = twin.engine.name
    table.crash(twin)
    assert table.run(4, until=lambda: one.states[name] == "dead")
    again = table.seat("n2", one.address, port=4000, seed=2)
    assert table.run(5, until=lambda: again.engine.name != "n2" and table.agreed())


def test_a_clone_that_cannot_see_its_twin_for_a_while_gives_way_in_the_end(table: Table) -> None:
    one, _, third = cluster(table)
    table.cut = lambda sender, receiver: third.address in (sender, receiver)
    table.run(10)
    assert one.states["n2"] == "dead"
    twin = table.seat("n2", one.address, port=4000, seed=1)
    table.run(5)
    assert twin.engine.name == "n2"
    table.cut = lambda sender, receiver: False
    assert table.run(20, until=table.agreed)
    assert third.engine.name == "n2"
    assert twin.engine.name != "n2"


# What a member may ask


def test_a_member_is_probed_for_another_one(table: Table) -> None:
    one, _, third = cluster(table)
    puppet = Puppet(table)
    puppet.join(one)
    request = PingReq(5, "n2", boot_of(third), third.address)
    puppet.heard.clear()
    puppet.say(one, request)
    assert [type(message).__name__ for message in puppet.heard] == ["Nack", "PingAck"]


def test_tags_are_known_to_all(table: Table) -> None:
    one = table.seat("n0", tags={"rack": "1"})
    other = table.seat("n1", one.address)
    assert table.run(1, until=table.agreed)
    assert [m.tags for m in other.engine.members if m.name == "n0"] == [{"rack": "1"}]


def test_a_node_that_does_not_know_us_any_more_asks_us_to_prove_ourselves(table: Table) -> None:
    one, _, _ = cluster(table)
    puppet = Puppet(table)
    puppet.join(one)
    puppet.pongs = False
    assert table.run(30, until=lambda: one.states["puppet"] == "dead")
    puppet.heard.clear()
    puppet.say(one, MemberList(0, (puppet.record(9, State.ALIVE),), reply=False))
    assert puppet.got(Challenge)
    assert one.states["puppet"] == "alive"


def test_fifty_nodes_that_name_each_other_as_seeds_dial_a_few(table: Table) -> None:
    addresses = [("10.0.0.1", 2000 + n) for n in range(50)]
    for number, (_, port) in enumerate(addresses):
        table.seat(f"n{number}", *addresses, port=port)
    assert table.run(1, until=table.agreed)
    assert len(table.sent) < 40 * 50
    assert table.run(10, until=lambda: not any(s.engine.unreached_seeds for s in table.seats))


def test_an_engine_that_left_is_due_never_again(table: Table) -> None:
    _, _, third = cluster(table)
    table.call(third, lambda: third.engine.leave(table.now))
    assert table.run(0.3, until=lambda: bool(third.saw(Left)))
    assert third.engine.deadline == float("inf")
