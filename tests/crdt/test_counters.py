"""Counters."""

from __future__ import annotations

from typing import Any

import pytest

from crdt import GCounter, PayloadError, PNCounter


def test_a_delta_carries_the_tally_that_results_not_the_increment() -> None:
    counter = GCounter("a")
    counter.increment(3)
    delta = counter.increment(2)
    assert delta.payload == {"a": 5}


def test_a_delta_of_one_side_does_not_carry_the_other() -> None:
    counter = PNCounter("a")
    counter.increment(3)
    assert counter.decrement(2).payload == {"a": [0, 2]}
    assert counter.value == 1


def test_replicas_that_count_apart_add_up() -> None:
    here, there = PNCounter("here"), PNCounter("there")
    here.increment(3)
    there.decrement(4)
    assert PNCounter.merge(here, there).value == -1


@pytest.mark.parametrize("kind", [GCounter, PNCounter])
def test_adding_zero_changes_nothing_and_gives_an_empty_delta(kind: type[Any]) -> None:
    counter = kind()
    assert counter.increment(0).payload == {}
    assert counter.replica is None


@pytest.mark.parametrize("amount", [True, 1.0, "1", None])
@pytest.mark.parametrize("kind", [GCounter, PNCounter])
def test_an_amount_is_a_plain_int(kind: type[Any], amount: Any) -> None:
    counter = kind("a")
    counter.increment(1)
    with pytest.raises(TypeError):
        counter.increment(amount)
    assert counter.value == 1


@pytest.mark.parametrize("kind", [GCounter, PNCounter])
def test_an_amount_below_zero_is_refused(kind: type[Any]) -> None:
    counter = kind("a")
    counter.increment(1)
    with pytest.raises(ValueError, match="at least 0"):
        counter.increment(-1)
    assert counter.value == 1


def test_huge_counts_survive_their_payload() -> None:
    counter = PNCounter("a")
    counter.increment(2**70)
    assert counter.payload == {"a": [["i", hex(2**70)], 0]}
    assert PNCounter.from_payload(counter.payload).value == 2**70


@pytest.mark.parametrize(
    "payload",
    [[], None, {"a": 0}, {"a": -1}, {"a": True}, {"a": 1.0}, {"": 1}, {1: 1}, {"a": 2**60}],
)
def test_a_wrong_tally_is_refused(payload: Any) -> None:
    with pytest.raises(PayloadError):
        GCounter.from_payload(payload)


@pytest.mark.parametrize(
    "payload",
    [[], {"a": 1}, {"a": [1]}, {"a": [0, 0]}, {"a": [1, -1]}, {"a": [1, 0, 0]}, {"": [1, 0]}],
)
def test_a_wrong_pair_of_tallies_is_refused(payload: Any) -> None:
    with pytest.raises(PayloadError):
        PNCounter.from_payload(payload)


def test_a_refused_payload_names_the_place() -> None:
    with pytest.raises(PayloadError) as caught:
        PNCounter.from_payload({"a": [1, True]})
    assert caught.value.place == "payload['a'][1]"
