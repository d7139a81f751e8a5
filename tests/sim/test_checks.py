"""Each check sees what it is there for, on a run that went well until somebody tampered with it."""

from typing import Any

import pytest

from crdt import GCounter, GSet, LWWRegister, ORSet
from crdtnode import sim
from crdtnode.sim import Check, Heal, Partition, Plan, Verdict, World, Write, all_checks
from crdtnode.sim.checks import (
    CaughtUpAfterHeal,
    Converged,
    CountersAddUp,
    NothingInvented,
    NothingLost,
    SameUpdatesSameState,
)
from crdtnode.sim.checks.converged import state_on
from crdtnode.sim.planted_nodes import StingyRegistry

WRITES = (
    Write(1.0, "n1", "gcounter@1", "visits", "increment", (3,)),
    Write(2.0, "n2", "gcounter@1", "visits", "increment", (4,)),
    Write(1.0, "n1", "gset@1", "tags", "add", ("red",)),
    Write(1.5, "n2", "gset@1", "tags", "update", (["green", 1],)),
    Write(2.0, "n3", "lwwregister@1", "title", "assign", ("hello",)),
    Write(2.0, "n3", "orset@1", "cart", "add", ("milk",)),
    Write(2.5, "n1", "orset@1", "cart", "clear"),
)


@pytest.fixture
def world() -> World:
    """After a run in which all went well."""
    world = World(Plan(seed=1, nodes=("n1", "n2", "n3"), writes=WRITES, duration=4.0))
    result = world.run()
    assert result.holds, result.explain()
    return world


def at_end(check: Check, world: World, converged: float | None = 0.0) -> sim.Finding:
    check.ended(world, converged)
    return check.finding()


def held(world: World, tag: str, name: str) -> list[Any]:
    """What each node holds of an object; tamper with it."""
    return [host.registry.look((tag, name)) for host in world.hosts]


def tamper(world: World, node: int, tag: str, name: str, state: Any) -> None:
    """Let one node hold more, as if it had come from nowhere."""
    held(world, tag, name)[node].absorb(state)


def test_a_type_that_raises_while_it_is_checked_is_a_violation_and_not_the_end_of_a_sweep() -> None:
    class Unreadable(Check):
        name = "can-be-read"
        sentence = "What is held can be read."

        def ended(self, world: World, converged: float | None) -> None:
            held(world, "gset@1", "tags")[0].from_payload("nonsense")

    plan = Plan(seed=1, nodes=("n1", "n2"), writes=WRITES[:4:2], duration=3.0)
    result = sim.run(plan, checks=[Unreadable(), Converged()])
    assert result.violated == ("can-be-read",)
    assert "PayloadError" in result.explain()
    assert result.findings[1].verdict is Verdict.HOLDS


def test_every_check_has_a_name_and_a_sentence_of_its_own(world: World) -> None:
    checks = all_checks()
    assert len({check.name for check in checks}) == len(checks)
    for check in checks:
        assert check.sentence.endswith(".")
        assert check.finding().verdict is Verdict.UNKNOWN
        assert at_end(check, world).verdict is Verdict.HOLDS


def test_states_that_differ_are_shown_with_who_lacks_what(world: World) -> None:
    world.hosts[2].registry.shadows["gset@1", "tags"] &= ~1
    tamper(world, 0, "gset@1", "tags", GSet.from_payload(["blue"]))
    tamper(world, 1, "gset@1", "tags", GSet.from_payload(["blue"]))
    finding = at_end(Converged(), world, None)
    assert finding.verdict is Verdict.VIOLATED
    assert "gset@1/tags is not the same" in finding.violation
    assert "'blue'" in finding.violation
    assert "never there: update 1 (n1: gset@1/tags.add('red')" in finding.violation


def test_equal_states_under_different_roots_are_a_violation(world: World) -> None:
    finding = at_end(Converged(), world, None)
    assert finding.verdict is Verdict.VIOLATED
    assert "all states are equal, but the roots are not" in finding.violation


def test_an_element_that_nobody_added_is_a_violation(world: World) -> None:
    tamper(world, 1, "gset@1", "tags", GSet.from_payload(["blue"]))
    finding = at_end(NothingInvented(), world)
    assert finding.violation == "nobody wrote 'blue' to gset@1/tags on n2"


def test_an_element_of_an_equal_value_and_another_type_is_a_violation(world: World) -> None:
    tamper(world, 1, "gset@1", "tags", GSet.from_payload([True]))
    assert "nobody wrote True" in at_end(NothingInvented(), world).violation


def test_a_register_value_that_nobody_assigned_is_a_violation(world: World) -> None:
    invented = LWWRegister.from_payload([[8_000_000_000_000, 0], "x", "bye"])
    tamper(world, 1, "lwwregister@1", "title", invented)
    assert "nobody wrote 'bye'" in at_end(NothingInvented(), world).violation


def test_a_state_above_all_writes_together_is_a_violation(world: World) -> None:
    tamper(world, 1, "gcounter@1", "visits", GCounter.from_payload({"x": 1}))
    assert "more than all writes together" in at_end(NothingInvented(), world).violation


def test_an_object_that_nobody_wrote_to_is_a_violation(world: World) -> None:
    payload = ORSet("x").add("y").payload
    world.hosts[1].registry.absorb("orset@1", "surprise", 1, [payload], 9.0)
    del world.ledger.tales["orset@1", "surprise"]
    assert "orset@1/surprise" in at_end(NothingInvented(), world).violation


def test_a_write_that_no_node_holds_any_more_is_lost(world: World) -> None:
    for state in held(world, "gcounter@1", "visits"):
        state._tallies.clear()
    finding = at_end(NothingLost(), world)
    assert "update 1 (n1: gcounter@1/visits.increment(3)" in finding.violation


def test_an_added_element_that_no_set_shows_is_lost_whatever_the_lattice_says(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GSet, "compare", lambda self, other: True)
    for state in held(world, "gset@1", "tags"):
        state._elements.clear()
    finding = at_end(NothingLost(), world)
    assert "'red' of update 1" in finding.violation


def test_a_counter_that_shows_another_sum_is_a_violation(world: World) -> None:
    for state in held(world, "gcounter@1", "visits"):
        state._tallies["x"] = 5
    finding = at_end(CountersAddUp(), world)
    assert "shows 12 on n1; 7 was written and\nheld" in finding.violation


def test_counters_say_nothing_where_there_is_no_final_value(world: World) -> None:
    assert at_end(CountersAddUp(), world, None).verdict is Verdict.UNKNOWN


def test_what_a_crash_may_have_taken_may_be_there_or_not(world: World) -> None:
    for host in world.hosts:
        host.registry.shadows["gcounter@1", "visits"] = 0b10
    assert at_end(CountersAddUp(), world).verdict is Verdict.HOLDS
    for state in held(world, "gcounter@1", "visits"):
        state._tallies["x"] = 1
    assert "taken or left [3]" in at_end(CountersAddUp(), world).violation


def test_two_states_after_the_same_updates_are_shown_both() -> None:
    check, one, other = SameUpdatesSameState(), GCounter("a"), GCounter("a")
    one.increment(3)
    other.increment(4)
    check.reached("n1", ("gcounter@1", "visits"), 0b101, one)
    check.reached("n2", ("gcounter@1", "visits"), 0b101, one)
    assert check.finding().verdict is Verdict.UNKNOWN
    check.reached("n2", ("gcounter@1", "visits"), 0b101, other)
    text = check.finding().violation
    assert text.startswith("gcounter@1/visits after the updates 1, 3 of this object:\non n1: {")
    assert '{"a":3}' in text
    assert '{"a":4}' in text


def test_large_states_are_compared_by_their_hash() -> None:
    check, one, other = SameUpdatesSameState(), GSet(), GSet()
    one.update(f"element {n}" for n in range(200))
    other.update(f"element {n}" for n in range(201))
    check.reached("n1", ("gset@1", "tags"), 1, one)
    check.reached("n2", ("gset@1", "tags"), 1, other)
    text = check.finding().violation
    assert "element 0" in text
    assert len(text) < 1500


def test_only_the_first_violation_is_kept() -> None:
    check = Check.__new__(NothingLost)
    Check.__init__(check)
    check.violate("first")
    check.violate("second")
    check.holds()
    assert check.finding().violation == "first"
    assert check.finding().verdict is Verdict.VIOLATED


def test_a_node_that_does_not_catch_up_after_a_heal_is_a_violation() -> None:
    # Longer than a push is tried again.
    faults = (Partition(0.5, (("n1",), ("n2", "n3"))), Heal(6.0))
    plan = Plan(
        seed=1, nodes=("n1", "n2", "n3"), writes=WRITES, faults=faults, duration=11.0, bound=4.0
    )
    assert sim.run(plan).holds
    result = sim.run(plan, registry=StingyRegistry)
    assert CaughtUpAfterHeal.name in result.violated
    assert "long after the heal at 6.000000 s" in result.explain()


def test_a_heal_that_another_fault_follows_says_nothing() -> None:
    faults = (
        Partition(0.5, (("n1",), ("n2", "n3"))),
        Heal(3.0),
        Partition(3.001, (("n1",), ("n2", "n3"))),
    )
    plan = Plan(
        seed=1, nodes=("n1", "n2", "n3"), writes=WRITES, faults=faults, duration=9.0, bound=4.0
    )
    result = sim.run(plan)
    assert result.holds, result.explain()


def test_a_check_of_your_own_takes_part() -> None:
    class FewMessages(Check):
        name = "few-messages"
        sentence = "A run needs no more than three messages."

        def ended(self, world: World, converged: float | None) -> None:
            sent = sum(sum(host.metrics.packets_sent.values()) for host in world.hosts)
            if sent > 3:
                self.violate(f"{sent} messages were sent")
            self.holds()

    result = sim.run(Plan.random(seed=1, duration=2), checks=[FewMessages()])
    assert result.violated == ("few-messages",)


def test_a_violation_tells_of_each_update_what_its_writer_had_seen(world: World) -> None:
    check = SameUpdatesSameState()
    key = ("gset@1", "tags")
    check.reached("n1", key, 0b11, GSet.from_payload(["a"]))
    check.reached("n2", key, 0b11, GSet.from_payload(["a", "b"]))
    text = at_end(check, world).violation
    assert "tags after the updates 1, 2 of this object" in text
    assert "update 1 (n1: gset@1/tags.add('red') at 1.000000 s), having seen nothing" in text
    assert "at 1.500000 s), having seen 1" in text


def test_a_lost_write_names_who_had_it_and_what_each_node_holds_now(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    green = GSet.from_payload(["green"])
    look = {"gset@1": lambda host, key: green}
    monkeypatch.setattr(
        "crdtnode.sim.checks.writes.state_on",
        lambda host, key: look.get(key[0], state_on)(host, key),
    )
    text = at_end(NothingLost(), world).violation
    assert "add('red') at 1.000000 s), having seen nothing" in text
    assert "though n1, n2, n3 took it in:\non n1, n2, n3: ['green']" in text
