from crdtnode.sim import Between, Latency, Link, Network, Relink
from crdtnode.sim.agenda import SECOND
from crdtnode.sim.network import Links, flipped


def links(**network: object) -> Links:
    return Links(7, Network(**network))


def test_a_link_decides_the_same_whatever_happens_on_others() -> None:
    alone, busy = links(loss=0.3, duplicate=0.3), links(loss=0.3, duplicate=0.3)
    expected = [alone.way("a", "b").datagram(b"x", 0) for _ in range(50)]
    decided = []
    for _ in range(50):
        busy.way("b", "a").datagram(b"x", 0)
        decided.append(busy.way("a", "b").datagram(b"x", 0))
        busy.segment("a", "b", 1, 0)
    assert decided == expected


def test_another_seed_decides_otherwise() -> None:
    one, other = Links(1, Network()), Links(2, Network())
    assert [one.way("a", "b").datagram(b"x", 0) for _ in range(5)] != [
        other.way("a", "b").datagram(b"x", 0) for _ in range(5)
    ]


def test_loss_and_duplication_have_their_shares() -> None:
    network = links(loss=0.2, duplicate=0.1)
    copies = [len(network.way("a", "b").datagram(b"x", 0)) for _ in range(10_000)]
    assert 1850 < copies.count(0) < 2150
    assert 700 < copies.count(2) < 900


def test_packets_overtake_each_other_where_latency_varies() -> None:
    network = links(latency=Latency.uniform(0.001, 0.05))
    waits = [wait for _ in range(20) for wait, _ in network.way("a", "b").datagram(b"x", 0)]
    assert waits != sorted(waits)


def test_a_stream_pays_for_a_lost_piece_with_time() -> None:
    network = links(latency=Latency.constant(0.001), loss=0.5)
    waits = {network.segment("a", "b", 1, 0) for _ in range(200)}
    assert {1_000_000, 201_000_000, 601_000_000} <= waits


def arrivals(count: int = 1, size: int = 100, now: int = 0, **network: object) -> list[int]:
    """When datagrams sent at one moment arrive."""
    made = links(**network)
    sent = (made.way("a", "b").datagram(bytes(size), now) for _ in range(count))
    return [wait for copies in sent for wait, _ in copies]


def test_a_reordered_datagram_is_overtaken_by_later_ones() -> None:
    waits = arrivals(1000, latency=Latency.constant(0.001), reorder=0.2)
    assert set(waits) == {1_000_000, 11_000_000}
    assert 150 < waits.count(11_000_000) < 250


def test_bandwidth_makes_datagrams_queue_and_a_second_of_queue_is_the_most() -> None:
    waits = arrivals(30, size=100, latency=Latency.constant(0.0), bandwidth=1000.0)
    assert waits == [n * 100_000_000 for n in range(1, 11)]


def test_a_queue_empties_with_time() -> None:
    made = links(latency=Latency.constant(0.0), bandwidth=1000.0)
    waits = [made.way("a", "b").datagram(bytes(100), second * SECOND)[0][0] for second in range(3)]
    assert waits == [100_000_000] * 3
    assert made.segment("a", "b", 500, 3 * SECOND) == 500_000_000


def test_datagrams_longer_than_the_mtu_vanish() -> None:
    assert len(arrivals(10, size=500, mtu=500)) == 10
    assert arrivals(10, size=501, mtu=500) == []


def test_a_corrupted_datagram_differs_in_one_byte() -> None:
    made = links(corrupt=0.3)
    came = [made.way("a", "b").datagram(bytes(100), 0)[0][1] for _ in range(1000)]
    damaged = [data for data in came if data != bytes(100)]
    assert 240 < len(damaged) < 360
    assert {sum(map(bool, data)) for data in damaged} == {1}
    assert {len(data) for data in came} == {100}
    assert flipped(b"", 5) == b""


def test_pieces_of_a_stream_are_damaged_too() -> None:
    made = links(corrupt=0.5)
    joined = [b"".join(made.cut("a", "b", bytes(50))) for _ in range(100)]
    assert 30 < sum(data != bytes(50) for data in joined) < 70


def test_of_the_rules_that_fit_a_link_the_last_one_counts() -> None:
    slow, lossy = Link(Latency.constant(1.0)), Link(Latency.constant(0.5))
    made = links(
        latency=Latency.constant(0.0), links=(Between("a", "*", slow), Between("*", "c", lossy))
    )
    ways = {
        ends: made.way(*ends).datagram(b"", 0)[0][0]
        for ends in (("a", "b"), ("a", "c"), ("b", "a"))
    }
    assert list(ways.values()) == [SECOND, SECOND // 2, 0]


def test_links_change_and_are_restored() -> None:
    made = links(latency=Latency.constant(0.0))
    assert made.way("a", "b").datagram(b"", 0)[0][0] == 0
    made.relink(Relink(0, "a", "b", Link(Latency.constant(1.0))))
    assert made.changed
    assert [made.way(*ends).datagram(b"", 0)[0][0] for ends in (("a", "b"), ("b", "a"))] == [
        SECOND,
        0,
    ]
    made.restore()
    assert made.way("a", "b").datagram(b"", 0)[0][0] == 0
    assert not made.changed
