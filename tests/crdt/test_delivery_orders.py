"""What five replicas did reaches the others in any order, some of it twice: one state comes of it."""

from __future__ import annotations

from functools import reduce
from random import Random
from typing import Any

import pytest

from crdt import type_of
from crdt.catalogue import tags
from crdt.testing import Subject, subject_of
from crdt.testing.history import History, hashed, run_history
from crdt.testing.subjects import lwwset

SUBJECTS = {
    tag: subject_of(type_of(tag)) for tag in tags() if type_of(tag).__module__.startswith("crdt.")
} | {"lwwset@1 biased towards removing": lwwset("remove")}

HISTORIES = 3
ORDERS = 50
FIVE = 3
"""The first byte of a script with five replicas."""


def lived(subject: Subject[Any], seed: int) -> History[Any]:
    """Return a history of five replicas."""
    return run_history(subject, bytes([FIVE]) + Random(seed).randbytes(100))


def arrivals(history: History[Any]) -> list[Any]:
    """Return all that may arrive somewhere: every delta, some states, a state in small parts."""
    deltas = [event.delta for event in history.events]
    assert all(delta is not None for delta in deltas)
    states = [state for state, _ in history.snapshots[:: 1 + len(history.snapshots) // 4]]
    return [*deltas, *states, *_parts(history.replicas[0].object)]


def _parts(state: Any) -> list[Any]:
    return list(state.split(60)) if hasattr(state, "split") else [state]


@pytest.mark.sweep
@pytest.mark.parametrize("tag", SUBJECTS)
def test_fifty_orders_with_duplicates_end_in_equal_bytes(tag: str) -> None:
    subject = SUBJECTS[tag]
    for seed in range(HISTORIES):
        history, chance = lived(subject, seed), Random(seed)
        assert len(history.replicas) == 5
        ended = [replica.object for replica in history.replicas]
        expected = reduce(subject.kind.merge, ended)
        canonical, fingerprint = expected.canonical(), expected.fingerprint(hashed)
        items = arrivals(history)
        for _ in range(ORDERS):
            state = subject.new()
            for item in chance.sample(items + items, len(items) + len(items)):
                state.absorb(item)
            assert state.canonical() == canonical
            assert state.fingerprint(hashed) == fingerprint


@pytest.mark.parametrize("tag", SUBJECTS)
def test_a_few_orders_end_in_equal_bytes(tag: str) -> None:
    subject = SUBJECTS[tag]
    history, chance = lived(subject, 77), Random(1)
    states = [subject.new() for _ in range(4)]
    for state in states:
        items = arrivals(history)
        chance.shuffle(items)
        for item in items:
            state.absorb(item)
    assert len({state.canonical() for state in states}) == 1
    assert len({state.fingerprint(hashed) for state in states}) == 1
