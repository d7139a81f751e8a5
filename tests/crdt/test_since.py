"""What somebody lacks who has told its context, in time that follows the answer."""

from __future__ import annotations

from hashlib import blake2b
import json
import pickle
from random import Random
from typing import Any

import pytest

from crdt import (
    DisableWinsFlag,
    EnableWinsFlag,
    Logoot,
    MVRegister,
    ORMap,
    ORSet,
    PayloadError,
    RWSet,
    Text,
)
from crdt.causal.runs import common, counters, minus, runs_of
from crdt.testing import run_history, subject_of, wide_script
from tests.crdt.effort import steps_of

CAUSAL = (ORSet, RWSet, MVRegister, EnableWinsFlag, DisableWinsFlag, Logoot)
every_causal_type = pytest.mark.parametrize("kind", CAUSAL)


def sent(state: Any, reader: Any) -> Any:
    """Return what ``state`` sends to ``reader``, whose context travels as JSON."""
    delta = state.delta_since(json.loads(json.dumps(reader.context)))
    return type(state).from_payload(json.loads(json.dumps(delta.payload)))


@pytest.mark.sweep
@every_causal_type
def test_what_is_sent_does_what_joining_the_whole_state_does(kind: type[Any]) -> None:
    for seed in range(6):
        history = run_history(subject_of(kind), wide_script(seed))
        states = [replica.object for replica in history.replicas]
        states += [state for state, _ in history.snapshots[::5]]
        states += [event.delta for event in history.events[::7]]
        for state in states:
            for reader in states:
                whole = kind.merge(reader, state)
                after = reader.clone()
                after.join(sent(state, reader))
                assert after.canonical() == whole.canonical()
                assert not after.join(sent(state, after))


@every_causal_type
def test_an_index_stays_true_through_everything_that_happens_to_its_object(kind: type[Any]) -> None:
    subject, chance = subject_of(kind), Random(f"index of {kind.__name__}")
    us, them, late = kind("us"), kind("them"), kind("late")
    for _ in range(150):
        one, other = chance.sample([us, them], 2)
        try:
            chance.choice(subject.acts)(one, chance.randrange(256))
        except (KeyError, ValueError):
            continue
        if chance.random() < 0.3:
            other.join(one if chance.random() < 0.5 else sent(one, other))
        fresh = kind.from_payload(one.payload)
        assert one.context == fresh.context
        assert one.delta_since(late.context).canonical() == sent(fresh, late).canonical()
        if chance.random() < 0.2:
            late.join(sent(one, late))


def test_a_lone_replica_that_writes_the_short_way_tells_its_removals_too() -> None:
    us, them = ORSet("us"), ORSet("them")
    for round_ in range(4):
        us.update([f"{round_}-{n}" for n in range(5)])
        us.add("again")
        us.add("again")
        us.remove(f"{round_}-3")
        them.join(sent(us, them))
        assert them.canonical() == us.canonical()
        us.remove(f"{round_}-4")
        assert sent(us, them).payload["us"][0] == []
        them.join(sent(us, them))
        assert them.canonical() == us.canonical()


def test_only_new_dots_are_sent_where_both_sides_removed_the_same() -> None:
    us = ORSet("us")
    us.update([f"e{n}" for n in range(100)])
    us.remove("e7")
    them = us.clone()
    us.add("new")
    assert us.delta_since(them.context).payload == {"us": [["new"], [100, 1], [100, 1]]}
    us.remove("e9")
    assert us.delta_since(them.context).payload == {
        "us": [["new"], [100, 1], [7, 1, 1, 1, 90, 1]]  # all removals, since theirs differ
    }
    them.remove("e9")
    assert us.delta_since(them.context).payload == {"us": [["new"], [100, 1], [100, 1]]}


def test_removals_that_differ_with_an_equal_sum_are_told_apart() -> None:
    us = ORSet("us")
    us.update(["a", "b", "c", "d"])
    them = us.clone()
    for element in ("a", "d"):
        us.remove(element)
    for element in ("b", "c"):
        them.remove(element)
    them.join(sent(us, them))
    assert them == set()


def test_a_sum_in_place_of_the_hash_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "crdt.causal.since.hash_of", lambda removed: f"{sum(counters(removed)):016x}"
    )
    with pytest.raises(AssertionError):
        test_removals_that_differ_with_an_equal_sum_are_told_apart()


class TellsNoRemovals(ORSet[Any]):
    """Sends what is new and forgets what is gone."""

    def delta_since(self, context: Any) -> Any:
        delta = super().delta_since(context)
        delta._seen = {name: runs_of(sorted(d.values())) for name, d in delta._live.items()}
        return delta


def test_removals_that_are_not_told_are_caught() -> None:
    us = TellsNoRemovals("us")
    us.update(["x", "y"])
    them = us.clone()
    us.remove("x")
    them.join(sent(us, them))
    assert them != us


def test_an_element_with_two_dots_of_one_replica_is_sent_with_both() -> None:
    state = ORSet.from_payload({"a": [["x", "y", "x"], [0, 3], [0, 3]]})
    assert state.delta_since({}).payload == state.payload
    half = ORSet.from_payload({"a": [["x"], [0, 1], [0, 1]]})
    assert sent(state, half).payload == {"a": [["y", "x"], [1, 2], [1, 2]]}


def test_a_claimed_context_of_astronomic_size_costs_nothing() -> None:
    huge = ORSet.from_payload({"a": [["x"], [5, 1], [0, ["i", hex(2**70)]]]})
    small = ORSet.from_payload({"a": [["y", "x"], [4, 2], [0, 6]]})
    for state, reader in ((huge, small), (small, huge), (huge, ORSet()), (ORSet(), huge)):
        after = reader.clone()
        after.join(sent(state, reader))
        assert after.canonical() == ORSet.merge(reader, state).canonical()


def test_the_work_follows_the_answer_not_the_size_of_the_state() -> None:
    def work(size: int) -> int:
        us = ORSet("us")
        us.update([f"e{n}" for n in range(size)])
        context = us.context
        us.delta_since(context)
        us.update([f"new{n}" for n in range(10)])
        us.remove("e5")
        assert len(us.delta_since(context)) == 10
        return steps_of(lambda: us.delta_since(context))

    assert work(4000) <= work(40) * 1.2


def test_an_index_is_no_part_of_a_copy_or_of_the_bytes() -> None:
    state = RWSet("us")
    state.update(["x", "y"])
    before = pickle.loads(pickle.dumps(state)).canonical()
    assert state.context
    for copy in (pickle.loads(pickle.dumps(state)), state.clone()):
        assert copy.canonical() == before
        copy.discard("x")
        assert copy.context != state.context


@pytest.mark.parametrize(
    "context",
    [
        None,
        [],
        {"a": []},
        {"a": [[0, 1]]},
        {"a": [[0, 1], 5]},
        {"a": [[0, 1], "00"]},
        {"a": [[0], "0" * 16]},
        {"": [[0, 1], "0" * 16]},
        {1: [[0, 1], "0" * 16]},
    ],
)
def test_what_is_no_context_is_refused(context: Any) -> None:
    with pytest.raises(PayloadError, match="context"):
        ORSet("a").delta_since(context)


def test_sets_of_counters_are_cut_as_sets_are() -> None:
    chance = Random("cuts")
    for _ in range(400):
        one, other = (sorted(chance.sample(range(1, 12), chance.randrange(11))) for _ in range(2))
        mine, theirs = runs_of(one), runs_of(other)
        assert list(counters(minus(mine, theirs))) == sorted(set(one) - set(other))
        assert list(counters(common(mine, theirs))) == sorted(set(one) & set(other))
        assert minus(mine, theirs) == runs_of(sorted(set(one) - set(other)))
        assert common(mine, theirs) == runs_of(sorted(set(one) & set(other)))


@every_causal_type
def test_in_parts_the_same_is_sent(kind: type[Any]) -> None:
    for seed in range(4):
        history = run_history(subject_of(kind), wide_script(seed))
        states = [replica.object for replica in history.replicas]
        for state in states:
            for reader in states:
                parts = list(state._parts_since(reader.context, 60))
                after, whole = reader.clone(), kind.merge(reader, state)
                for part in reversed(parts):
                    after.join(kind.from_payload(part.payload))
                assert after.canonical() == whole.canonical()


def test_parts_are_made_while_they_are_taken_of_a_set_that_changes() -> None:
    for removed in (False, True):
        state: ORSet[int] = ORSet("me")
        state.update(range(10_000))
        if removed:
            state.discard(17)
        reader = state.clone("reader")
        state.update(range(10_000, 15_000))
        parts = state._parts_since(reader.context, 1000)
        reader.join(next(parts))
        state.discard(14_999)
        state.add(-1)
        for part in parts:
            assert len(part.canonical()) <= 1000
            reader.join(part)
        assert set(range(17)) | set(range(18, 14_999)) <= reader.value <= set(range(15_000))


def test_where_nothing_was_removed_no_index_is_made() -> None:
    state: ORSet[int] = ORSet("me")
    state.update(range(5000))
    reader = state.clone()
    state.update(range(5000, 6000))
    assert len(list(state._parts_since(reader.context, 1000))) > 3
    assert not state._by_dot
    assert not reader._by_dot
    state.discard(3)
    assert state.context
    assert state._by_dot


def test_a_context_that_is_none_is_refused_before_a_part_is_taken() -> None:
    state: ORSet[int] = ORSet("me")
    with pytest.raises(PayloadError):
        state._parts_since("nonsense", 1000)


def test_of_huge_claims_and_few_elements_little_is_looked_at() -> None:
    state: ORSet[str] = ORSet.from_payload({"a": [["x"], [4, 1], [0, 2**50]]})
    (part,) = state._parts_since({}, 1000)
    assert part == state
    assert len(list(state.split(1000))) == 1


def test_a_state_is_divided_as_it_was_when_that_was_asked() -> None:
    state: ORSet[int] = ORSet("me")
    state.update(range(3000))
    parts = state.split(1000)
    first = next(parts)
    state.clear()
    whole = ORSet.merge(first, first)
    for part in parts:
        whole.join(part)
    assert whole == set(range(3000))


@pytest.mark.parametrize("again", [(2, 700, 1500, 2999, 5), (511,), (1023, 600)])
def test_dots_out_of_their_order_are_divided_and_sent_as_well(again: tuple[int, ...]) -> None:
    state: ORSet[str] = ORSet("me")
    state.update(f"e{n}" for n in range(3000))
    for n in again:
        state.add(f"e{n}")  # a fresh dot, which stands in the place of the old one
    assert list(state._live["me"].values()) != sorted(state._live["me"].values())
    whole: ORSet[str] = ORSet("whole")
    state._by_dot.clear()
    for part in state.split(1000):
        assert len(part.canonical()) <= 1000
        whole.join(ORSet.from_payload(part.payload))
    assert whole == state
    assert whole.payload == state.payload


def test_dots_that_stand_in_another_place_are_found_by_their_number() -> None:
    state: ORSet[int] = ORSet("me")
    state.update(range(3000))
    reader = ORSet.from_payload({"me": [[], [], [0, 10]]})
    state._live["me"] = {key: 3000 - key for key in range(3000)}  # as no mutator leaves them
    sent = list(state._parts_since(reader.context, 1000))
    got = {dot for part in sent for dot in part._live["me"].values()}
    assert got == set(range(11, 3001))


@pytest.mark.parametrize("kind", [Text, ORMap])
def test_types_that_are_not_sets_are_sent_in_parts_as_well(kind: type[Any]) -> None:
    state = kind("me")
    for n in range(200):
        state.append("x") if kind is Text else state.open(f"key {n}", EnableWinsFlag).enable()
    parts = list(state._parts_since({}, 300))
    whole = kind("here")
    for part in parts:
        whole.join(kind.from_payload(part.payload))
    assert whole == state
    assert len(parts) > (0 if kind is Text else 3)


def test_an_element_with_two_dots_is_divided_and_told_with_both() -> None:
    state: ORSet[str] = ORSet.from_payload({"a": [["x", "y", "x"], [0, 3], [0, 3]]})
    whole: ORSet[str] = ORSet("here")
    parts = list(state.split(30))
    for part in parts:
        whole.join(ORSet.from_payload(part.payload))
    assert len(parts) > 1
    assert whole.payload == state.payload
    twin: ORSet[str] = ORSet.from_payload(state.payload)
    assert state.fingerprint(hash16) == twin.fingerprint(hash16) != ORSet().fingerprint(hash16)
    (part,) = state._parts_since({"a": [[0, 2], "0" * 16]}, 1000)
    assert list(part) == ["x"]


def hash16(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


def test_one_removal_that_arrives_is_noted_where_dots_are_found_by_number() -> None:
    here: RWSet[str] = RWSet("here")
    here.update(f"e{n}" for n in range(40))
    there: RWSet[str] = RWSet("there")
    there.join(here)
    there.delta_since(RWSet().context)  # from here on dots are found by their number
    before = there.fingerprint(hash16)
    assert there.join(RWSet.from_payload({"here": [[], [], [4, 1]]}))
    assert "e4" not in there
    assert len(there) == 39
    twin = RWSet.from_payload(there.payload)
    assert twin.fingerprint(hash16) == there.fingerprint(hash16) != before


def test_a_set_is_pickled_without_what_it_remembers_of_its_removals() -> None:
    state: ORSet[str] = ORSet("me")
    state.update(f"e{n}" for n in range(100))
    state.remove("e7")
    state.delta_since(ORSet().context)
    made = pickle.loads(pickle.dumps(state))
    assert made == state
    assert made.delta_since(ORSet().context) == state
