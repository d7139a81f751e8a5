"""What a cluster of engines does, seen from outside."""

from crdt import GSet, PNCounter
from crdtnode.protocol import Changed, Flushed, Roots
from crdtnode.wire.keyring import Keyring
from crdtnode.wire.messages import Kind
from tests.protocol.table import Seat, Table


def trio_of(table: Table, **options: object):
    a = table.seat("a", **options)
    b = table.seat("b", a.address, **options)
    c = table.seat("c", a.address, **options)
    assert table.run(2, until=lambda: all(len(s.engine.members) == 3 for s in (a, b, c)))
    return a, b, c


def states(seat: Seat) -> dict[str, str]:
    return {member.name: member.state for member in seat.engine.members}


def test_nodes_that_join_one_seed_know_each_other(table: Table) -> None:
    a, b, c = trio_of(table)
    for seat in (a, b, c):
        assert states(seat) == {"a": "alive", "b": "alive", "c": "alive"}


def test_who_is_present_is_known_by_address(table: Table) -> None:
    a, b, c = trio_of(table)
    everybody = {seat.address: seat.engine.name for seat in (a, b, c)}
    assert a.engine.present == everybody
    table.crash(c)
    table.run(5.0)
    assert a.engine.present == {seat.address: seat.engine.name for seat in (a, b)}


def test_the_same_with_a_key(table: Table) -> None:
    trio_of(table, keyring=Keyring.fresh(bytes(range(48))))


def test_a_write_is_on_all_members_at_once(table: Table) -> None:
    a, b, c = trio_of(table)
    a.registry.open("visits", PNCounter).increment(3)
    b.registry.open("visits", PNCounter).increment(4)
    before = table.now
    assert table.run(0.1, until=lambda: table.equal() and bool(c.registry.root))
    assert table.now - before <= 0.05
    assert c.registry.open("visits", PNCounter).value == 7


def is_push(data: bytes) -> bool:
    """A datagram in clear: 32 bytes of header, an array's head, the kind."""
    return len(data) > 34 and data[33] == Kind.PUSH


def test_with_every_push_lost_the_probes_repair_it(table: Table) -> None:
    a, b, c = trio_of(table)
    table.lose = lambda sender, receiver, data: is_push(data)
    a.registry.open("visits", PNCounter).increment(3)
    b.registry.open("tags", GSet).add("red")
    assert table.run(2.5, until=lambda: table.equal() and len(c.registry) == 2)
    assert c.registry.open("visits", PNCounter).value == 3


def test_flush_says_how_many_members_hold_the_writes(table: Table) -> None:
    a, _, _ = trio_of(table)
    a.registry.open("visits", PNCounter).increment()
    ticket = table.call(a, lambda: a.engine.flush(table.now))
    table.run(0.1)
    assert a.saw(Flushed) == [Flushed(ticket, 1)]


def test_flush_alone_says_that_nobody_holds_them(table: Table) -> None:
    a = table.seat("a")
    a.registry.open("visits", PNCounter).increment()
    ticket = table.call(a, lambda: a.engine.flush(table.now))
    assert a.saw(Flushed) == [Flushed(ticket, 0)]


def test_roots_are_asked_in_one_round_trip(table: Table) -> None:
    a, _, _ = trio_of(table)
    ticket = table.call(a, lambda: a.engine.ask_roots(table.now))
    assert a.saw(Roots) == [Roots(ticket, {"b": True, "c": True})]


def test_watchers_learn_what_changed_and_from_whom(table: Table) -> None:
    a, b, _ = trio_of(table)
    a.registry.open("tags", GSet).add("red")
    table.run(0.1)
    (local,) = a.saw(Changed)
    (remote,) = b.saw(Changed)
    assert (local.name, local.source, remote.source) == ("tags", None, "a")
    assert remote.delta.value == {"red"}


def test_a_newcomer_gets_everything(table: Table) -> None:
    a = table.seat("a")
    for number in range(2000):
        a.registry.open(f"set-{number}", GSet).add(number)
    table.run(0.1)
    b = table.seat("b", a.address)
    assert table.run(2, until=table.equal)
    assert len(b.registry) == 2000


def test_a_killed_member_is_dead_within_three_seconds_and_back_at_once(table: Table) -> None:
    a, b, c = trio_of(table)
    c.registry.open("visits", PNCounter).increment(3)
    table.run(0.1)
    table.crash(c)
    assert table.run(3, until=lambda: states(a)["c"] == states(b)["c"] == "dead")
    again = table.seat("c", a.address, port=c.address[1], seed=1)
    assert table.run(2, until=lambda: table.equal() and bool(again.registry.root))
    assert again.registry.open("visits", PNCounter).value == 3
    assert table.run(2, until=lambda: states(a)["c"] == states(b)["c"] == "alive")


def test_a_restart_takes_its_name_at_once(table: Table) -> None:
    a, b, c = trio_of(table)
    table.crash(c)
    again = table.seat("c", a.address, port=c.address[1], seed=1)
    boot = again.engine.members[2].boot

    def holds(seat: Seat) -> bool:
        return any(m.boot == boot and m.state == "alive" for m in seat.engine.members)

    assert table.run(0.1, until=lambda: holds(a) and holds(b))


def test_halves_that_held_each_other_for_dead_find_together(table: Table) -> None:
    a, b, c = trio_of(table)
    table.cut = lambda sender, receiver: (sender == a.address) != (receiver == a.address)
    a.registry.open("tags", GSet).add("lonely")
    b.registry.open("tags", GSet).add("together")
    assert table.run(20, until=lambda: states(a) == {"a": "alive", "b": "dead", "c": "dead"})
    table.cut = lambda sender, receiver: False
    assert table.run(2.5, until=table.equal)
    assert c.registry.open("tags", GSet).value == {"lonely", "together"}
    everybody = {"a": "alive", "b": "alive", "c": "alive"}
    assert table.run(2, until=lambda: all(states(s) == everybody for s in (a, b, c)))


def test_two_processes_of_one_name_both_go_on(table: Table) -> None:
    a = table.seat("a")
    first = table.seat("twin", a.address)
    table.run(1)
    second = table.seat("twin", a.address, seed=1)
    assert table.run(3, until=lambda: second.engine.name != "twin")
    assert first.engine.name == "twin"
    assert table.run(3, until=lambda: len(a.engine.members) == 3)
    second.registry.open("visits", PNCounter).increment()
    assert table.run(2, until=lambda: table.equal() and bool(a.registry.root))


def test_a_member_that_leaves_is_known_to_have_left(table: Table) -> None:
    a, b, c = trio_of(table)
    table.call(c, lambda: c.engine.leave(table.now))
    assert table.run(0.3, until=lambda: states(a)["c"] == states(b)["c"] == "left")
