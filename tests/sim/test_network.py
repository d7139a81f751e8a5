from crdtnode.sim import Latency, Network
from crdtnode.sim.network import Links


def links(**network: object) -> Links:
    return Links(7, Network(**network))


def test_a_link_decides_the_same_whatever_happens_on_others() -> None:
    alone, busy = links(loss=0.3, duplicate=0.3), links(loss=0.3, duplicate=0.3)
    expected = [alone.datagram("a", "b") for _ in range(50)]
    decided = []
    for _ in range(50):
        busy.datagram("b", "a")
        decided.append(busy.datagram("a", "b"))
        busy.segment("a", "b")
    assert decided == expected


def test_another_seed_decides_otherwise() -> None:
    one, other = Links(1, Network()), Links(2, Network())
    assert [one.datagram("a", "b") for _ in range(5)] != [
        other.datagram("a", "b") for _ in range(5)
    ]


def test_loss_and_duplication_have_their_shares() -> None:
    network = links(loss=0.2, duplicate=0.1)
    copies = [len(network.datagram("a", "b")) for _ in range(10_000)]
    assert 1850 < copies.count(0) < 2150
    assert 700 < copies.count(2) < 900


def test_packets_overtake_each_other_where_latency_varies() -> None:
    network = links(latency=Latency.uniform(0.001, 0.05))
    waits = [wait for _ in range(20) for wait in network.datagram("a", "b")]
    assert waits != sorted(waits)


def test_a_stream_pays_for_a_lost_piece_with_time() -> None:
    network = links(latency=Latency.constant(0.001), loss=0.5)
    waits = {network.segment("a", "b") for _ in range(200)}
    assert {1_000_000, 201_000_000, 601_000_000} <= waits


def test_a_partition_lets_only_groups_talk_until_the_heal() -> None:
    network = links()
    network.partition((("a", "b"), ("c",)))
    assert network.reaches("a", "b")
    assert not network.reaches("a", "c")
    assert not network.whole
    network.heal()
    assert network.reaches("a", "c")
    assert network.whole


def test_nodes_that_no_group_names_are_a_group_too() -> None:
    network = links()
    network.partition((("a",),))
    assert network.reaches("b", "c")
    assert not network.reaches("a", "b")
