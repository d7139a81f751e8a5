"""Removed objects: the one exception to "nothing is lost", and nothing more than that."""

import pytest

from crdtnode import sim
from crdtnode.sim import Crash, Heal, Isolate, Plan, PlanError, Remove, Restart, World, Write
from crdtnode.sim.on_trio import play
from crdtnode.sim.planted_nodes import removed_while_apart
from crdtnode.sim.selftest import hunt

TAGS = ("gset@1", "tags")


def add(at: float, node: str, element: str) -> Write:
    return Write(at, node, *TAGS, "add", (element,))


def shown(plan: Plan) -> list[set[object]]:
    """What each node shows in the end of a run in which all held."""
    world = World(plan)
    result = world.run()
    assert result.holds, result.explain()
    return [set(getattr(host.registry.look(TAGS), "value", ())) for host in world.hosts]


def test_a_removal_takes_what_its_life_held_seen_or_not_and_a_later_write_begins_anew() -> None:
    unseen = (Isolate(1.5, "c"), Remove(2.5, "a", *TAGS), Heal(3.0))
    before = (add(1.0, "a", "seen"), add(2.0, "c", "unseen"))
    fields = {"seed": 1, "nodes": ("a", "b", "c"), "faults": unseen, "duration": 5.0}
    assert shown(Plan(writes=before, **fields)) == [set()] * 3
    assert shown(Plan(writes=(*before, add(2.7, "b", "new")), **fields)) == [{"new"}] * 3


def test_a_removal_that_only_a_crashed_node_knew_is_on_its_disk() -> None:
    faults = (
        Isolate(1.5, "a"),
        Remove(2.0, "a", *TAGS),
        Crash(2.5, "a"),
        Heal(3.0),
        Restart(3.5, "a", disk="own"),
    )
    plan = Plan(seed=1, nodes=("a", "b", "c"), writes=(add(1.0, "b", "x"),), faults=faults)
    assert shown(plan) == [set()] * 3


def test_a_node_that_stands_still_removes_when_it_goes_on() -> None:
    faults = (sim.Pause(1.5, "a"), Remove(2.0, "a", *TAGS), sim.Resume(3.0, "a"))
    writes = (add(1.0, "b", "seen"), add(2.5, "b", "unseen"))
    plan = Plan(seed=1, nodes=("a", "b"), writes=writes, faults=faults, duration=4.0)
    assert shown(plan) == [set()] * 2


@pytest.mark.parametrize("seed", range(2))
def test_a_plan_with_removals_is_the_same_run_on_both_engines(seed: int) -> None:
    plan = removed_while_apart(seed)
    heap, trio = World(plan, record=True), World(plan, record=True)
    assert heap.run().to_json() == play(trio).to_json()
    removals = [line for line in heap.trace.happenings or [] if "remove" in str(line)]
    assert len(removals) == 2
    assert heap.trace.happenings == trio.trace.happenings


def test_a_node_that_leaves_takes_neither_writes_nor_removals_on_either_engine() -> None:
    plan = Plan(
        seed=1,
        nodes=("a", "b"),
        network=sim.Network(sim.Latency.constant(0.1)),
        writes=(add(1.0, "a", "x"), add(2.05, "a", "late")),
        faults=(sim.Leave(2.0, "a"), Remove(2.1, "a", *TAGS)),
        duration=4.0,
    )
    heap, trio = sim.run(plan), sim.run(plan, on="trio")
    assert heap.holds, heap.explain()
    assert len(heap.refused) == 2
    assert all("this node leaves" in refused for refused in heap.refused)
    assert heap.to_json() == trio.to_json()


def test_some_seeds_draw_removals_which_hold_and_named_trouble_draws_none() -> None:
    plans = [Plan.random(seed=seed, duration=4.0) for seed in range(60)]
    removing = [plan for plan in plans if any(isinstance(f, Remove) for f in plan.faults)]
    assert 3 <= len(removing) <= 15
    for plan in removing[:3]:
        result = sim.run(plan)
        assert result.holds, result.explain()
    named = [Plan.random(seed=plan.seed, duration=4.0, trouble=0) for plan in removing]
    assert not any(isinstance(fault, Remove) for plan in named for fault in plan.faults)


@pytest.mark.parametrize("name", ["ForgivingRegistry", "RevivingRegistry"])
def test_what_comes_back_from_a_life_that_is_over_is_seen(name: str) -> None:
    assert hunt(name).seed is not None


def test_the_type_of_what_is_removed_must_be_known() -> None:
    with pytest.raises(PlanError, match=r"faults\[0\]\.type: no type is registered as 'gst@1'"):
        Plan(seed=1, nodes=("a",), faults=(Remove(1.0, "a", "gst@1", "tags"),))
