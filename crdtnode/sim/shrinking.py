"""From a plan that fails to a small one that fails in the same way.

Rule of this file: a smaller plan counts only if the same check is violated when it runs.

*Theory of operation.* Events (writes and faults) are taken out in halves, quarters and so on, and
the rest is run: delta debugging. That leaves a plan of which no single event can be spared. Then
nodes, strange links and whatever the network does wrong go, one by one, and the time after the last
event; since that may make more events needless, all is done again until nothing changes. Where many
events are left, other orders are tried: which events remain depends on where one begins. A network
decides for each packet by link and number alone, so the rest of a run stays as it was.

Source: Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input" (2002).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from random import Random
from typing import Final

from crdtnode.sim.events import Write
from crdtnode.sim.failures import Failure
from crdtnode.sim.faults import Fault
from crdtnode.sim.link import Network, PlanError
from crdtnode.sim.plan import Plan
from crdtnode.sim.result import Result

FEW: Final = 5
"""Events that a shrunk plan should have at most; with more, other orders are tried."""

ORDERS: Final = 3
"""How many other orders."""

Event = Write | Fault
Told = Callable[[int, int], None]
"""Told the number of events that are left, and of runs so far."""


class NothingToShrink(PlanError):
    """Whoever asked for it erred: the run holds, so there is no failure to keep."""


@dataclass(frozen=True, slots=True)
class Shrunk:
    """What came of it."""

    failure: Failure
    runs: int
    """How many plans were run."""


def shrink(
    failure: Failure,
    *,
    runs: int = 3000,
    progress: Told | None = None,
    better: Callable[[Failure], None] | None = None,
) -> Shrunk:
    """Cut a failing plan down.

    Args:
        failure: The plan, and which checks it violated; the first of them must stay violated.
        runs: How many plans to run at most.
        progress: Told what is left, after each run.
        better: Given each plan that is smaller than the last one and still fails, as it is found.

    Raises:
        NothingToShrink: The plan violates nothing, or not that check.
    """
    result = failure.run()
    check = next(iter(failure.violated or result.violated), None)
    if check is None or check not in result.violated:
        raise NothingToShrink(
            f"seed {failure.plan.seed} does not violate {check or 'any check'} here, so there is "
            "nothing to shrink"
        )
    search = _Search(failure, check, runs, progress, better)
    return search.shrink(result)


class _Search:
    def __init__(
        self,
        failure: Failure,
        check: str,
        most: int,
        progress: Told | None,
        better: Callable[[Failure], None] | None,
    ) -> None:
        self._planted = failure.planted
        self._check = check
        self._most = most
        self._progress = progress
        self._better = better
        self._runs = 0
        self._best: Result

    def shrink(self, result: Result) -> Shrunk:
        """Shrink in the order of time first, then in others."""
        self._best = result
        start = replace(result.plan, recipe=None)
        self._fixpoint(start, start.events)
        chance = Random(f"{start.seed}/shrink")
        for _ in range(ORDERS):
            if len(self._best.plan.events) <= FEW:
                break
            events = start.events
            chance.shuffle(events)
            self._fixpoint(start, events)
        return Shrunk(Failure.of(self._best, self._planted), self._runs)

    def _fixpoint(self, plan: Plan, events: Sequence[Event]) -> None:
        before = None
        while plan != before:
            before = plan
            plan = with_events(plan, self._fewest(plan, events))
            for step in (_shorter, _calmer, _smaller):
                plan = self._first_failing(plan, step)
            events = plan.events

    def _fails(self, plan: Plan) -> bool:
        """Whether a plan violates the check; remembers the smallest that does."""
        if self._runs >= self._most:
            return False
        self._runs += 1
        result = Failure(plan=plan, planted=self._planted).run()
        failed = self._check in result.violated
        if failed and _size(plan) <= _size(self._best.plan):
            self._best = result
            if self._better is not None:
                self._better(Failure.of(result, self._planted))
        if self._progress is not None:
            self._progress(len(self._best.plan.events), self._runs)
        return failed

    def _fewest(self, plan: Plan, events: Sequence[Event]) -> list[Event]:
        """Delta debugging: events of which none can be spared."""
        left, parts = list(events), 2
        if left and self._fails(with_events(plan, [])):
            return []
        while len(left) > 1:
            size = -(-len(left) // parts)
            chunks = [left[start : start + size] for start in range(0, len(left), size)]
            rests = [[e for other in chunks if other is not c for e in other] for c in chunks]
            tries = [(c, 2) for c in chunks] if len(chunks) > 2 or parts == 2 else []
            tries += [(rest, max(2, parts - 1)) for rest in rests]
            for some, then in tries:
                if len(some) < len(left) and self._fails(with_events(plan, some)):
                    left, parts = some, then
                    break
            else:
                if parts >= len(left):
                    break
                parts = min(len(left), parts * 2)
        return left

    def _first_failing(self, plan: Plan, step: Callable[[Plan], Iterator[Plan]]) -> Plan:
        """Take steps as long as one leads to a plan that still fails."""
        going = True
        while going:
            going = False
            for smaller in step(plan):
                if self._fails(smaller):
                    plan, going = smaller, True
                    break
        return plan


def with_events(plan: Plan, events: Sequence[Event]) -> Plan:
    """A plan with these events instead of its own."""
    ordered = sorted(events, key=lambda event: event.at)
    return replace(
        plan,
        writes=tuple(event for event in ordered if isinstance(event, Write)),
        faults=tuple(event for event in ordered if not isinstance(event, Write)),
    )


def _size(plan: Plan) -> tuple[int, int, int, float]:
    return len(plan.events), len(plan.nodes), len(_oddities(plan)), plan.duration


def _oddities(plan: Plan) -> list[str]:
    """Fields of the network that are not as they come."""
    plain = Network()
    return [
        field.name
        for field in fields(Network)
        if getattr(plan.network, field.name) != getattr(plain, field.name)
    ]


def _calmer(plan: Plan) -> Iterator[Plan]:
    """Let one thing of the network be as it comes."""
    plain = Network()
    for name in _oddities(plan):
        yield replace(plan, network=replace(plan.network, **{name: getattr(plain, name)}))


def _smaller(plan: Plan) -> Iterator[Plan]:
    """Leave out one node and all that names it in the network; events must not name it."""
    named = {write.node for write in plan.writes}
    named.update(node for fault in plan.faults for node in fault.nodes)
    for node in reversed(plan.nodes):
        if len(plan.nodes) > 1 and node not in named:
            rules = tuple(r for r in plan.network.links if node not in (r.source, r.target))
            nodes = tuple(name for name in plan.nodes if name != node)
            yield replace(plan, nodes=nodes, network=replace(plan.network, links=rules))


def _shorter(plan: Plan) -> Iterator[Plan]:
    """End soon after the last event."""
    times = [event.at for event in plan.writes] + [fault.until for fault in plan.faults]
    for wait in (0.0, 1.0):
        end = round(max(times, default=0.0) + wait, 6)
        if end < plan.duration:
            yield replace(plan, duration=end)
