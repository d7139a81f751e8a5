"""Nothing grows without bound: traffic, queues, what waits to happen.

Rule of this file: the bounds are generous, since they are there to see what runs away; how little
is enough is what benchmarks measure.
"""

from typing import TYPE_CHECKING

from crdtnode.sim.checks.check import Check
from crdtnode.sim.checks.converged import state_on
from crdtnode.sim.faults import Fault

if TYPE_CHECKING:
    from crdtnode.sim.world import World

BYTES_PER_NODE_SECOND = 30_000.0
"""What a node may send on average over a run, where the plan says nothing; and each second all
that it holds, twice."""

BYTES_PER_MEMBER = 200
"""What it costs to tell one node of another: everybody may have to be told of everybody by one."""

LISTED_BYTES = 100
"""What one member is in a list of members; a node may have to send one of all to each of them."""

UNSENT_BYTES = 8 * 1024 * 1024
"""What may wait to be sent on one stream."""

EVENTS_PER_NODE = 5_000
"""Packets under way and deadlines to come."""


class NothingRunsAway(Check):
    """Looks at every fault and at the end."""

    name = "nothing-runs-away"
    sentence = "Traffic, queues and timers stay within bounds."

    def fault(self, world: "World", fault: Fault) -> None:
        """Look at what waits now."""
        nodes = len(world.hosts)
        plan = len(world.plan.writes) + len(world.plan.faults)  # wait from the start on
        if world.agenda.waiting > EVENTS_PER_NODE * nodes + plan:
            self.violate(f"{world.agenda.waiting} events wait to happen to {nodes} nodes")
        unsent = world.streams.unsent_bytes
        if unsent > UNSENT_BYTES:
            self.violate(f"{unsent} bytes wait to be sent on one stream")

    def ended(self, world: "World", converged: float | None) -> None:
        """Compare the traffic of each node with the most that is allowed."""
        expected, seconds = world.plan.expect.bytes_per_node_second, max(1.0, world.seconds)
        lists = BYTES_PER_MEMBER * len(world.hosts) ** 2 / seconds
        for host in world.up:
            rate, most = host.sent_bytes / seconds, expected or BYTES_PER_NODE_SECOND + lists
            if rate > most and not expected:
                most += 2 * sum(
                    len(state_on(host, key).canonical()) for key in host.registry.names()
                )
            if rate > most:
                self.violate(f"{host.name} sent {rate:,.0f} bytes/s, more than {most:,.0f}")
        self.holds()
