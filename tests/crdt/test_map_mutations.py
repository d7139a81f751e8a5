"""Mutated payloads and contexts of maps with children of many types: refused, or lawful."""

from __future__ import annotations

import contextlib
from copy import deepcopy
import json
from random import Random
from typing import Any

import pytest

from crdt import (
    RGA,
    GMap,
    Logoot,
    LWWMap,
    ORCart,
    ORMap,
    PayloadError,
    PNCounter,
    PNSet,
    RWSet,
    Sequence,
    Text,
    Tree,
)
from crdt.testing import Subject, run_history, subject_of, wide_script
from crdt.testing.children import child_subject
from tests.crdt.boards import BOARD
from tests.crdt.test_payload_mutations import check, mutate

MUTATIONS = 400

SUBJECTS: dict[str, Subject[Any]] = {
    "text": child_subject(Text),
    "rga": child_subject(RGA, (ORMap, GMap)),
    "sequence": child_subject(Sequence, (ORMap, ORMap)),
    "logoot": child_subject(Logoot),
    "pnset": child_subject(PNSet),
    "counters": child_subject(PNCounter, (ORMap, GMap)),
    "rwset": child_subject(RWSet),
    "tree": child_subject(Tree),
    "cart": subject_of(ORCart),
    "writes": subject_of(LWWMap),
    "board": BOARD,
}


def states_of(subject: Subject[Any]) -> list[Any]:
    """Return states on the way of a history, some of them compacted."""
    states = []
    for seed in range(2):
        for state, _ in run_history(subject, wide_script(seed)).snapshots[::4]:
            states.append(state)
            if hasattr(state, "compact"):
                compacted = state.clone()
                compacted.compact(state)
                states.append(compacted)
    return [state for state in states if not state.initial]


@pytest.mark.sweep
@pytest.mark.parametrize("name", SUBJECTS)
def test_a_mutated_payload_is_refused_or_lawful(name: str) -> None:
    subject, chance = SUBJECTS[name], Random(f"mutations of {name}")
    sources = [json.dumps(state.payload) for state in states_of(subject)]
    taken = 0
    for _ in range(MUTATIONS):
        payload = json.loads(chance.choice(sources))
        for _ in range(chance.randrange(1, 3)):
            payload = mutate(chance, payload)
        if check(subject.kind, deepcopy(payload)):
            taken += 1
            live(subject, chance, payload)
    assert 0 < taken < MUTATIONS


def live(subject: Subject[Any], chance: Random, payload: Any) -> None:
    """Read, change, split and compact what was loaded: nothing may raise later."""
    loaded = subject.kind.from_payload(payload, replica="me")
    subject.read(loaded)
    other = loaded.clone("other")
    for _ in range(3):
        with contextlib.suppress(KeyError, ValueError):
            chance.choice(subject.acts)(loaded, chance.randrange(64))
    loaded.compact(loaded.clone())
    for part in loaded.split(200):
        other.join(part)
    other.join(loaded)
    loaded.join(other)
    assert other.canonical() == loaded.canonical()
    subject.read(other)


@pytest.mark.sweep
@pytest.mark.parametrize("name", SUBJECTS)
def test_a_mutated_context_is_refused_or_answered(name: str) -> None:
    subject, chance = SUBJECTS[name], Random(f"contexts of {name}")
    states = [state for state in states_of(subject) if hasattr(state, "context")]
    for _ in range(100 if states else 0):
        state, reader = chance.choice(states), chance.choice(states)
        context = mutate(chance, json.loads(json.dumps(reader.context)))
        try:
            delta = state.delta_since(context)
        except PayloadError:
            continue
        assert delta.compare(state)
