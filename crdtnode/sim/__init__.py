"""Simulate a cluster: the real protocol, registry and types, on a network made of seeds.

Fifty nodes under a nasty network take seconds, and whatever goes wrong happens again, exactly, from
its seed. Ten lines tell whether your cluster would converge:

    >>> from crdtnode import sim
    >>> plan = sim.Plan.random(seed=7, nodes=5, duration=10, partition="halves", loss=0.1)
    >>> result = sim.run(plan)
    >>> assert result.holds, result.explain()
    >>> print(result.verdict)
    holds

A **plan** says everything: the nodes, the network, every write and every fault with its time.
`Plan.random` draws one from a seed, and leaves to the seed whatever is not given: which partitions
and crashes there are, how much is lost, doubled or late. Or write one by hand:

    >>> plan = sim.Plan(
    ...     seed=1,
    ...     nodes=("a", "b", "c"),
    ...     network=sim.Network(latency=sim.Latency.parse("5-20ms"), loss=0.2),
    ...     writes=(
    ...         sim.Write(1.0, "a", "pncounter@1", "visits", "increment", (3,)),
    ...         sim.Write(4.0, "c", "pncounter@1", "visits", "increment", (4,)),
    ...     ),
    ...     faults=(sim.Partition(3.0, (("a", "b"), ("c",))), sim.Crash(6.0, "b")),
    ...     duration=8.0,
    ... )
    >>> sim.run(plan).holds
    True

A **run** has two phases: until ``duration`` the writes and faults happen; then everything is
healed, crashed nodes start again (empty, as new processes), and all nodes must hold the same within
``bound`` seconds. Loss, duplication and latency last to the end.

The **result** has a verdict per check (``holds``, ``violated``, or ``unknown`` where the run could
not tell), the seconds that convergence took, and a hash over every delivered event: equal hashes
are equal runs, on any machine. `Result.explain` shows the first violation of each check and the
command that runs it again. The checks, all on by default:

======================= ============================================================================
nothing-raised          No engine and no type raises an exception.
same-updates-same-state Nodes that have seen the same updates hold byte-equal states.
converged               After the heal all nodes hold byte-equal states and equal roots.
caught-up-after-heal    What any node knew at a heal, all nodes know when the bound is over.
nothing-lost            A write that a living node has taken in is never lost, but by removing its
                        object.
acknowledged-is-held    When a node says that other members hold its writes, they do.
counters-add-up         A counter shows the sum of all held increments.
nothing-invented        Every node shows only what somebody wrote.
causality-decides       What a later call undid is gone; of concurrent ones the type's rule decides.
no-dot-twice            No two updates bear the same dot, stamp or count of one replica.
reads-only-grow         A process reads its own writes, and never less than it has read before.
members-are-known       In the end all list exactly who is there; nobody alive is given up.
nothing-runs-away       Traffic, queues and timers stay within bounds.
damage-changes-nothing  A datagram in which bits flipped is neither understood nor used.
fingerprints-add-up     Versions are those of the states, and every sum of the trie is right.
histories-lead-here     Versions in an object's history lead to the present one. (Of some objects.)
payloads-are-lawful     What a node holds, everybody who knows the type would take in.
expectations-come-true  What the plan expects of the end of its run is so.
======================= ============================================================================

For tests of your own services there is `simulated_cluster`: whole nodes on a virtual clock.

Plans come from files as well (`read_plan`), or from a `Script`, which tells in Python what happens in
its order. They go into files, too: a `Failure` is a plan with what went
wrong, and `shrink` cuts it down to the few events that it takes. `observe` watches a run, and
`crdtnode.sim.report` makes figures and pictures of what it saw.

`sweep` runs many seeds, on any `concurrent.futures.Executor`. Types of your own take part once they
are registered in `crdt.catalogue`; name their tags in the writes of a plan. On the command line all
of this is ``crdtnode simulate``.

*How it works.* The engine of `crdtnode.protocol` takes time and chance as arguments, so one heap of
events, a random stream per node and one per link drive it without any clock, socket or thread.
``run(plan, on="trio")`` runs whole nodes instead, with the driver that production has, under a
virtual clock: the same plan gives the same trace hash on both, which proves that the fast way runs
what production runs. ``run(plan, on="real")`` starts processes in network namespaces, with a switch
between them that does to their packets what the plan says.
"""

from crdtnode.sim.checks import Check as Check
from crdtnode.sim.checks import all_checks as all_checks
from crdtnode.sim.cluster import SimulatedCluster as SimulatedCluster
from crdtnode.sim.cluster import simulated_cluster as simulated_cluster
from crdtnode.sim.draw import PARTITIONS as PARTITIONS
from crdtnode.sim.draw import Recipe as Recipe
from crdtnode.sim.events import Write as Write
from crdtnode.sim.expectations import Expectations as Expectations
from crdtnode.sim.expectations import Final as Final
from crdtnode.sim.failures import Failure as Failure
from crdtnode.sim.faults import Backup as Backup
from crdtnode.sim.faults import Bridge as Bridge
from crdtnode.sim.faults import ClockJump as ClockJump
from crdtnode.sim.faults import ClockRate as ClockRate
from crdtnode.sim.faults import Clone as Clone
from crdtnode.sim.faults import Crash as Crash
from crdtnode.sim.faults import Cut as Cut
from crdtnode.sim.faults import DiskError as DiskError
from crdtnode.sim.faults import DiskMended as DiskMended
from crdtnode.sim.faults import Fault as Fault
from crdtnode.sim.faults import Flapping as Flapping
from crdtnode.sim.faults import Heal as Heal
from crdtnode.sim.faults import Hold as Hold
from crdtnode.sim.faults import Isolate as Isolate
from crdtnode.sim.faults import Join as Join
from crdtnode.sim.faults import Leave as Leave
from crdtnode.sim.faults import MajorityRing as MajorityRing
from crdtnode.sim.faults import Partition as Partition
from crdtnode.sim.faults import Pause as Pause
from crdtnode.sim.faults import Release as Release
from crdtnode.sim.faults import Relink as Relink
from crdtnode.sim.faults import Remove as Remove
from crdtnode.sim.faults import Restart as Restart
from crdtnode.sim.faults import Restore as Restore
from crdtnode.sim.faults import Resume as Resume
from crdtnode.sim.faults import Slow as Slow
from crdtnode.sim.faults import Swizzle as Swizzle
from crdtnode.sim.latency import Latency as Latency
from crdtnode.sim.link import Between as Between
from crdtnode.sim.link import Link as Link
from crdtnode.sim.link import Network as Network
from crdtnode.sim.link import PlanError as PlanError
from crdtnode.sim.moments import Span as Span
from crdtnode.sim.plan import Plan as Plan
from crdtnode.sim.planfile import parse_plan as parse_plan
from crdtnode.sim.planfile import read_plan as read_plan
from crdtnode.sim.report import observe as observe
from crdtnode.sim.result import Finding as Finding
from crdtnode.sim.result import Result as Result
from crdtnode.sim.result import Verdict as Verdict
from crdtnode.sim.runs import run as run
from crdtnode.sim.script import Script as Script
from crdtnode.sim.shadow import WatchedRegistry as WatchedRegistry
from crdtnode.sim.shrinking import NothingToShrink as NothingToShrink
from crdtnode.sim.shrinking import shrink as shrink
from crdtnode.sim.sweeping import Job as Job
from crdtnode.sim.sweeping import Outcome as Outcome
from crdtnode.sim.sweeping import sweep as sweep
from crdtnode.sim.world import World as World
