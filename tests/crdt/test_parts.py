"""States cut into parts that travel alone."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from crdt import AddRemovePartialOrder, MonotonicDAG, Tree, TwoPTwoPGraph
from crdt.testing import run_history, subject_of, wide_script

KINDS = [AddRemovePartialOrder, MonotonicDAG, Tree, TwoPTwoPGraph]


def states(kind: type[Any]) -> list[Any]:
    histories = [run_history(subject_of(kind), wide_script(seed)) for seed in range(5)]
    return [state for history in histories for state, _ in history.snapshots]


@pytest.mark.parametrize("kind", KINDS)
def test_parts_join_to_the_state_in_any_order_and_twice(kind: type[Any]) -> None:
    chance = Random(1)
    for state in states(kind):
        for limit in (1, 80, 200, 10_000):
            parts = list(state.split(limit))
            whole = kind()
            for part in chance.sample(parts * 2, len(parts) * 2):
                assert part.compare(state)
                whole.join(kind.from_payload(part.payload))
            assert whole.canonical() == state.canonical()


@pytest.mark.parametrize("kind", KINDS)
def test_parts_keep_the_limit_and_fill_it(kind: type[Any]) -> None:
    state = max(states(kind), key=lambda state: len(state.canonical()))
    size = len(state.canonical())
    sizes = [len(part.canonical()) for part in state.split(150)]
    assert max(sizes) <= 150
    assert len(sizes) <= size // 75 + 1
    assert [len(part.canonical()) for part in state.split(size + 4)] == [size]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_larger_than_the_limit_is_a_part_of_its_own(kind: type[Any]) -> None:
    state = states(kind)[-1]
    rows = sum(len(rows) for rows in state.payload.values())
    assert len(list(state.split(1))) == rows


@pytest.mark.parametrize("kind", KINDS)
def test_an_initial_state_has_no_parts(kind: type[Any]) -> None:
    assert list(kind().split(100)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_is_a_whole_number_of_bytes(kind: type[Any]) -> None:
    with pytest.raises(TypeError):
        kind().split(1.5)
    with pytest.raises(ValueError, match="at least 1"):
        kind().split(0)


def test_a_compacted_tree_travels_with_all_that_its_frontier_keeps() -> None:
    state: Tree[int] = Tree("me", clock=lambda: 5)
    for number in range(20):
        state.move(number, None)
        state.move(number, number - 1 or None)
    state.compact(state.clone())
    for number in range(20):
        state.move(number + 100, number)
    parts = list(state.split(100))
    assert len(parts[0]) == 20
    assert all(len(part.canonical()) <= 100 for part in parts[1:])
    whole: Tree[int] = Tree()
    for part in reversed(parts):
        whole.join(part)
    assert whole == state
