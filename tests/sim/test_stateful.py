"""Whatever people do to five nodes, in any order, the promises hold: Hypothesis tells the story.

Rules tell a script and run nothing, so that no clock and no event loop is involved; the story runs
as one plan when it is over, and Hypothesis cuts down one that fails.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
import pytest

from crdt import GCounter, LWWRegister, ORSet
from crdtnode import sim
from crdtnode.sim.moments import Span

NODES = ("n1", "n2", "n3", "n4", "n5")

nodes = st.sampled_from(NODES)
elements = st.sampled_from(["a", "b", 1, True])


class Story(RuleBasedStateMachine):
    """Five nodes, and what befalls them."""

    engine: ClassVar[dict[str, Any]] = {}
    """How a run is done; replaced to plant a bug."""

    @initialize(seed=st.integers(0, 2**32), loss=st.sampled_from([0.0, 0.1, 0.3]))
    def begin(self, seed: int, loss: float) -> None:
        self.script = sim.Script(NODES, seed=seed, latency="1-20ms", loss=loss)
        self.cut: Span | None = None
        self.down: dict[str, Span] = {}

    @rule(seconds=st.sampled_from([0.01, 0.5, 4.0]))
    def wait(self, seconds: float) -> None:
        self.script.wait(seconds)

    @rule(node=nodes, element=elements)
    def add(self, node: str, element: object) -> None:
        self.script.write(node, ORSet, "tags", "add", element)

    @rule(node=nodes, element=elements)
    def discard(self, node: str, element: object) -> None:
        self.script.write(node, ORSet, "tags", "discard", element)

    @rule(node=nodes, amount=st.integers(1, 9), flush=st.booleans())
    def count(self, node: str, amount: int, flush: bool) -> None:
        self.script.write(node, GCounter, "visits", "increment", amount, flush=flush)

    @rule(node=nodes, value=st.sampled_from(["x", "y"]))
    def assign(self, node: str, value: str) -> None:
        self.script.write(node, LWWRegister, "title", "assign", value)

    @rule(node=nodes)
    def remove(self, node: str) -> None:
        self.script.remove(node, ORSet, "tags")

    @precondition(lambda self: self.cut is None)
    @rule(side=st.sets(nodes, min_size=1, max_size=4))
    def partition(self, side: set[str]) -> None:
        self.cut = self.script.net.partition(sorted(side))

    @precondition(lambda self: self.cut is not None)
    @rule()
    def heal(self) -> None:
        assert self.cut is not None
        self.cut.end()
        self.cut = None

    @rule(node=nodes)
    def crash_or_start(self, node: str) -> None:
        if node in self.down:
            self.down.pop(node).end()
        else:
            self.down[node] = self.script.crash(node, disk="own")

    @invariant()
    def time_goes_on(self) -> None:
        if hasattr(self, "script"):
            self.script.wait(0.001)

    def teardown(self) -> None:
        if hasattr(self, "script"):
            result = sim.run(self.script.plan(), **self.engine)
            assert result.holds, result.explain()


def tell(story: type[Story], stories: int, phases: Iterable[Phase] = tuple(Phase)) -> None:
    chosen = settings(
        phases=phases,
        max_examples=stories,
        stateful_step_count=25,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(story, settings=chosen)  # type: ignore[no-untyped-call]


def test_whatever_befalls_five_nodes_the_promises_hold() -> None:
    tell(Story, 15)


@pytest.mark.sweep
def test_whatever_befalls_five_nodes_the_promises_hold_in_many_stories() -> None:
    tell(Story, 100)


@pytest.mark.sweep
def test_a_story_shows_a_planted_bug() -> None:
    from crdtnode.sim.planted import bug

    class Wrong(Story):
        engine = bug("StingyRegistry").settings

    with pytest.raises(AssertionError, match="violated: 5 nodes"):
        tell(Wrong, 100, [Phase.generate])
