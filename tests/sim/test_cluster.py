"""`simulated_cluster`, as people use it in tests of their own services."""

from random import Random
from typing import Any

import pytest
import trio

from crdt import Compound, GCounter, LWWRegister, ORSet, PNCounter
from crdtnode import Node, sim
from crdtnode.errors import NotConverged, NotSupported
from crdtnode.sim import PlanError


class Ticket(Compound):
    title: LWWRegister
    labels: ORSet
    votes: PNCounter


async def test_what_two_sides_write_during_a_partition_is_everywhere_after_the_heal(
    autojump_clock: Any,
) -> None:
    async with sim.simulated_cluster(5, seed=7, types=[Ticket]) as cluster:
        tickets = [node.open("ticket-1", Ticket) for node in cluster]
        tickets[0].title.assign("It rains in")
        await cluster.converged()
        assert [each.title.value for each in tickets] == ["It rains in"] * 5
        cluster.partition(["n1", "n2"], cluster.nodes[2:])
        tickets[0].votes.increment(2)
        tickets[4].votes.increment(3)
        tickets[1].labels.add("roof")
        await trio.sleep(30)
        assert [each.votes.value for each in tickets] == [2, 2, 3, 3, 3]
        cluster.heal()
        await cluster.converged()
        assert [each.votes.value for each in tickets] == [5] * 5
        assert all("roof" in each.labels for each in tickets)


@pytest.mark.sweep
async def test_minutes_of_split_brain_take_no_minute(autojump_clock: Any) -> None:
    async with sim.simulated_cluster(3, seed=1, loss=0.2, latency="5-50ms") as cluster:
        counters = [node.open("visits", GCounter) for node in cluster]
        cluster.isolate("n3")
        for _ in range(5):
            counters[0].increment()
            counters[2].increment()
            await trio.sleep(60)
        cluster.heal()
        began = trio.current_time()
        await cluster.converged()
        assert trio.current_time() - began < 10
        assert [each.value for each in counters] == [10] * 3


async def test_a_node_that_does_not_catch_up_is_named_with_what_each_holds(
    autojump_clock: Any,
) -> None:
    async with sim.simulated_cluster(["ann", "bob", "cid"], seed=1) as cluster:
        cluster.partition(["ann"])
        cluster["ann"].open("visits", GCounter).increment(3)
        with pytest.raises(NotConverged, match="ann differ") as caught:
            await cluster.converged(timeout=5)
        (note,) = caught.value.__notes__
        assert note.startswith("visits (gcounter@1): ann has {")
        assert note.endswith("bob has nothing, cid has nothing")


async def test_a_crashed_node_starts_again_empty_and_gets_everything(autojump_clock: Any) -> None:
    async with sim.simulated_cluster(["ann", "bob", "cid"], seed=3) as cluster:
        cluster["ann"].open("visits", GCounter).increment(3)
        await cluster.converged()
        crashed = cluster["bob"]
        cluster.crash("bob")
        assert len(cluster) == 2
        await trio.sleep(10)
        assert {m.name for m in cluster["ann"].members if m.state == "dead"} == {"bob"}
        again = await cluster.start("bob")
        assert again is not crashed
        await cluster.met()
        await cluster.converged()
        assert again.open("visits", GCounter).value == 3


async def story(seed: int) -> tuple[Any, ...]:
    """A little of everything; what all nodes counted, to the last byte."""
    chance = Random(seed)
    async with sim.simulated_cluster(4, seed=seed, loss=0.1) as cluster:
        for _ in range(40):
            node = chance.choice(cluster.nodes)
            node.open("tags", ORSet).add(chance.randrange(20))
            node.open("note", LWWRegister).assign(chance.random())
            if chance.random() < 0.1:
                cluster.partition(chance.sample(cluster.names, 2))
            elif chance.random() < 0.2:
                cluster.heal()
            await trio.sleep(chance.random())
        cluster.heal()
        await cluster.converged()
        return (
            trio.current_time(),
            *(node.root for node in cluster),
            *(counters(node) for node in cluster),
        )


def counters(node: Node) -> str:
    """All that a node counts, but not what it measures by the clock of this machine."""
    return str({k: v for k, v in node.metrics.snapshot().items() if k != "longest_ms"})


@pytest.mark.sweep
def test_equal_seeds_are_equal_runs_down_to_every_counter() -> None:
    def run(seed: int) -> tuple[Any, ...]:
        return trio.run(story, seed, clock=trio.testing.MockClock(autojump_threshold=0))

    first = run(5)
    assert [run(5) for _ in range(3)] == [first] * 3
    assert run(6) != first


def test_a_real_clock_is_refused() -> None:
    async def main() -> None:
        async with sim.simulated_cluster(2, seed=1):
            pass

    with pytest.raises(NotSupported, match="autojump_clock"):
        trio.run(main)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nodes": 0}, "at least one"),
        ({"nodes": ["a", "a"]}, "each different"),
        ({"nodes": "abc"}, "how many, or a list of names, not 'abc'"),
        ({"nodes": True}, "not True"),
        ({"loss": 1}, "loss must be below 1"),
        ({"latency": "5"}, "is no latency"),
    ],
)
async def test_an_impossible_cluster_is_refused(
    options: dict[str, Any], message: str, autojump_clock: Any
) -> None:
    with pytest.raises(PlanError, match=message):
        async with sim.simulated_cluster(**{"nodes": 2, "seed": 1, **options}):
            pass


async def test_a_node_that_there_is_none_of_is_refused_with_the_nearest_name(
    autojump_clock: Any,
) -> None:
    async with sim.simulated_cluster(["berlin", "rome"], seed=1) as cluster:
        with pytest.raises(PlanError, match="did you mean 'berlin'"):
            cluster.partition(["berln"])
        with pytest.raises(PlanError, match="rome stands in two groups"):
            cluster.partition(["rome"], ["rome"])
        with pytest.raises(PlanError, match="rome is up already"):
            await cluster.start("rome")
        cluster.crash("rome")
        with pytest.raises(PlanError, match="rome is down"):
            cluster.crash("rome")
        with pytest.raises(PlanError, match="rome is down"):
            cluster["rome"]


async def test_what_the_block_raises_comes_out_as_it_is(autojump_clock: Any) -> None:
    with pytest.raises(KeyError, match="till"):
        async with sim.simulated_cluster(2, seed=1):
            raise KeyError("till")
    with pytest.raises(TypeError, match="StateCRDT"):
        async with sim.simulated_cluster(2, seed=1, types=[int]):  # type: ignore[list-item] # that is the point
            pass


async def test_a_node_that_left_is_none_of_those_that_must_agree_and_may_come_back(
    autojump_clock: Any,
) -> None:
    async with sim.simulated_cluster(["ann", "bob", "cid"], seed=1) as cluster:
        await cluster["ann"].leave()
        assert [node.name for node in cluster] == ["bob", "cid"]
        cluster["bob"].open("visits", PNCounter).increment(3)
        await cluster.converged(timeout=5)
        ann = await cluster.start("ann")
        await cluster.met()
        await cluster.converged()
        assert ann.open("visits", PNCounter).value == 3


async def test_a_node_may_start_in_the_moment_in_which_it_crashed(autojump_clock: Any) -> None:
    async with sim.simulated_cluster(["ann", "bob"], seed=1) as cluster:
        cluster["bob"].open("visits", PNCounter).increment(3)
        cluster.crash("ann")
        ann = await cluster.start("ann")
        await cluster.met()
        await cluster.converged(timeout=10)
        assert ann.open("visits", PNCounter).value == 3


async def test_a_group_may_be_a_single_node_and_nobody_is_no_cluster(autojump_clock: Any) -> None:
    async with sim.simulated_cluster(["ann", "bob"], seed=1) as cluster:
        cluster.partition("ann", cluster["bob"])
        cluster["ann"].open("visits", PNCounter).increment(3)
        with pytest.raises(NotConverged):
            await cluster.converged(timeout=1)
        cluster.heal()
        await cluster.converged()
        cluster.crash("ann")
        cluster.crash("bob")
        with pytest.raises(PlanError, match="no node is up"):
            await cluster.converged()
