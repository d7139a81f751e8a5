"""What it costs: nothing while nothing happens, else about what happened."""

import pytest

from crdt import GSet, PNCounter
from crdtnode.protocol import Address, Effect, SendDatagram
from crdtnode.wire.keyring import Keyring
from crdtnode.wire.messages import Kind
from tests.protocol.chaos import kind_of
from tests.protocol.table import Place, Seat, Table

KEYS = Keyring.fresh(bytes(range(48)))
IP_AND_UDP = 28
PACKETS_A_SECOND = 2.3
BYTES_A_SECOND = 250


def cluster(
    table: Table, size: int, objects: int = 0, keyring: Keyring | None = None
) -> list[Seat]:
    first = table.seat("node-0", keyring=keyring)
    for number in range(objects):
        first.registry.open(f"set-{number}", GSet).add(number)
    for number in range(1, size):
        table.seat(f"node-{number}", first.address, keyring=keyring)
    assert table.run(10, until=lambda: table.agreed() and table.equal())
    return table.seats


def costs(table: Table, seconds: float) -> tuple[float, float]:
    """Packets and bytes a second and node, all headers counted, from now on."""
    before = len(table.sent)
    table.run(seconds)
    sent = [data for _, _, data in table.sent[before:]]
    share = seconds * len(table.seats)
    return len(sent) / share, sum(len(data) + IP_AND_UDP for data in sent) / share


@pytest.mark.parametrize("keyring", [None, KEYS], ids=["clear", "sealed"])
@pytest.mark.parametrize("size", [2, 5, 20])
def test_an_idle_cluster_of_any_size_says_two_short_things_a_second(
    table: Table, size: int, keyring: Keyring | None
) -> None:
    cluster(table, size, keyring=keyring)
    table.run(20)
    packets, size_bytes = costs(table, 20)
    assert packets <= PACKETS_A_SECOND
    assert size_bytes <= BYTES_A_SECOND


@pytest.fixture(scope="module")
def full() -> Table:
    """Three nodes with ten thousand objects, at rest."""
    table = Table()
    cluster(table, 3, objects=10_000)
    table.run(20)
    return table


def test_the_same_with_ten_thousand_objects(full: Table) -> None:
    packets, size_bytes = costs(full, 20)
    assert packets <= PACKETS_A_SECOND
    assert size_bytes <= BYTES_A_SECOND


def test_one_lost_write_of_many_costs_no_descent(full: Table) -> None:
    trie = sum(seat.metrics.repairs["trie"] for seat in full.seats)
    full.lose = lambda sender, receiver, data: kind_of(data) == Kind.PUSH
    full.seats[1].registry.open("set-77", GSet).add("lost")
    before = len(full.sent)
    assert full.run(3, until=full.equal)
    repaired = [d for _, _, d in full.sent[before:] if kind_of(d) in (Kind.WANT, Kind.SYNC)]
    assert sum(seat.metrics.repairs["trie"] for seat in full.seats) == trie
    assert sum(map(len, repaired)) < 2 * 600
    full.lose = lambda sender, receiver, data: False
    full.run(30)


def test_a_thousand_lost_writes_of_ten_thousand_cost_about_their_bytes(full: Table) -> None:
    one = full.seats[1]
    full.cut = lambda sender, receiver: one.address in (sender, receiver)
    for number in range(1000):
        one.registry.open(f"set-{number * 10}", GSet).add("cut off")
    full.run(20)
    full.cut = lambda sender, receiver: False
    before = len(full.sent)
    assert full.run(3, until=full.equal)
    sent = sum(len(data) + IP_AND_UDP for _, _, data in full.sent[before:])
    assert sent < 2 * 400 * 1000  # to each of the two others


def test_a_lone_write_costs_little_more_than_itself(table: Table) -> None:
    seats = cluster(table, 3)
    visits = seats[0].registry.open("visits", PNCounter)
    visits.increment()
    table.run(30)
    before = len(table.sent)
    visits.increment()
    table.run(0.01)
    kinds = [kind_of(data) for _, _, data in table.sent[before:]]
    assert sorted(kinds) == [Kind.PUSH, Kind.PUSH, Kind.ACK, Kind.ACK]
    assert sum(len(data) + IP_AND_UDP for _, _, data in table.sent[before:]) < 2 * 400


def test_many_writes_of_one_object_travel_together(table: Table) -> None:
    seats = cluster(table, 3)
    visits = seats[0].registry.open("visits", PNCounter)
    before = len(table.sent)
    for _ in range(1000):
        visits.increment()
        table.run(0.0001)
    pushes = [data for _, _, data in table.sent[before:] if kind_of(data) == Kind.PUSH]
    assert len(pushes) <= 2 * (0.1 / 0.005 + 2)


class Watching(Table):
    """Notes to whom datagrams went of which the kernel is told that the way is good."""

    def __init__(self) -> None:
        super().__init__()
        self.ways: list[tuple[Address, bool]] = []

    def _carry(self, place: Place, effect: Effect) -> None:
        if isinstance(effect, SendDatagram):
            self.ways.append((effect.address, effect.reached))
        super()._carry(place, effect)


def test_the_kernel_hears_that_the_way_is_good_as_long_as_pings_are_answered() -> None:
    table = Watching()
    *_, last = cluster(table, 3)
    table.run(10)
    table.ways.clear()
    table.run(10)
    assert table.ways
    assert all(reached for _, reached in table.ways)
    table.crash(last)
    table.run(5)
    table.ways.clear()
    table.run(10)
    there = [reached for address, reached in table.ways if address == last.address]
    assert there
    assert not any(there)
