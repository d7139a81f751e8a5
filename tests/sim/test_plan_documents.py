import json
from typing import Any

import pytest

from crdtnode import sim
from crdtnode.sim import Latency, Link, Plan, PlanError

AB, C = ("a", "b"), ("c",)

EVERY_FAULT = (
    sim.Partition(1.0, (AB, C)),
    sim.Isolate(1.1, "a"),
    sim.Bridge(1.2, ("a",), ("b",), C),
    sim.MajorityRing(1.3, ("a", "b", "c", "d")),
    sim.Cut(1.4, ("a",), ("b", "c")),
    sim.Flapping(1.5, (AB, C), down=0.1, up=0.2, times=3),
    sim.Swizzle(1.6, ("a", "b"), ("b", "a"), gap=0.3),
    sim.Heal(2.0),
    sim.Relink(2.1, "a", "*", Link(Latency.lognormal(0.02, 0.1), 0.1, 0.2, 0.3, 0.4, 1e6, 500)),
    sim.Restore(2.2),
    sim.Hold(2.3, "a", "b"),
    sim.Release(2.4),
    sim.Crash(2.5, "a", torn=True),
    sim.Restart(2.6, "a", disk="backup"),
    sim.Backup(2.7, "a"),
    sim.Clone(2.8, "c", of="a"),
    sim.Join(2.9, "b"),
    sim.Leave(3.0, "b"),
    sim.Pause(3.1, "c"),
    sim.Resume(3.2, "c"),
    sim.Slow(3.3, "c", per_call=0.01),
    sim.ClockJump(3.4, "c", by=-3600.0),
    sim.ClockRate(3.5, "c", rate=1.01),
    sim.DiskError(3.6, "c"),
    sim.DiskMended(3.7, "c"),
    sim.Remove(3.8, "c", "gset@1", "tags"),
)

PLAN = Plan(
    seed=7,
    nodes=("a", "b", "c", "d"),
    network=sim.Network(
        Latency.empirical([0.001, 0.1 / 3, 0.002]),
        loss=0.1,
        links=(sim.Between("a", "*", Link(Latency.constant(1 / 3), mtu=600)),),
    ),
    writes=(
        sim.Write(0.1 + 0.2, "a", "orset@1", "tags", "add", (("x", 2),), flush=True),
        sim.Write(1.0, "a", "gset@1", "tags", "update", ([1, True, 1.0, "1", None],)),
        sim.Write(2.0, "b", "lwwregister@1", "it", "assign", ({"k": (1, [float("inf")])},)),
    ),
    faults=EVERY_FAULT,
    duration=4.0,
    bound=3.0,
    expect=sim.Expectations(
        finals=(sim.Final("gset@1", "tags", [1, ("x",)]),),
        converged_within=2.5,
        violated=("converged",),
    ),
)


def again(plan: Plan) -> Plan:
    """The plan after a way through text."""
    return Plan.from_json(json.loads(json.dumps(plan.to_json(), allow_nan=False)))


def test_a_plan_with_every_fault_comes_back_equal_from_its_json_text() -> None:
    assert {type(fault) for fault in EVERY_FAULT} == set(sim.Fault.__args__)
    assert again(PLAN) == PLAN
    assert repr(again(PLAN)) == repr(PLAN)  # tuple and list, 1 and True and 1.0 are kept apart


@pytest.mark.parametrize("seed", range(20))
def test_drawn_plans_come_back_equal_and_as_the_same_run(seed: int) -> None:
    plan = Plan.random(seed=seed, duration=2.0, bound=5.0, loss=0.1 / 3)
    assert again(plan) == plan
    assert again(plan).replay() == plan.replay()


def test_a_plan_that_came_back_is_the_same_run() -> None:
    plan = Plan.random(seed=3, duration=2.0)
    assert sim.run(again(plan)).trace_hash == sim.run(plan).trace_hash


def test_what_has_its_default_is_left_out() -> None:
    assert Plan(seed=1, nodes=("a",)).to_json() == {
        "format": "crdtnode plan",
        "version": 1,
        "seed": 1,
        "nodes": ["a"],
    }


def test_people_may_write_latencies_and_whole_numbers_as_they_like() -> None:
    document = {**PLAN.to_json(), "duration": 4, "network": {"latency": "1-20ms"}}
    plan = Plan.from_json(document)
    assert plan.network == sim.Network(Latency.uniform(0.001, 0.02))
    assert plan.duration == 4.0


def changed(path: str, value: object) -> dict[str, object]:
    """A good document with one value in it replaced."""
    document: Any = json.loads(json.dumps(PLAN.to_json()))
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    inner = document
    for step in way:
        inner = inner[step]
    inner[last] = value
    return document  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("format", "plan", "'format' must say 'crdtnode plan'"),
        ("version", 2, "version 2; this crdtnode reads version 1"),
        ("nodse", 1, "nodse is unknown; did you mean 'nodes'"),
        ("seed", "7", "seed must be a whole number, not '7'"),
        ("seed", True, "seed must be a whole number, not True"),
        ("nodes", "abc", "nodes must be a list, not 'abc'"),
        ("faults.0.kind", "partitoin", r"faults\[0\].kind: 'partitoin' .* mean 'partition'"),
        ("faults.3", "heal", r"faults\[3\] must be an object with the key 'kind'"),
        ("faults.12.node", "e", r"faults\[12\]: no node is called 'e'"),
        ("faults.12.torn", 1, r"faults\[12\].torn must be true or false, not 1"),
        ("faults.13.disk", "old", r"faults\[13\].disk: 'old' is unknown; there are none"),
        ("faults.20", {"kind": "slow", "at": 1, "node": "a"}, r"faults\[20\].per_call is missing"),
        ("faults.8.link.loss", 2, r"faults\[8\].link.loss must be a share"),
        ("network.latency", "5 parsecs", "network.latency: '5 parsecs' is no latency"),
        ("network.links.0.source", "zoe", r"network.links\[0\]: no node is called 'zoe'"),
        ("writes.0.args", [{"tupel": []}], r"writes\[0\].args\[0\]: an object here has one key"),
        ("writes.0.args", [{"dict": 5}], r"writes\[0\].args\[0\]: an object here has one key"),
        ("writes.1", 5, r"writes\[1\] must be an object, not 5"),
        ("expect.finals.0.type", "gste@1", r"expect.finals\[0\].type: no type .* 'gste@1'"),
    ],
)
def test_a_document_that_makes_no_sense_is_refused_with_the_place(
    path: str, value: object, message: str
) -> None:
    with pytest.raises(PlanError, match=message):
        Plan.from_json(changed(path, value))


@pytest.mark.parametrize("document", [None, 5, [], {}, "plan"])
def test_what_is_no_plan_at_all_is_refused(document: object) -> None:
    with pytest.raises(PlanError, match="this is no plan"):
        Plan.from_json(document)


def test_a_value_that_no_file_can_hold_is_refused() -> None:
    plan = Plan(seed=1, nodes=("a",), writes=(sim.Write(1, "a", "gset@1", "x", "add", (b"x",)),))
    with pytest.raises(PlanError, match="b'x' cannot be written"):
        plan.to_json()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (sim.Flapping(1, (AB, C), down=-1, up=1), "down"),
        (sim.Flapping(1, (AB, C), down=1, up=1, times=0), "times"),
        (sim.Flapping(1, (AB, C), down=1, up=1, times=19), "its end, is 38"),
        (sim.Swizzle(1, ("a",), ("b",), gap=0.1), "the same nodes"),
        (sim.Swizzle(1, ("a",), ("a",), gap=float("nan")), "gap"),
        (sim.MajorityRing(1, ("a", "b")), "at least 4"),
        (sim.Slow(1, "a", per_call=-0.1), "per_call"),
        (sim.ClockRate(1, "a", rate=float("inf")), "rate"),
        (sim.Clone(1, "a", of="a"), "two"),
        (sim.Relink(1, "a", "zoe"), "'zoe'"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(fault: sim.Fault, message: str) -> None:
    with pytest.raises(PlanError, match=rf"faults\[0\].*{message}"):
        Plan(seed=1, nodes=("a", "b", "c"), faults=(fault,))


def test_a_node_joins_once() -> None:
    with pytest.raises(PlanError, match="joins twice"):
        Plan(seed=1, nodes=("a", "b"), faults=(sim.Join(1, "b"), sim.Join(2, "b")))
    assert PLAN.latecomers == ("c", "b")


def test_every_fault_says_in_words_what_it_does() -> None:
    texts = {str(fault) for fault in EVERY_FAULT}
    assert len(texts) == len(EVERY_FAULT)
    assert "torn crash of a at 2.500000 s" in texts
    assert "cut a -> b c at 1.400000 s" in texts


def test_halves_and_majorities_are_made_of_the_nodes_in_their_order() -> None:
    assert sim.Partition.halves(1, "abcde").groups == (("a", "b"), ("c", "d", "e"))
    assert sim.Partition.majority(1, "abcd").groups == (("a",), ("b", "c", "d"))
