from itertools import product

from crdtnode.sim import Bridge, Isolate, MajorityRing, Partition
from crdtnode.sim.reach import Reach

NODES = "abcde"


def pairs(reach: Reach) -> set[str]:
    """Whoever reaches whom, without themselves, such as ``ab``."""
    return {s + t for s, t in product(NODES, NODES) if s != t and reach(s, t)}


def both(*ways: str) -> set[str]:
    return {way for pair in ways for way in (pair, pair[::-1])}


def test_a_partition_lets_only_groups_talk_and_the_unnamed_are_one() -> None:
    reach = Reach()
    reach.divide(Partition(0, (("a", "b"), ("c",))))
    assert pairs(reach) == both("ab", "de")
    reach.heal()
    assert reach.whole
    assert len(pairs(reach)) == 20


def test_an_isolated_node_reaches_nobody() -> None:
    reach = Reach()
    reach.divide(Isolate(0, "a"))
    assert pairs(reach) == both("bc", "bd", "be", "cd", "ce", "de")


def test_over_a_bridge_the_sides_do_not_reach_each_other() -> None:
    reach = Reach()
    reach.divide(Bridge(0, ("a", "b"), ("c",), ("d", "e")))
    assert pairs(reach) == both("ab", "ac", "bc", "cd", "ce", "de")


def test_on_a_ring_everybody_reaches_another_majority() -> None:
    reach = Reach()
    reach.divide(MajorityRing(0, tuple(NODES)))
    seen = [{node, *(t for t in NODES if reach(node, t))} for node in NODES]
    assert [len(group) for group in seen] == [3] * 5
    assert len({frozenset(group) for group in seen}) == 5


def test_a_later_partition_takes_the_place_of_the_earlier_one() -> None:
    reach = Reach()
    reach.divide(Isolate(0, "a"))
    reach.divide(Isolate(0, "b"))
    assert reach("a", "c")
    assert not reach("b", "c")


def test_a_cut_is_one_way_and_stays_when_a_partition_ends() -> None:
    reach = Reach()
    reach.cut(("a",), ("b", "a"))
    reach.divide(Isolate(0, "c"))
    reach.join()
    assert not reach("a", "b")
    assert reach("b", "a")
    assert len(pairs(reach)) == 19


def test_nodes_go_off_and_come_back_one_by_one() -> None:
    reach = Reach()
    reach.turn_off("a")
    reach.turn_off("b")
    reach.turn_on("a")
    assert reach("a", "c")
    assert not reach("b", "c")
    reach.turn_on("b")
    assert reach.whole


def test_what_is_held_goes_on_in_order_when_it_is_released() -> None:
    reach = Reach()
    reach.hold("a", "*")
    reach.hold("*", "b")
    order: list[int] = []
    assert reach.holds("a", "c")
    assert not reach.holds("c", "a")
    reach.keep("a", "c", lambda: order.append(1))
    reach.keep("a", "b", lambda: order.append(2))
    reach.keep("a", "c", lambda: order.append(3))
    reach.release("a", "*")
    assert order == [1, 3]  # what goes to b is held by the other hold
    assert not reach.whole
    reach.heal()
    assert order == [1, 3, 2]
    assert reach.whole
