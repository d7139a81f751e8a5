"""What a process does that stood still: it is the same after a short stop, another after a long one."""

import pytest

from crdt import GSet, PNCounter
from crdtnode.config import Settings
from crdtnode.protocol import Event, Flushed, MemberNews
from crdtnode.wire.keyring import Keyring
from tests.protocol.puppet import boot_of
from tests.protocol.table import Seat, Table

KEYRING = Keyring.fresh(bytes(range(48)))
SETTINGS = Settings()


def cluster(table: Table) -> list[Seat]:
    first = table.seat("n0", keyring=KEYRING)
    seats = [first, *(table.seat(f"n{n}", first.address, keyring=KEYRING) for n in (1, 2))]
    assert table.run(3, until=table.agreed)
    return seats


def stop(table: Table, seat: Seat, seconds: float) -> None:
    """Stop a process for so long, but for what it is late anyway."""
    seat.stopped = True
    seat.did.clear()
    table.run(seconds)
    table.resume(seat)


def slept(seat: Seat) -> list[dict[str, object]]:
    return [e.fields for e in seat.did if isinstance(e, Event) and e.kind == "slept"]


def test_a_process_that_stood_still_for_a_moment_is_the_same(table: Table) -> None:
    *_, third = cluster(table)
    before = boot_of(third)
    stop(table, third, SETTINGS.sleep_reborn - 0.5)
    assert boot_of(third) == before
    assert [fields["reborn"] for fields in slept(third)] == [False]


@pytest.mark.parametrize("seconds", [SETTINGS.sleep_reborn + 1.5, 60])
def test_a_process_that_stood_still_for_long_goes_on_as_another_of_its_name(
    table: Table, seconds: float
) -> None:
    one, other, third = cluster(table)
    before = boot_of(third)
    one.registry.open("visits", PNCounter).increment(3)
    third.registry.open("visits", PNCounter).increment(4)
    stop(table, third, seconds)
    assert [fields["reborn"] for fields in slept(third)] == [True]
    assert boot_of(third) != before
    assert table.run(1, until=lambda: table.agreed() and table.equal())
    assert other.registry.open("visits", PNCounter).value == 7
    for seat in (one, other):
        known = {member.name: member.boot for member in seat.engine.members}
        assert known == {"n0": boot_of(one), "n1": boot_of(other), "n2": boot_of(third)}
    accused = [e.state for e in third.did if isinstance(e, MemberNews) and e.state != "alive"]
    assert accused == []


def test_nothing_is_sealed_under_the_boot_id_of_before(table: Table) -> None:
    *_, third = cluster(table)
    third.registry.open("tags", PNCounter).increment()
    table.call(third, lambda: third.engine.flush(table.now))
    before = boot_of(third)
    third.stopped = True
    table.run(30)
    table.sent.clear()
    table.resume(third)
    assert table.run(3, until=lambda: table.agreed() and table.equal())
    table.run(3)
    heads = [data[8:24] for sender, _, data in table.sent if sender == third.address]
    assert boot_of(third) in heads
    assert before not in heads


def test_who_waits_for_others_while_the_process_is_reborn_gets_an_answer(table: Table) -> None:
    *_, third = cluster(table)
    third.stopped = True
    table.run(30)
    third.registry.open("visits", PNCounter).increment()
    ticket = third.engine.flush(table.now)
    table.resume(third)
    assert table.run(2, until=lambda: Flushed(ticket, 1) in third.did)


def test_a_recording_of_what_was_sent_before_means_nothing_to_the_reborn(table: Table) -> None:
    one, _, third = cluster(table)
    one.registry.open("visits", PNCounter).increment(3)
    table.run(1)
    recorded = [item for item in table.sent if item[1] == third.address]
    stop(table, third, 30)
    assert table.run(3, until=lambda: table.agreed() and table.equal())
    table.run(1)
    forged = third.metrics.dropped["forged"]
    datagrams = [(s, r, d) for s, r, d in recorded if d[:2] == b"\xc5\x4e" and d[3] == 0]
    assert datagrams
    for sender, receiver, data in datagrams:
        table.deliver(sender, receiver, data)
    assert third.metrics.dropped["forged"] == forged + len(datagrams)


def test_streams_of_before_are_closed(table: Table) -> None:
    one, _, third = cluster(table)
    one.registry.open("long", GSet).add("x" * 5000)
    assert table.run(3, until=table.equal)
    streams = {end for end in table._ends if end[0] == third.address}
    assert streams
    stop(table, third, SETTINGS.sleep_reborn + 1.5)
    assert not streams & set(table._ends)
