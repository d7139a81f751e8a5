"""Sets of counters kept as runs."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from crdt import PayloadError
from crdt.causal.runs import (
    count,
    counters,
    covers,
    decode_runs,
    encode_runs,
    includes,
    last,
    runs_of,
    stretch,
    union,
)

SETS = [
    set(numbers)
    for chance in [Random(7)]
    for size in (0, 0, 1, 2, 3, 5, 8, 12, 20)
    for numbers in [chance.sample(range(1, 24), size), range(1, size + 1), range(3, size + 3)]
]


def runs(numbers: set[int]) -> Any:
    return runs_of(sorted(numbers))


@pytest.mark.parametrize("numbers", SETS, ids=str)
def test_runs_know_what_is_in_them(numbers: set[int]) -> None:
    made = runs(numbers)
    assert {number for number in range(1, 30) if covers(made, number)} == numbers
    assert list(counters(made)) == sorted(numbers)
    assert count(made) == len(numbers)
    assert last(made) == max(numbers, default=0)
    assert decode_runs(encode_runs(made), "place") == made


def test_the_first_counters_without_a_gap_are_one_int() -> None:
    assert runs({1, 2, 3}) == 3
    assert runs({2, 3}) == (2, 4)
    assert runs(set()) == 0
    assert (stretch(1, 1), stretch(5, 1), stretch(1, 3)) == (1, (5, 6), 3)


def test_union_and_inclusion_are_those_of_sets() -> None:
    for one in SETS:
        for other in SETS:
            assert union(runs(one), runs(other)) == runs(one | other)
            assert includes(runs(one), runs(other)) == (one >= other)


def test_a_claimed_count_costs_no_memory() -> None:
    huge = decode_runs([0, ["i", hex(2**70)], 1, 2**40], "place")
    assert huge == (1, 2**70 + 1, 2**70 + 2, 2**70 + 2 + 2**40)
    assert count(huge) == 2**70 + 2**40
    assert union(huge, 2**70 + 1) == 2**70 + 1 + 2**40
    assert encode_runs(huge) == [0, ["i", hex(2**70)], 1, 2**40]


@pytest.mark.parametrize(
    "payload", [None, {}, [0], [0, 0], [1, 2, 0, 1], [-1, 1], [0, True], [0, 1.0], [0, "1"]]
)
def test_wrong_runs_are_refused(payload: Any) -> None:
    with pytest.raises(PayloadError) as caught:
        decode_runs(payload, "place")
    assert caught.value.place.startswith("place")
