"""The bounded counter: rights are earned, spent, passed on and reclaimed, and never spent twice."""

from __future__ import annotations

from itertools import permutations
from random import Random
from typing import Any

import pytest

from crdt import BoundedCounter, PayloadError


def joined(*parts: Any) -> Any:
    whole = BoundedCounter()
    for part in parts:
        whole.join(part)
    return whole


def test_whoever_raises_the_counter_may_lower_it_by_as_much() -> None:
    stock = BoundedCounter("a")
    assert (stock.rights, stock.value) == (0, 0)
    stock.increment(5)
    assert stock.decrement(3).payload == {"a": [0, 3]}
    assert (stock.rights, stock.value) == (2, 2)


def test_a_replica_cannot_take_away_what_others_have_earned() -> None:
    here, there = BoundedCounter("here"), BoundedCounter("there")
    there.join(here.increment(5))
    assert (there.value, there.rights, there.rights_of("here")) == (5, 0, 5)
    before = there.canonical()
    with pytest.raises(ValueError, match="'there' has the right to take away 0, not 1"):
        there.decrement()
    with pytest.raises(ValueError, match="right"):
        there.transfer(1, "third")
    assert there.canonical() == before


def test_two_that_see_the_same_last_one_do_not_both_take_it() -> None:
    here, there = BoundedCounter("here"), BoundedCounter("there")
    there.join(here.increment(1))
    taken = here.decrement()
    with pytest.raises(ValueError, match="right"):
        there.decrement()
    there.join(taken)
    assert there.value == 0


def test_rights_are_passed_on_also_to_somebody_unknown() -> None:
    here = BoundedCounter("here")
    here.increment(10)
    passed = here.transfer(4, "nobody yet")
    assert passed.payload == {"here": [0, 0, {"nobody yet": 4}]}
    assert here.transfer(1, "nobody yet").payload == {"here": [0, 0, {"nobody yet": 5}]}
    assert (here.rights, here.rights_of("nobody yet"), here.value) == (5, 5, 10)
    late = BoundedCounter("nobody yet")
    late.join(here)
    assert late.rights == 5
    late.decrement(5)
    assert (late.value, late.rights) == (5, 0)


def test_rights_that_were_passed_on_may_be_passed_back() -> None:
    here, there = BoundedCounter("here"), BoundedCounter("there")
    here.increment(3)
    there.join(here.transfer(3, "there"))
    there.join(here)
    here.join(there.transfer(2, "here"))
    assert (here.rights, there.rights) == (2, 1)
    here.decrement(2)
    there.decrement(1)
    assert BoundedCounter.merge(here, there).value == 0


def test_the_value_is_never_below_zero_while_deltas_are_missing() -> None:
    here, there = BoundedCounter("here"), BoundedCounter("there")
    earned, passed = here.increment(5), here.transfer(5, "there")
    there.join(earned)
    there.join(passed)
    spent = there.decrement(4)
    assert joined(spent).value == 0
    assert joined(spent).rights_of("there") == 0
    assert joined(spent, passed).rights_of("here") == 0
    for order in permutations([earned, passed, spent]):
        assert joined(*order).value == 1


def test_who_leaves_passes_all_its_rights_on() -> None:
    here, there = BoundedCounter("here"), BoundedCounter("there")
    here.increment(7)
    here.decrement(2)
    there.join(here)
    there.join(here.leave("there"))
    assert (here.rights, there.rights, there.value) == (0, 5, 5)
    assert here.leave("there").initial
    assert BoundedCounter().leave("there").initial


def test_the_rights_of_the_dead_are_reclaimed_once() -> None:
    gone, heir = BoundedCounter("gone"), BoundedCounter("heir")
    gone.increment(7)
    gone.transfer(1, "heir")
    gone.decrement(2)
    heir.join(gone)
    assert heir.reclaim("gone").payload == {"gone": [0, 0, {"heir": 5}]}
    assert (heir.rights, heir.rights_of("gone"), heir.value) == (5, 0, 5)
    assert heir.reclaim("gone").initial
    heir.decrement(5)
    assert heir.value == 0


def test_who_was_thought_dead_gives_up_its_id_once_it_learns_of_it() -> None:
    paused, heir = BoundedCounter("paused"), BoundedCounter("heir")
    paused.increment(7)
    heir.join(paused)
    paused.join(heir.reclaim("paused"))
    assert (paused.replica, paused.rights) == (None, 0)
    with pytest.raises(ValueError, match="a replica that is new has the right to take away 0"):
        paused.decrement()
    assert paused.replica is None


def test_only_another_replica_that_is_known_can_be_reclaimed() -> None:
    counter = BoundedCounter("me")
    counter.increment()
    for who, error in (("me", ValueError), ("nobody", KeyError), ("", ValueError), (5, TypeError)):
        with pytest.raises(error):
            counter.reclaim(who)  # type: ignore[arg-type]  # the point of the test
    assert counter.payload == {"me": [1, 0]}


@pytest.mark.parametrize(
    ("amount", "to", "error"),
    [
        (-1, "b", ValueError),
        (True, "b", TypeError),
        (1.0, "b", TypeError),
        (4, "b", ValueError),
        (1, "me", ValueError),
        (0, "me", ValueError),
        (1, "", ValueError),
        (1, "x" * 256, ValueError),
        (1, 5, TypeError),
    ],
)
def test_a_wrong_transfer_is_refused_and_changes_nothing(
    amount: Any, to: Any, error: type[Exception]
) -> None:
    counter = BoundedCounter("me")
    counter.increment(3)
    with pytest.raises(error):
        counter.transfer(amount, to)
    assert counter.payload == {"me": [3, 0]}


@pytest.mark.parametrize("amount", [True, 1.0, "1", None, -1])
@pytest.mark.parametrize("how", ["increment", "decrement"])
def test_a_wrong_amount_is_refused(how: str, amount: Any) -> None:
    counter = BoundedCounter("me")
    counter.increment(3)
    with pytest.raises((TypeError, ValueError)):
        getattr(counter, how)(amount)
    assert counter.payload == {"me": [3, 0]}


def test_copies_have_no_rights_so_that_none_is_spent_twice() -> None:
    counter = BoundedCounter("me")
    counter.increment(3)
    for copy in (counter.clone(), BoundedCounter.from_payload(counter.payload)):
        assert copy.rights == 0
        with pytest.raises(ValueError, match="right"):
            copy.decrement()
    merged = BoundedCounter.merge(counter, BoundedCounter())
    merged.decrement(2)  # the first of the two to change keeps the id, and with it the rights
    assert (merged.rights, counter.rights) == (1, 0)
    with pytest.raises(ValueError, match="right"):
        counter.decrement()


def test_a_refused_decrement_draws_no_id() -> None:
    counter = BoundedCounter()
    with pytest.raises(ValueError, match="a replica that is new"):
        counter.decrement()
    assert counter.replica is None


def test_an_id_is_given_up_to_whoever_lowered_more_under_it() -> None:
    counter = BoundedCounter("me")
    counter.increment(3)
    counter.join(BoundedCounter.from_payload({"you": [1, 0, {"me": 1}]}))
    assert (counter.replica, counter.rights) == ("me", 4)
    counter.join(BoundedCounter.from_payload({"me": [0, 1]}))
    assert counter.replica is None


def test_nobody_overdraws_whatever_is_lost_late_or_repeated() -> None:
    for seed in range(20):
        chance = Random(seed)
        names = "abcd"
        replicas = [BoundedCounter(name) for name in names]
        sent: list[Any] = []
        for _ in range(120):
            one = chance.choice(replicas)
            act = chance.randrange(5)
            try:
                if act == 0:
                    sent.append(one.increment(chance.randrange(4)))
                elif act == 1:
                    sent.append(one.decrement(chance.randrange(4)))
                elif act == 2:
                    sent.append(one.transfer(chance.randrange(4), chance.choice(names)))
            except ValueError:
                continue
            if sent and act > 2:
                one.join(chance.choice(sent))
        whole = joined(*sent)
        raised = sum(raised for raised, *_ in whole.payload.values())
        lowered = sum(lowered for _, lowered, *_ in whole.payload.values())
        assert whole.value == raised - lowered >= 0
        assert sum(whole.rights_of(name) for name in names) == whole.value


def test_compare_looks_at_all_three_tallies_of_both_sides() -> None:
    whole = BoundedCounter.from_payload({"a": [3, 1, {"b": 1}]})
    for part in ({"a": [3, 0]}, {"a": [0, 1]}, {"a": [0, 0, {"b": 1}]}, {}):
        assert BoundedCounter.from_payload(part).compare(whole)
        assert not whole.compare(BoundedCounter.from_payload(part))


def test_huge_amounts_survive_their_payload() -> None:
    counter = BoundedCounter("a")
    counter.increment(2**70)
    counter.transfer(2**69, "b")
    assert counter.payload == {"a": [["i", hex(2**70)], 0, {"b": ["i", hex(2**69)]}]}
    assert BoundedCounter.from_payload(counter.payload).rights_of("b") == 2**69


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {"a": None},
        {"a": 1},
        {"a": [1]},
        {"a": [0, 0]},
        {"a": [1, -1]},
        {"a": [1, 0, {}]},
        {"a": [1, 0, []]},
        {"a": [1, 0, {"a": 1}]},
        {"a": [1, 0, {"b": 0}]},
        {"a": [1, 0, {"": 1}]},
        {"a": [1, 0, {"b": True}]},
        {"a": [1, 0, {"b": 1}, {"c": 1}]},
        {"": [1, 0]},
        {1: [1, 0]},
    ],
)
def test_a_wrong_payload_of_a_bounded_counter_is_refused(payload: Any) -> None:
    with pytest.raises(PayloadError):
        BoundedCounter.from_payload(payload)
