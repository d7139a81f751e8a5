from dataclasses import replace
import pickle

import pytest

from crdt import GCounter
from crdtnode import sim
from crdtnode.sim import (
    Crash,
    Heal,
    Latency,
    Network,
    Partition,
    Plan,
    PlanError,
    Restart,
    Write,
)

NODES = ("ann", "bob", "cleo")
INCREMENT = Write(1.0, "ann", "gcounter@1", "visits", "increment", (1,))


def test_a_drawn_plan_is_the_same_for_the_same_seed() -> None:
    assert Plan.random(seed=3) == Plan.random(seed=3)
    assert Plan.random(seed=3) != Plan.random(seed=4)


def test_a_plan_travels_between_processes() -> None:
    plan = Plan.random(seed=3)
    assert pickle.loads(pickle.dumps(plan)) == plan


def test_fixing_one_part_of_a_drawn_plan_leaves_the_others_alone() -> None:
    drawn, fixed = Plan.random(seed=5), Plan.random(seed=5, loss=0.5, crashes=0)
    assert fixed.writes == drawn.writes
    assert fixed.network == replace(drawn.network, loss=0.5)
    assert [f for f in fixed.faults if isinstance(f, Partition | Heal)] == [
        f for f in drawn.faults if isinstance(f, Partition | Heal)
    ]


def test_what_is_given_is_what_the_plan_has() -> None:
    plan = Plan.random(
        seed=1,
        nodes=7,
        duration=30,
        writes=99,
        types=[GCounter],
        latency=Latency.constant(0.01),
        loss=0.25,
        duplicate=0.5,
        partition="halves",
        crashes=3,
        trouble=0,
    )
    assert plan.nodes == ("n1", "n2", "n3", "n4", "n5", "n6", "n7")
    assert len(plan.writes) == 99
    assert {write.type for write in plan.writes} == {"gcounter@1"}
    assert plan.network == Network(Latency.constant(0.01), 0.25, 0.5)
    assert [len(group) for f in plan.faults if isinstance(f, Partition) for group in f.groups] == [
        3,
        4,
    ]
    assert sum(isinstance(fault, Crash) for fault in plan.faults) == 3
    assert sum(isinstance(fault, Restart) for fault in plan.faults) == 3


def test_a_given_partition_lasts_from_a_quarter_of_the_time_to_its_end() -> None:
    plan = Plan.random(seed=1, duration=40, partition="halves", crashes=0, trouble=0)
    (fault,) = plan.faults
    assert isinstance(fault, Partition)
    assert fault.at == 10
    assert len(fault.groups[0]) == 2


@pytest.mark.parametrize("partition", sim.PARTITIONS[1:])
@pytest.mark.parametrize("nodes", [2, 3, 7])
def test_every_kind_of_cut_can_be_drawn_for_few_nodes(partition: str, nodes: int) -> None:
    faults = Plan.random(seed=1, nodes=nodes, partition=partition, crashes=0, trouble=0).faults
    assert len(faults) == 1
    assert not isinstance(faults[0], Crash | Heal)


def test_seeds_differ_in_which_faults_happen_at_all() -> None:
    plans = [Plan.random(seed=seed) for seed in range(60)]
    for kind in (Partition, Crash):
        with_it = sum(any(isinstance(f, kind) for f in plan.faults) for plan in plans)
        assert 15 < with_it < 55, kind
    assert {plan.network.loss for plan in plans} == {0.0, 0.01, 0.05, 0.1, 0.2}


def test_a_node_restarts_before_it_crashes_again() -> None:
    for seed in range(30):
        down: set[str] = set()
        for fault in Plan.random(seed=seed, nodes=2, crashes=6, trouble=0).faults:
            match fault:
                case Crash(_, node):
                    assert node not in down
                    down.add(node)
                case Restart(_, node):
                    down.remove(node)
                case _:
                    pass


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"nodes": ()}, "nodes"),
        ({"nodes": ("ann", "ann")}, "nodes"),
        ({"writes": (replace(INCREMENT, node="bop"),)}, r"writes\[0\]: .*did you mean 'bob'"),
        ({"writes": (replace(INCREMENT, type="gcuonter@1"),)}, r"writes\[0\].type: .*gcuonter@1"),
        ({"writes": (replace(INCREMENT, at=21.0),)}, r"writes\[0\].at is 21"),
        ({"writes": (replace(INCREMENT, at=float("nan")),)}, r"writes\[0\].at"),
        ({"faults": (Crash(1.0, "zoe"),)}, r"faults\[0\]: no node is called 'zoe'"),
        ({"faults": (Partition(1.0, (("ann",), ("ann", "bob"))),)}, "two groups"),
        ({"duration": -1.0}, "duration"),
        ({"bound": float("inf")}, "bound"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_with_the_place(
    fields: dict[str, object], message: str
) -> None:
    with pytest.raises(PlanError, match=message):
        Plan(**{"seed": 1, "nodes": NODES, **fields})


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"nodes": 0}, "nodes"),
        ({"writes": -1}, "writes"),
        ({"crashes": -1}, "crashes"),
        ({"duration": 0}, "duration"),
        ({"loss": 1.5}, "loss"),
        ({"duplicate": -0.1}, "duplicate"),
        ({"partition": "thirds"}, "partition"),
        ({"types": ["gcuonter@1"]}, "types: .*gcuonter"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(recipe: dict[str, object], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        Plan.random(seed=1, **recipe)


def test_a_drawn_plan_names_the_command_that_draws_it_again() -> None:
    assert Plan.random(seed=9).replay() == "crdtnode simulate --seed 9 --nodes 5 --for 20"
    plan = Plan.random(seed=9, partition="halves", loss=0.1, duplicate=0.0, writes=7, bound=4)
    assert plan.replay() == (
        "crdtnode simulate --seed 9 --nodes 5 --for 20 --bound 4 --writes 7 "
        "--latency any --loss 0.1 --partition halves --crash any "
        "--trouble any"
    )


def test_a_plan_by_hand_is_its_own_replay() -> None:
    plan = Plan(seed=1, nodes=NODES, writes=(INCREMENT,))
    assert "INCREMENT" not in plan.replay()
    assert repr(plan) in plan.replay()


def test_a_network_that_loses_everything_is_no_plan() -> None:
    with pytest.raises(PlanError, match="loss must be below 1"):
        Network(loss=1)


def test_over_many_seeds_every_fault_is_drawn_but_those_that_need_new_nodes() -> None:
    drawn = {type(f) for seed in range(300) for f in Plan.random(seed=seed, nodes=7).faults}
    assert set(sim.Fault.__args__) - drawn == {sim.Clone, sim.Join, sim.Leave}
