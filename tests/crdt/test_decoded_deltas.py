"""Deltas that came as payloads, which some types take in a shorter way than those made here."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from crdt import ORSet, RWSet
from crdt.testing import subject_of
from tests.crdt.kinds import BUILT_IN


@pytest.mark.parametrize("kind", BUILT_IN)
def test_who_is_fed_with_decoded_deltas_reads_at_each_step_as_a_fresh_object_does(
    kind: type[Any],
) -> None:
    subject = subject_of(kind)
    for seed in range(4):
        chance = Random(seed)
        writers, reader = [kind("a"), kind("b")], kind("reader")
        late: list[Any] = []
        for _ in range(40):
            writer = chance.choice(writers)
            try:
                delta = chance.choice(subject.acts)(writer, chance.randrange(64))
            except (KeyError, ValueError):
                continue
            late.append(json.dumps(delta.payload))
            if chance.random() < 0.2:
                writers[0].join(writers[1])
                writers[1].join(writers[0])
            if chance.random() < 0.7:
                reader.join(kind.from_payload(json.loads(late.pop(chance.randrange(len(late))))))
            fresh = kind.from_payload(reader.payload)
            assert subject.read(reader) == subject.read(fresh)
            assert reader.canonical() == fresh.canonical()
            assert reader.stats() == fresh.stats()


@pytest.mark.parametrize("kind", [ORSet, RWSet])
def test_a_decoded_delta_that_only_removes_a_dot_is_seen_by_every_index(kind: type[Any]) -> None:
    state = kind("me")
    state.update(["x", "y"])
    state.join(kind("you").add("z"))
    assert len(state) == 3  # from now on it remembers what shows
    assert sorted(state.context) == ["me", "you"]  # and where each dot is
    assert state.join(kind.from_payload({"me": [[], [], [0, 1]]}))
    assert (len(state), "x" in state) == (2, False)
    assert state.context == kind.from_payload(state.payload).context
