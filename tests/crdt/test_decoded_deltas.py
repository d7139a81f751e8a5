"""Deltas that came as payloads, which some types take in a shorter way than those made here."""

from __future__ import annotations

from contextlib import suppress
from hashlib import blake2b
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


def digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


@pytest.mark.parametrize("kind", [ORSet, RWSet])
def test_a_folded_delta_of_several_dots_does_what_its_unfolded_twin_does(kind: type[Any]) -> None:
    subject, folded = subject_of(kind), 0
    for seed in range(12):
        chance = Random(seed)
        writer, short, long = kind("a"), kind("short"), kind("long")
        for _ in range(25):
            for _ in range(chance.choice((1, 2, 5, 9))):
                if chance.random() < 0.3:
                    with suppress(KeyError):
                        chance.choice(subject.acts)(writer, chance.randrange(64))
                else:
                    writer.add(f"e{chance.randrange(1000)}")
            told = chance.choice([short, kind("nobody")]).context
            delta = writer.delta_since(json.loads(json.dumps(told)))
            twin = kind.from_payload(json.loads(json.dumps(delta.payload)))
            assert delta.payload == twin.payload
            folded += len(delta._fold or ()) > 3
            assert twin._seen is not None  # looked at, and so unfolded
            assert twin._fold is None
            assert twin.payload == delta.payload
            assert short.join(delta) == long.join(twin)
            for read in (subject.read, kind.canonical, kind.stats):
                assert read(short) == read(long)
            assert (short.context, short.fingerprint(digest)) == (
                long.context,
                kind.from_payload(long.payload).fingerprint(digest),
            )
    assert folded > 20


@pytest.mark.parametrize("names", [["x", "y", "x"], [f"e{i}" for i in range(65)]])
def test_what_is_no_small_delta_is_not_folded(names: list[str]) -> None:
    decoded = ORSet.from_payload({"a": [names, [3, len(names)], [3, len(names)]]})
    assert decoded._fold is None
    assert set(decoded) == set(names)
    assert ORSet.from_payload(decoded.payload) == decoded
    assert ORSet("b").join(decoded)


def test_a_folded_delta_with_an_element_that_bears_an_older_dot_does_not_drop_that_dot() -> None:
    held = {"a": [["w", "x"], [0, 2], [0, 2]]}
    folded = ORSet.from_payload({"a": [["y", "x"], [2, 2], [2, 2]]})
    state = ORSet.from_payload(held)
    assert state.join(folded)
    assert state.payload == {"a": [["w", "x", "y", "x"], [0, 4], [0, 4]]}
    assert state.join(ORSet.from_payload({"a": [[], [], [3, 1]]}))
    assert set(state) == {"w", "x", "y"}


def test_who_is_told_of_several_dots_of_its_own_that_it_never_made_takes_another_id() -> None:
    state = ORSet("me")
    state.add("x")
    state.join(ORSet.from_payload({"me": [["y", "z"], [1, 2], [1, 2]]}))
    state.add("w")
    assert len(state.payload) == 2
    again = ORSet("me")
    again.update(["x", "y", "z"])
    again.join(ORSet.from_payload({"me": [["y", "z"], [1, 2], [1, 2]]}))
    again.add("w")
    assert len(again.payload) == 1
