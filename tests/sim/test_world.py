"""What happens in a run: faults, the two phases, and what the result says."""

from dataclasses import replace
from typing import Any

from crdt import LWWRegister, PNCounter
from crdt.catalogue import register
from crdtnode import sim
from crdtnode.protocol import Engine
from crdtnode.sim import Crash, Heal, Latency, Network, Partition, Plan, Restart, Write
from crdtnode.sim.world import World

NODES = ("ann", "bob", "cleo")


def increment(at: float, node: str, amount: int) -> Write:
    return Write(at, node, "pncounter@1", "visits", "increment", (amount,))


def plan(*writes: Write, faults: tuple[sim.Fault, ...] = (), **fields: Any) -> Plan:
    return Plan(
        **{"seed": 1, "nodes": NODES, "duration": 6.0, **fields}, writes=writes, faults=faults
    )


def visits(world: World) -> list[int]:
    counters = [host.registry.get("pncounter@1", "visits") for host in world.hosts]
    return [counter.value for counter in counters if isinstance(counter, PNCounter)]


def test_writes_of_all_nodes_come_together() -> None:
    world = World(plan(increment(1, "ann", 3), increment(2, "bob", 4), increment(3, "cleo", 5)))
    result = world.run()
    assert result.holds, result.explain()
    assert visits(world) == [12, 12, 12]
    assert result.converged_after_s == 0.0


def test_nodes_of_a_partition_know_only_their_own_until_the_heal() -> None:
    cut = Partition(1.0, (("ann", "bob"), ("cleo",)))
    world = World(plan(increment(2, "ann", 3), increment(2, "cleo", 4), faults=(cut,)))
    seen = []
    world.agenda.at(5_900_000_000, lambda at: seen.extend(visits(world)))
    result = world.run()
    assert result.holds, result.explain()
    assert seen == [3, 3, 4]
    assert visits(world) == [7, 7, 7]
    assert result.converged_after_s is not None
    assert result.converged_after_s > 0


def test_a_heal_in_the_plan_ends_a_partition() -> None:
    faults = (Partition(1.0, (("ann",), ("bob", "cleo"))), Heal(3.0))
    world = World(plan(increment(2, "ann", 3), faults=faults, duration=10.0))
    seen = []
    world.agenda.at(9_000_000_000, lambda at: seen.extend(visits(world)))
    assert world.run().holds
    assert seen == [3, 3, 3]


def test_what_only_a_crashed_node_knew_is_gone_everywhere() -> None:
    faults = (Partition(1.0, (("ann",), ("bob", "cleo"))), Crash(3.0, "ann"))
    world = World(plan(increment(2, "ann", 3), increment(2, "bob", 4), faults=faults))
    result = world.run()
    assert result.holds, result.explain()
    assert visits(world) == [4, 4, 4]


def test_what_another_node_has_taken_in_outlives_the_crash() -> None:
    faults = (Crash(3.0, "ann"), Restart(4.0, "ann"))
    world = World(plan(increment(2, "ann", 3), increment(5, "ann", 4), faults=faults))
    assert world.run().holds
    assert visits(world) == [7, 7, 7]
    assert world.hosts[0].lives == 2


def test_a_restarted_node_acts_under_a_fresh_replica_id() -> None:
    faults = (Crash(3.0, "ann"), Restart(4.0, "ann"))
    world = World(plan(increment(2, "ann", 3), increment(5, "ann", 4), faults=faults))
    world.run()
    (counter, *_) = (host.registry.get("pncounter@1", "visits") for host in world.hosts)
    assert counter is not None
    assert sorted(up for up, _ in counter.payload.values()) == [3, 4]


def test_a_write_to_a_node_that_is_down_does_not_happen() -> None:
    world = World(plan(increment(4, "ann", 3), faults=(Crash(3.0, "ann"),)))
    result = world.run()
    assert result.holds
    assert result.counts["updates"] == 0
    assert visits(world) == []


def test_crashing_what_is_down_and_starting_what_is_up_changes_nothing() -> None:
    faults = (Restart(1.0, "ann"), Crash(2.0, "ann"), Crash(3.0, "ann"))
    world = World(plan(faults=faults))
    assert world.run().holds
    assert world.hosts[0].lives == 2


def test_a_write_that_the_type_refuses_is_no_update() -> None:
    writes = [
        Write(1.0 + n, "ann", "twopset@1", "once", method, ("x",))
        for n, method in enumerate(("add", "discard", "add"))
    ]
    result = sim.run(plan(*writes))
    assert result.holds
    assert result.counts["updates"] == 2


def test_two_writes_at_one_moment_have_equal_stamps_and_one_winner() -> None:
    writes = [Write(2.0, n, "lwwregister@1", "title", "assign", (n,)) for n in NODES]
    world = World(plan(*writes, network=Network(Latency.constant(0.001))))
    assert world.run().holds
    registers = [host.registry.get("lwwregister@1", "title") for host in world.hosts]
    values = {register.value for register in registers if isinstance(register, LWWRegister)}
    assert len(values) == 1
    assert {update.delta.payload[0][0] for update in world.ledger.updates} == {1_700_000_002_000}


def test_no_message_arrives_where_nearly_all_are_lost() -> None:
    result = sim.run(plan(increment(1, "ann", 3), network=Network(loss=1 - 1e-9), bound=3.0))
    assert result.violated == ("converged",)
    assert "never there: update 1 (ann: pncounter@1/visits.increment(3)" in result.explain()


def test_the_same_plan_with_one_event_less_is_the_same_run_up_to_there() -> None:
    whole = plan(increment(1, "ann", 3), increment(4, "bob", 4))
    runs = []
    for one in (whole, replace(whole, writes=whole.writes[:1])):
        world = World(one, record=True)
        world.run()
        runs.append([h for h in world.trace.happenings or [] if h.moment < 4_000_000_000])
    assert runs[0] == runs[1]
    assert len(runs[0]) > 20


def test_one_node_alone_holds_what_it_wrote() -> None:
    world = World(Plan(seed=1, nodes=("ann",), writes=(increment(1, "ann", 3),), duration=3.0))
    assert world.run().holds
    assert visits(world) == [3]


def test_an_engine_that_raises_ends_the_run_and_is_shown() -> None:
    class Raising(Engine):
        def wake(self, now: float) -> None:
            raise IndexError("7 is not in the table")

    result = sim.run(plan(), engine=Raising)
    assert result.violated == ("nothing-raised",)
    assert "IndexError: 7 is not in the table" in result.explain()
    assert result.to_json()["checks"]["converged"] == "unknown"


def test_an_engine_that_spins_ends_the_run_with_an_unknown_verdict() -> None:
    class Spinning(Engine):
        @property
        def deadline(self) -> float:
            return 0.0

        def wake(self, now: float) -> None:
            pass

    result = sim.run(plan(duration=2.0, bound=1.0), engine=Spinning)
    assert result.verdict is sim.Verdict.UNKNOWN
    assert "something spins" in result.explain()


def test_a_plan_may_end_before_all_nodes_have_begun() -> None:
    slow = Network(latency=Latency.parse("1-20ms"))
    result = sim.run(plan(network=slow, nodes=tuple("abcdefgh"), duration=0.001))
    assert result.holds, result.explain()


def test_a_node_may_crash_and_restart_before_it_has_begun() -> None:
    faults = (Crash(0.0, "cleo"), Restart(0.0001, "cleo"))
    world = World(plan(increment(1, "cleo", 3), faults=faults))
    assert world.run().holds
    assert world.host("cleo").lives == 1


@register
class Silent(PNCounter):
    """Says nothing of what it does."""

    def bump(self) -> None:
        """Count one more."""


def test_a_type_that_gives_no_delta_is_shown() -> None:
    result = sim.run(plan(Write(1.0, "ann", "silent@1", "visits", "bump")))
    assert "silent@1.bump gave no delta" in result.explain()


def test_progress_is_told_now_and_then() -> None:
    told: list[tuple[float, int]] = []
    sim.run(Plan.random(seed=1), progress=lambda now, roots: told.append((now, roots)))
    assert len(told) >= 2
    assert told == sorted(told, key=lambda one: one[0])
    assert all(1 <= roots <= 5 for _, roots in told)
