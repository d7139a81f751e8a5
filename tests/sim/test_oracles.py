"""Checks with a model of their own see what is there to be seen, and say it with the causal past."""

from typing import Any

import pytest

from crdt import ORSet, RWSet
from crdtnode import sim
from crdtnode.protocol.effects import MemberNews
from crdtnode.registry.histories import STEPS_MOST
from crdtnode.sim import Final, Plan, Verdict, World, Write
from crdtnode.sim.checks import (
    CausalityDecides,
    DamageChangesNothing,
    ExpectationsComeTrue,
    FingerprintsAddUp,
    HistoriesLeadHere,
    MembersAreKnown,
    NoDotTwice,
    NothingRunsAway,
    ReadsOnlyGrow,
)
from crdtnode.sim.checks.causality import _add_wins, _remove_wins, _stamps, _two_phases
from crdtnode.sim.shadow import Update

SET = ("orset@1", "cart")


def call(at: float, node: str, method: str, *args: object) -> Write:
    return Write(at, node, *SET, method, args)


WRITES = (
    call(1.0, "a", "add", "milk"),
    call(2.0, "b", "discard", "milk"),
    call(2.0, "c", "add", "milk"),  # at the same moment: neither has seen the other
    call(3.0, "a", "add", "tea"),
    call(4.0, "b", "clear"),
    call(5.0, "c", "add", "jam"),
    Write(1.0, "a", "lwwregister@1", "title", "assign", ("old",)),
    Write(2.0, "b", "lwwregister@1", "title", "assign", ("new",)),
    Write(1.0, "a", "gcounter@1", "visits", "increment", (5,)),
    Write(2.0, "a", "gcounter@1", "visits", "increment", (2,)),
)


@pytest.fixture
def world() -> World:
    """After a run in which all went well."""
    return ran(1)


def ran(seed: int) -> World:
    made = World(Plan(seed=seed, nodes=("a", "b", "c"), writes=WRITES, duration=6.0))
    result = made.run()
    assert result.holds, result.explain()
    return made


def state(world: World, node: int = 0, key: tuple[str, str] = SET) -> Any:
    return world.hosts[node].registry.look(key)


def found(check: sim.Check, world: World, converged: float | None = 0.0) -> str:
    """What a check has to say at the end; nothing where it holds."""
    check.ended(world, converged)
    return check.finding().violation


def update(number: int, past: int = 0) -> Update:
    write = call(1.0, "a", "add", "x")
    return Update(SET, 1 << (number - 1), write, ORSet(), 0, past)


def test_the_shadow_of_each_write_is_what_its_writer_had_seen(world: World) -> None:
    pasts = [update.past for update in world.ledger.tale(SET).updates]
    assert pasts == [0, 0b1, 0b1, 0b111, 0b1111, 0b11111]
    assert list(state(world)) == ["jam"]


def test_an_add_is_undone_only_by_a_removal_that_had_seen_it() -> None:
    add, blind, seeing = update(1), update(2), update(3, past=0b1)
    assert _add_wins([add], [blind])
    assert not _add_wins([add], [blind, seeing])
    assert not _remove_wins([add], [blind])
    assert _remove_wins([update(2, past=0b1)], [update(1)])
    assert not _two_phases([add], [blind])
    assert _stamps([add], [blind]) is None
    assert _stamps([add], [seeing]) is False
    assert _stamps([add], []) is True


def test_an_element_whose_removal_saw_every_add_must_not_be_there(world: World) -> None:
    state(world).absorb(ORSet("z").add("milk"))
    text = found(CausalityDecides(), world)
    assert "'milk' must not be in orset@1/cart" in text
    assert "clear() at 4.000000 s), having seen 1-4" in text


def test_an_element_that_nobody_undid_must_be_there(world: World) -> None:
    one = state(world)
    one.absorb(ORSet.from_payload(one.payload).discard("jam"))
    assert "'jam' must be in orset@1/cart" in found(CausalityDecides(), world)


def test_a_removal_wins_over_a_concurrent_add_where_the_type_says_so() -> None:
    writes = (
        Write(1.0, "a", "rwset@1", "cart", "add", ("milk",)),
        Write(2.0, "b", "rwset@1", "cart", "discard", ("milk",)),
        Write(2.0, "c", "rwset@1", "cart", "add", ("milk",)),
    )
    world = World(Plan(seed=1, nodes=("a", "b", "c"), writes=writes, duration=4.0))
    assert world.run().holds
    world.hosts[0].registry.shadows["rwset@1", "cart"] = 0b101  # as if nobody had removed it
    assert "must be in rwset@1/cart" in found(CausalityDecides(), world)
    assert isinstance(state(world, 0, ("rwset@1", "cart")), RWSet)


def test_a_register_shows_the_last_write(world: World) -> None:
    register = state(world, 0, ("lwwregister@1", "title"))
    first, _ = world.ledger.tale(("lwwregister@1", "title")).updates
    register._write = first.delta._write  # type: ignore[attr-defined]
    text = found(CausalityDecides(), world)
    assert "but the last write is update 2" in text
    assert "having seen 1" in text


@pytest.mark.parametrize("check", [CausalityDecides, ReadsOnlyGrow, NoDotTwice])
def test_oracles_say_nothing_against_a_good_run(check: type[sim.Check], world: World) -> None:
    assert found(check(), world) == ""


def test_a_count_that_is_used_twice_is_shown_with_both_updates(world: World) -> None:
    check = NoDotTwice()
    one, other = world.ledger.tale(("gcounter@1", "visits")).updates
    for each in (one, other, one):
        check.wrote(world, world.hosts[0], each)
    text = check.finding().violation
    assert text.startswith("count 1 of ('")
    assert "update 2" in text
    assert "update 1" in text


def test_a_dot_or_a_stamp_that_is_used_twice_is_shown(world: World) -> None:
    for key in (SET, ("lwwregister@1", "title")):
        check = NoDotTwice()
        first = world.ledger.tale(key).updates[0]
        twin = Update(first.key, 1 << 40, first.write, first.delta, 0)
        check.wrote(world, world.hosts[0], first)
        check.wrote(world, world.hosts[0], twin)
        assert "stands for two updates" in check.finding().violation


def test_a_state_that_shrinks_under_its_reader_is_a_violation() -> None:
    check, state = ReadsOnlyGrow(), ORSet[str]("z")
    for number in range(8):
        state.add(f"e{number}")
        check.reached("a", SET, (1 << number + 1) - 1, state)
    lesser = ORSet[str]("z")
    lesser.add("e1")
    for _ in range(8):
        check.reached("a", SET, 0b1_1111_1111, lesser)
    assert "a has read of orset@1/cart" in check.finding().violation
    assert "having taken in 9" in check.finding().violation


def test_a_restarted_process_may_read_less() -> None:
    check, state = ReadsOnlyGrow(), ORSet[str]("z")
    state.add("x")
    for _ in range(8):
        check.reached("a", SET, 0b11, state)
    for _ in range(8):
        check.reached("a", SET, 0b10, ORSet())
    assert check.finding().violation == ""


def test_a_write_that_its_own_process_does_not_read_is_a_violation(world: World) -> None:
    check = ReadsOnlyGrow()
    foreign = Update(SET, 1, WRITES[0], ORSet("z").add("milk"), 0)
    check.wrote(world, world.hosts[0], foreign)
    assert "a does not read its own update 1" in check.finding().violation


def test_a_list_that_lacks_somebody_is_a_violation(world: World) -> None:
    members = world.hosts[0].engine._members
    del members._by_name["c"]
    assert "a lacks c and lists no ghosts" in found(MembersAreKnown(), world)


def test_whoever_is_gone_and_still_listed_is_a_ghost(world: World) -> None:
    world.hosts[2].crash(world.agenda.now)
    assert "a lacks nobody and lists c" in found(MembersAreKnown(), world)


def test_a_verdict_of_death_is_false_only_after_a_quiet_time(world: World) -> None:
    news = MemberNews("c", world.hosts[2].address, "dead")
    for disturbed, false in ((world.agenda.now - 1, False), (world.agenda.now - 16 * 10**9, True)):
        check = MembersAreKnown()
        world.disturbed_at = disturbed
        check.told(world, world.hosts[0], news)
        assert ("a says at" in check.finding().violation) is false


def test_whoever_is_cut_off_may_be_taken_for_dead_however_long_ago_that_began(
    world: World,
) -> None:
    check = MembersAreKnown()
    world.disturbed_at = world.agenda.now - 16 * 10**9
    world.links.reach.turn_off("c")
    check.told(world, world.hosts[0], MemberNews("c", world.hosts[2].address, "dead"))
    assert check.finding().violation == ""


def test_traffic_over_the_plan_s_bound_is_a_violation() -> None:
    expect = sim.Expectations(bytes_per_node_second=50.0)
    plan = Plan(seed=1, nodes=("a", "b"), duration=3.0, expect=expect)
    result = sim.run(plan)
    assert result.violated == ("nothing-runs-away",)
    assert "more than 50" in result.explain()


def test_queues_that_run_away_are_a_violation(world: World) -> None:
    check = NothingRunsAway()
    for number in range(15_001 + len(world.plan.events)):
        world.agenda.at(10**15 + number, lambda _: None)
    check.fault(world, sim.Heal(1.0))
    assert "events wait to happen to 3 nodes" in check.finding().violation


def test_damage_that_is_used_is_a_violation(world: World) -> None:
    check = DamageChangesNothing()
    check.damaged(world, world.hosts[0], b"\x01", "")
    assert check.finding().violation == ""
    check.damaged(world, world.hosts[0], b"\x01", "joined something")
    assert "a joined something from a damaged datagram:\n01" in check.finding().violation


def test_versions_and_sums_that_are_wrong_are_violations(world: World) -> None:
    assert found(FingerprintsAddUp(), world) == ""
    prints = world.hosts[1].registry.fingerprints
    place = prints.place(*SET)
    prints._versions[place] ^= 1
    assert "b says" in found(FingerprintsAddUp(), world)
    prints._versions[place] ^= 1
    prints.root ^= 1
    assert "b: the types add up to" in found(FingerprintsAddUp(), world)


def test_sums_deep_in_a_trie_are_looked_at() -> None:
    writes = tuple(Write(1 + n / 1000, "a", "gset@1", f"s{n}", "add", (n,)) for n in range(200))
    world = World(Plan(seed=1, nodes=("a", "b"), writes=writes, duration=3.0))
    assert world.run().holds
    top = world.hosts[0].registry.fingerprints._tries["gset@1"].top
    top.sums[3] ^= 1
    assert "a sum at depth 0 of the trie of gset@1 is wrong" in found(FingerprintsAddUp(), world)


def test_expected_values_are_compared_as_people_see_them() -> None:
    finals = (
        Final("orset@1", "cart", ["jam"]),
        Final("gcounter@1", "visits", 7),
        Final("lwwregister@1", "title", "new"),
        Final("gset@1", "nothing", []),
    )
    settings: Any = {"seed": 1, "nodes": ("a", "b", "c"), "writes": WRITES, "duration": 6.0}
    expect = sim.Expectations(finals=finals, converged_within=5.0)
    assert sim.run(Plan(**settings, expect=expect)).holds
    for final in (Final("gcounter@1", "visits", 7.0), Final("orset@1", "cart", ["jam", "tea"])):
        result = sim.run(Plan(**settings, expect=sim.Expectations(finals=(final,))))
        assert result.violated == ("expectations-come-true",)
    slow = sim.run(Plan(**settings, expect=sim.Expectations(converged_within=0.0)))
    assert slow.violated == () or "not within 0 s" in slow.explain()


def test_a_plan_may_want_to_show_a_violation() -> None:
    network = sim.Network(loss=1 - 1e-9)
    settings: Any = {
        "seed": 1,
        "nodes": ("a", "b"),
        "network": network,
        "duration": 2.0,
        "bound": 1.0,
    }
    writes = (call(1.0, "a", "add", "x"),)
    expect = sim.Expectations(violated=("converged",))
    shown = sim.run(Plan(**settings, writes=writes, expect=expect))
    assert shown.holds
    assert shown.violated == ("converged",)
    missed = sim.run(Plan(seed=1, nodes=("a", "b"), duration=2.0, expect=expect))
    assert missed.verdict is Verdict.VIOLATED
    assert "converged found nothing" in missed.explain()


def test_what_nobody_agrees_on_is_not_as_expected() -> None:
    world = World(
        Plan(seed=1, nodes=("a",), duration=1.0, expect=sim.Expectations(converged_within=1.0))
    )
    world.run()
    assert "do not agree" in found(ExpectationsComeTrue(), world, None)


def test_a_history_that_does_not_lead_here_is_a_violation() -> None:
    world = next(made for made in map(ran, range(4)) if made.ledger.tale(SET).states)
    assert found(HistoriesLeadHere(), world) == ""
    registry, states = world.hosts[1].registry, world.ledger.tale(SET).states
    histories, place = registry.histories._histories, registry.fingerprints.place(*SET)
    steps = histories[place].steps
    steps[-1] = steps[-1]._replace(packed=b"")
    assert "but what is told of it leads to" in found(HistoriesLeadHere(), world)
    gone = {steps[0].before: states.pop(steps[0].before)}
    assert "orset@1/cart never was" in found(HistoriesLeadHere(), world)
    states.update(gone)
    steps[:] = steps * STEPS_MOST
    assert "b: orset@1/cart keeps" in found(HistoriesLeadHere(), world)
