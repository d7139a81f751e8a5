"""Plans told in Python."""

import pytest

from crdt import ORSet, PNCounter
from crdtnode import sim
from crdtnode.sim import Latency, Link, Network, Plan, PlanError, Script, Write

NODES = ("ann", "bob", "cid")
VISITS = ("pncounter@1", "visits")

AS_A_FILE = """
seed = 7
nodes = ["ann", "bob", "cid"]
duration = "9s"
[network]
latency = "5-20ms"
loss = "10%"
[[writes]]
at = "1s"
node = "ann"
type = "pncounter"
name = "visits"
method = "increment"
args = [3]
[[writes]]
at = "6s"
node = "cid"
type = "pncounter"
name = "visits"
method = "increment"
args = [4]
[[faults]]
kind = "partition"
at = "1s"
groups = [["ann", "bob"], ["cid"]]
[[faults]]
kind = "relink"
at = "1s"
source = "ann"
target = "bob"
link = { latency = "300ms", loss = "10%" }
[[faults]]
kind = "relink"
at = "1s"
source = "bob"
target = "ann"
link = { latency = "300ms", loss = "10%" }
[[faults]]
kind = "crash"
at = "4s"
node = "bob"
[[faults]]
kind = "restore"
at = "6s"
[[faults]]
kind = "heal"
at = "8s"
[[faults]]
kind = "restart"
at = "9s"
node = "bob"
disk = "own"
[expect]
converged_within = "2s"
[[expect.finals]]
type = "pncounter"
name = "visits"
value = 7
"""

SLOW = Link(Latency.constant(0.3), loss=0.1)
AS_DATA = Plan(
    seed=7,
    nodes=NODES,
    network=Network(Latency.uniform(0.005, 0.02), loss=0.1),
    writes=(
        Write(1.0, "ann", *VISITS, "increment", (3,)),
        Write(6.0, "cid", *VISITS, "increment", (4,)),
    ),
    faults=(
        sim.Partition(1.0, (("ann", "bob"), ("cid",))),
        sim.Relink(1.0, "ann", "bob", SLOW),
        sim.Relink(1.0, "bob", "ann", SLOW),
        sim.Crash(4.0, "bob"),
        sim.Restore(6.0),
        sim.Heal(8.0),
        sim.Restart(9.0, "bob", disk="own"),
    ),
    duration=9.0,
    expect=sim.Expectations((sim.Final(*VISITS, 7),), converged_within=2.0),
)


def as_a_script() -> Plan:
    script = Script(seed=7, nodes=NODES, latency="5-20ms", loss=0.1)
    ann, bob, cid = script.nodes
    script.wait(1)
    with script.net.partition([ann, bob], [cid]):
        script.write(ann, PNCounter, "visits", "increment", 3)
        script.crash(bob, disk="own", at=4, until=9)
        with script.net.rule(ann, bob, latency="300ms"):
            script.wait(5)
        script.write(cid, PNCounter, "visits", "increment", 4)
        script.wait(2)
    script.expect("pncounter", "visits", 7)
    return script.plan(converged_within=2)


def test_a_plan_is_the_same_as_a_file_as_data_and_as_a_script() -> None:
    plans = [sim.parse_plan(AS_A_FILE), AS_DATA, as_a_script()]
    assert plans[0] == plans[1] == plans[2]
    results = [sim.run(plan) for plan in plans]
    assert all(result.holds for result in results), results[0].explain()
    assert len({result.trace_hash for result in results}) == 1


def faults(script: Script) -> list[str]:
    return [str(fault) for fault in script.plan().faults]


def test_a_partition_that_ends_before_another_cut_leaves_the_other_one() -> None:
    script = Script(3)
    with script.net.cut("n1", ["n2", "n3"]):
        script.wait(1)
        with script.net.isolate("n3"):
            script.wait(1)
        script.wait(1)
    assert faults(script) == [
        "cut n1 -> n2 n3 at 0.000000 s",
        "isolation of n3 at 1.000000 s",
        "heal at 2.000000 s",
        "cut n1 -> n2 n3 at 2.000000 s",
        "heal at 3.000000 s",
    ]


def test_what_holds_packets_begins_again_after_a_heal_and_ends_with_a_release() -> None:
    script = Script(3)
    script.net.partition(["n1"], at=1, until=2)
    with script.net.hold("n2", at=0.5):
        script.wait(3)
    assert faults(script) == [
        "hold n2 -> * at 0.500000 s",
        "partition n1 at 1.000000 s",
        "heal at 2.000000 s",
        "hold n2 -> * at 2.000000 s",
        "release n2 -> * at 3.000000 s",
    ]


def test_a_rule_that_ends_leaves_the_other_rules() -> None:
    script = Script(3)
    script.net.rule(loss=0.5, until=4)
    script.net.rule("n1", ["n1", "n2", "n3"], both_ways=False, mtu=600, at=1, until=2)
    script.wait(5)
    kinds = [(type(f).__name__, f.at, f.nodes) for f in script.plan().faults]
    assert kinds == [
        ("Relink", 0.0, ()),
        ("Relink", 1, ("n1", "n2")),
        ("Relink", 1, ("n1", "n3")),
        ("Restore", 2, ()),
        ("Relink", 2, ()),
        ("Restore", 4, ()),
    ]


def test_a_heal_ends_all_spans_of_cuts() -> None:
    script = Script(2)
    with script.net.partition(["n1"]), script.pause("n2"):
        script.wait(1)
        script.net.heal()
        script.wait(1)
    assert faults(script) == [
        "partition n1 at 0.000000 s",
        "pause of n2 at 0.000000 s",
        "heal at 1.000000 s",
        "n2 goes on at 2.000000 s",
    ]


def test_everything_else_that_a_plan_knows_can_be_told() -> None:
    script = Script(2, seed=3)
    with script.slow("n1", 0.01), script.lasting(sim.DiskError(0.0, "n2")):
        script.wait(1)
    script.write("n1", "orset@1", "tags", "add", "x", flush=True)
    script.remove("n1", ORSet, "tags", at=1.5)
    script.add(sim.ClockJump(1.2, "n2", by=60))
    script.net.partition(["n1"], at=2)  # to the end
    assert script.plan(bound=4, bytes_per_node_second=9e3, violated=["converged"]) == Plan(
        seed=3,
        nodes=("n1", "n2"),
        writes=(Write(1.0, "n1", "orset@1", "tags", "add", ("x",), flush=True),),
        faults=(
            sim.Slow(0.0, "n1", 0.01),
            sim.DiskError(0.0, "n2"),
            sim.DiskMended(1.0, "n2"),
            sim.Slow(1.0, "n1", 0.0),
            sim.ClockJump(1.2, "n2", by=60),
            sim.Remove(1.5, "n1", "orset@1", "tags"),
            sim.Partition(2, (("n1",),)),
        ),
        duration=2,
        bound=4,
        expect=sim.Expectations((), None, 9e3, ("converged",)),
    )


def test_a_workload_is_drawn_as_for_a_file() -> None:
    script = Script(3, seed=5)
    script.workload(rate=2, types=[PNCounter, "orset"], until=4)
    script.wait(6)
    table = 'rate = 2\ntypes = ["pncounter", "orset"]\nuntil = 4'
    file = sim.parse_plan(f"seed = 5\nnodes = 3\nduration = 6\n[workload]\n{table}")
    assert len(file.writes) == 8
    assert script.plan() == file


@pytest.mark.parametrize(
    ("tell", "message"),
    [
        (lambda s: s.wait(-1), "time goes forward, not by -1 s"),
        (lambda s: s.write("n1", "orste", "x", "add"), "no type 'orste'; did you mean 'orset'"),
        (lambda s: s.write("n1", PNCounter, "x", "incremnt"), "no 'incremnt'.* 'increment'"),
        (lambda s: s.net.rule("n1", "n1"), "no link from 'n1' to 'n1'"),
        (lambda s: s.net.rule(latency="5 parsecs"), "'5 parsecs' is no latency"),
        (lambda s: s.net.rule(loss=2), "loss must be a share"),
        (lambda s: s.pause("n1", at=2, until=1), "pause of n1 .* cannot end at 1 s"),
        (lambda s: s.pause("n1", until=1).end(), "pause of n1 .* has an end already"),
        (lambda s: s.pause("n1", until=1).__enter__(), "pause of n1 .* has an end already"),
        (lambda s: s.net.isolate("n7"), "no node is called 'n7'; did you mean 'n2'"),
        (lambda s: s.workload(), "a count or a rate"),
    ],
)
def test_what_makes_no_sense_is_refused(tell, message: str) -> None:  # type: ignore[no-untyped-def]
    def told() -> Plan:
        script = Script(2)
        tell(script)
        return script.plan()

    with pytest.raises(PlanError, match=message):
        told()


def test_an_end_inside_its_block_is_its_end() -> None:
    script = Script(1)
    with script.pause("n1") as pause:
        script.wait(1)
        pause.end()
        script.wait(1)
    assert [fault.at for fault in script.plan().faults] == [0.0, 1.0]
    assert script.now == 2


def test_an_expectation_that_does_not_come_true_tells_what_the_node_has_seen() -> None:
    script = sim.Script(["ann", "bob"])
    script.write("ann", PNCounter, "visits", "increment", 3)
    script.wait(1)
    script.expect(PNCounter, "visits", 4)
    text = sim.run(script.plan()).explain()
    assert "pncounter@1/visits is 3 on ann, not 4;" in text
    assert "update 1 (ann: pncounter@1/visits.increment(3) at 0.000000 s), having seen" in text


def test_a_text_is_no_list_of_nodes() -> None:
    with pytest.raises(PlanError, match="how many, or a list of names, not 'abc'"):
        sim.Script("abc")
