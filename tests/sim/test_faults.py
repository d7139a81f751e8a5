"""Every fault does what it says, seen from inside a run on the heap engine."""

from collections.abc import Callable
from typing import Any

import pytest

from crdtnode import sim
from crdtnode.sim import Latency, Link, Plan, World, Write
from crdtnode.sim.agenda import SECOND, nanoseconds
from crdtnode.sim.drawn_faults import CENTURIES

NODES = ("ann", "bob", "cleo", "dan", "eve")
FAST = sim.Network(Latency.constant(0.001))


def increment(at: float, node: str, amount: int = 1) -> Write:
    return Write(at, node, "pncounter@1", "visits", "increment", (amount,))


def values(world: World) -> dict[str, int | None]:
    """The counter on each node: 0 where it has none, None where it is down."""
    found: dict[str, int | None] = {}
    for host in world.hosts:
        state: Any = host.registry.look(("pncounter@1", "visits")) if host.up else None
        found[host.name] = (state.value if state is not None else 0) if host.up else None
    return found


def watched(
    faults: tuple[sim.Fault, ...],
    *at: float,
    writes: tuple[Write, ...] = (increment(1.0, "ann"),),
    look: Callable[[World], Any] = values,
    **plan: Any,
) -> list[Any]:
    """Run a plan that must hold; gives what could be seen at some moments, and at the end."""
    settings = {"seed": 1, "nodes": NODES, "network": FAST, "duration": 8.0, **plan}
    world = World(Plan(writes=writes, faults=faults, **settings))
    seen: list[Any] = []
    for moment in at:
        world.agenda.at(nanoseconds(moment), lambda _: seen.append(look(world)))
    result = world.run()
    assert result.holds, result.explain()
    return [*seen, look(world)]


def who_has_it(world: World) -> str:
    """The initials of the nodes that show the one write."""
    return "".join(name[0] for name, value in values(world).items() if value)


@pytest.mark.parametrize(
    ("fault", "before"),
    [
        (sim.Partition(0.9, (("ann", "bob"), ("cleo", "dan", "eve"))), "ab"),
        (sim.Isolate(0.9, "ann"), "a"),
        (sim.Isolate(0.9, "eve"), "abcd"),
        (sim.Cut(0.9, ("ann",), ("bob", "cleo", "dan", "eve")), "a"),
    ],
)
def test_a_write_stops_at_a_cut_until_the_heal(fault: sim.Fault, before: str) -> None:
    assert watched((fault, sim.Heal(4.0)), 3.9, 7.0, look=who_has_it) == [before, "abcde", "abcde"]


def test_what_a_one_way_cut_lets_through_arrives() -> None:
    cut = sim.Cut(0.9, ("bob", "cleo", "dan", "eve"), ("ann",))
    assert watched((cut,), 1.01, look=who_has_it) == ["abcde", "abcde"]


@pytest.mark.parametrize(
    "fault",
    [
        sim.Bridge(0.9, ("ann", "bob"), ("cleo",), ("dan", "eve")),
        sim.MajorityRing(0.9, NODES),
    ],
)
def test_a_write_goes_round_where_some_node_reaches_both_sides(fault: sim.Fault) -> None:
    assert watched((fault,), 1.004, 7.9, look=who_has_it)[1:] == ["abcde", "abcde"]


def test_a_flapping_partition_is_cut_and_whole_in_turn() -> None:
    flapping = sim.Flapping(1.0, (("ann",), NODES[1:]), down=0.5, up=0.25, times=3)
    moments = (0.9, 1.1, 1.4, 1.6, 1.8, 2.3, 2.6, 2.9, 3.1)
    reached = watched((flapping,), *moments, look=lambda w: w.links.reach("ann", "bob"))
    assert reached[:-1] == [True, False, False, True, False, True, False, False, True]


def test_a_heal_ends_flapping_for_good() -> None:
    flapping = sim.Flapping(1.0, (("ann",), NODES[1:]), down=0.5, up=0.25, times=3)
    reached = watched((flapping, sim.Heal(1.6)), 1.1, 1.8, look=lambda w: w.links.reach.whole)
    assert reached == [False, True, True]


def test_swizzled_nodes_go_off_one_by_one_and_come_back_in_another_order() -> None:
    swizzle = sim.Swizzle(1.0, ("ann", "bob"), ("ann", "bob"), gap=1.0)
    alone = watched(
        (swizzle,),
        *(1.5, 2.5, 3.5, 4.5),
        look=lambda w: [n for n in ("ann", "bob") if not w.links.reach(n, "eve")],
    )
    assert alone == [["ann"], ["ann", "bob"], ["bob"], [], []]


def test_a_changed_link_is_slow_until_the_links_are_restored() -> None:
    slow = sim.Relink(0.9, "ann", "*", Link(Latency.constant(0.5)))
    seen = watched((slow, sim.Restore(3.0)), 1.4, 1.6, look=who_has_it)
    assert seen == ["a", "abcde", "abcde"]


def test_held_packets_arrive_when_they_are_released() -> None:
    faults = (sim.Hold(0.9995, "ann"), sim.Release(1.3))
    assert watched(faults, 1.299, 1.31, look=who_has_it) == ["a", "abcde", "abcde"]


def test_a_heal_lets_held_packets_go() -> None:
    faults = (sim.Hold(0.9995, "ann"), sim.Heal(1.3))
    assert watched(faults, 1.299, 1.31, look=who_has_it) == ["a", "abcde", "abcde"]


def restarted(disk: sim.faults.Disk, *more: sim.Fault, torn: bool = False) -> int | None:
    """What ann shows when she is back, alone: two writes, the second after a backup and more."""
    faults = (
        sim.Isolate(0.5, "ann"),
        sim.Backup(1.5, "ann"),
        *more,
        sim.Crash(3.0, "ann", torn=torn),
        sim.Restart(4.0, "ann", disk=disk),
    )
    writes = (increment(1.0, "ann", 1), increment(2.0, "ann", 10))
    seen: int | None = watched(faults, 4.1, writes=writes)[0]["ann"]
    return seen


def test_a_restarted_node_has_what_its_disk_has() -> None:
    assert restarted("none") == 0
    assert restarted("own") == 11
    assert restarted("backup") == 1


def test_what_a_failing_disk_did_not_take_is_gone_after_the_crash() -> None:
    assert restarted("own", sim.DiskError(1.6, "ann")) == 1
    assert restarted("own", sim.DiskError(1.6, "ann"), sim.DiskMended(2.5, "ann")) == 11


def test_a_torn_write_takes_the_object_that_was_written_last() -> None:
    assert restarted("own", torn=True) == 0
    assert restarted("backup", torn=True) == 1


def test_a_restarted_node_finds_its_peers_without_its_seeds() -> None:
    faults = (sim.Crash(2.0, "ann"), sim.Crash(2.0, "bob"), sim.Restart(3.0, "ann", disk="own"))

    def members(world: World) -> int:
        return sum(m.state == "alive" for m in world.host("ann").engine.members)

    assert watched(faults, 3.5, look=members)[0] == 4  # bob, the other seed, is still down


def test_a_restored_backup_and_a_clone_count_exactly() -> None:
    faults = (
        sim.Backup(1.5, "ann"),
        sim.Crash(2.5, "ann"),
        sim.Restart(3.0, "ann", disk="backup"),
        sim.Clone(3.5, "eve", of="ann"),
    )
    writes = tuple(
        increment(at, node, amount)
        for at, node, amount in ((1, "ann", 1), (2, "ann", 10), (4, "ann", 100), (4, "eve", 1000))
    )
    seen = watched(faults, 2.4, writes=writes)
    assert seen[0] == {"ann": 11, "bob": 11, "cleo": 11, "dan": 11, "eve": None}
    assert seen[1] == dict.fromkeys(NODES, 1111)


def test_a_clone_wants_the_name_of_its_original_and_gets_another() -> None:
    faults = (sim.Clone(2.0, "eve", of="ann"),)
    (names,) = watched(faults, look=lambda w: sorted(host.engine.name for host in w.hosts))
    assert names[0] == "ann"
    assert names[1].startswith("ann~")


def test_a_node_that_joins_is_not_there_before() -> None:
    seen = watched((sim.Join(3.0, "eve"),), 2.9, 4.0)
    assert [one["eve"] for one in seen] == [None, 1, 1]


def test_a_node_that_leaves_says_so_and_does_not_come_back() -> None:
    def states(world: World) -> set[str]:
        return {m.state for host in world.up for m in host.engine.members if m.name == "eve"}

    seen = watched((sim.Leave(3.0, "eve"),), 2.9, 4.0, look=lambda w: (len(w.up), states(w)))
    assert seen == [(5, {"alive"}), (4, {"left"}), (4, {"left"})]


def test_a_paused_process_takes_in_what_waited_when_it_goes_on() -> None:
    faults = (sim.Pause(0.9, "eve"), sim.Resume(2.0, "eve"))
    assert watched(faults, 1.9, 2.1, look=who_has_it) == ["abcd", "abcde", "abcde"]


def test_a_write_to_a_paused_process_happens_when_it_goes_on() -> None:
    faults = (sim.Pause(0.9, "ann"), sim.Resume(2.0, "ann"))
    assert watched(faults, 1.9, 2.1, look=who_has_it) == ["", "abcde", "abcde"]


def test_only_so_many_datagrams_wait_for_a_process() -> None:
    world = World(Plan(seed=1, nodes=("ann", "bob"), duration=1.0))
    ann, bob = world.hosts
    ann.start(1)
    ann.pause()
    for number in range(1000):
        ann.datagram(bob, b"x", number)
    ann.resume()
    while world.agenda.run(SECOND // 1000):
        pass
    assert sum(ann.metrics.dropped.values()) == 256


def test_a_slow_process_is_behind_what_arrives() -> None:
    faults = (sim.Slow(0.9, "eve", per_call=0.05), sim.Slow(5.0, "eve", per_call=0.0))
    writes = tuple(increment(1.0 + n / 100, "ann") for n in range(20))
    seen = watched(faults, 1.25, 4.9, writes=writes)
    assert seen[0]["dan"] == 20
    assert 0 < seen[0]["eve"] < 12
    assert seen[1]["eve"] == 20


def clocks(world: World) -> list[int]:
    """Seconds by which each wall clock is ahead."""
    return [
        round((h.wall_clock() - 1_700_000_000_000) / 1000 - world.agenda.now / SECOND)
        for h in world.hosts
    ]


def test_wall_clocks_jump_and_run_wrong() -> None:
    faults = (
        sim.ClockJump(1.0, "ann", by=3600.0),
        sim.ClockJump(2.0, "ann", by=-7200.0),
        sim.ClockRate(1.0, "bob", rate=3.0),
        sim.ClockRate(3.0, "bob", rate=0.0),
    )
    seen = watched(faults, 1.5, 2.5, 5.0, look=clocks)
    assert [one[:3] for one in seen[:3]] == [[3600, 1, 0], [-3600, 3, 0], [-3600, 2, 0]]


def test_a_write_under_a_clock_of_the_past_still_beats_what_its_writer_saw() -> None:
    def assign(at: float, node: str, value: str) -> Write:
        return Write(at, node, "lwwregister@1", "title", "assign", (value,))

    def titles(world: World) -> set[Any]:
        return {host.registry.look(("lwwregister@1", "title")).value for host in world.up}  # type: ignore[union-attr]

    faults = (sim.ClockJump(0.5, "ann", by=3600.0), sim.ClockJump(0.5, "bob", by=-3600.0))
    writes = (assign(1.0, "ann", "early"), assign(2.0, "bob", "late"))
    assert watched(faults, writes=writes, look=titles) == [{"late"}]


def test_where_bits_flip_nothing_gets_in_but_what_was_sent() -> None:
    world = World(
        Plan(
            seed=1,
            nodes=NODES,
            network=sim.Network(Latency.constant(0.001), corrupt=0.2),
            writes=tuple(increment(1.0 + n / 10, NODES[n % 5]) for n in range(40)),
            duration=8.0,
        )
    )
    result = world.run()
    assert result.holds, result.explain()
    assert set(values(world).values()) == {40}
    assert sum(host.metrics.dropped["forged"] for host in world.hosts) > 20


def test_a_cluster_behind_a_narrow_and_lossy_network_converges() -> None:
    network = sim.Network(Latency.lognormal(0.005, 0.05), 0.1, 0.1, 0.1, bandwidth=20_000.0)
    writes = tuple(increment(1.0 + n / 10, NODES[n % 5]) for n in range(40))
    assert watched((), writes=writes, network=network)[-1] == dict.fromkeys(NODES, 40)


def test_the_end_of_the_first_phase_ends_all_that_a_heal_does_not() -> None:
    faults = (
        sim.Pause(5.0, "ann"),
        sim.Slow(5.0, "bob", per_call=0.5),
        sim.Relink(5.0, link=Link(loss=0.99)),
        sim.Hold(6.0, "cleo"),
        sim.Crash(7.0, "dan"),
    )
    writes = tuple(increment(4.0 + n / 10, NODES[n % 3]) for n in range(30))
    watched(faults, writes=writes)


def test_a_node_whose_clock_is_past_the_last_stamp_stays_a_member_and_may_write() -> None:
    motto = ("lwwregister@1", "motto", "assign")

    def look(world: World) -> Any:
        dropped = {reason for host in world.hosts for reason in host.metrics.dropped}
        held = {host.registry.look(motto[:2]).value for host in world.hosts}  # type: ignore[union-attr]
        return held, dropped, {member.state for member in world.hosts[1].engine.members}

    (end,) = watched(
        (sim.ClockJump(1.0, "ann", by=CENTURIES),),
        writes=(
            Write(6.0, "ann", *motto, ("from afar",)),
            Write(7.0, "bob", *motto, ("the last",)),
        ),
        network=sim.Network(Latency.constant(0.001), corrupt=1e-9),  # so that all is decoded
        look=look,
    )
    assert end == ({"the last"}, set(), {"alive"})
