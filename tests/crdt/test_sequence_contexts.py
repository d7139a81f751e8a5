"""What a peer lacks of a sequence, and sequences in parts."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from crdt import RGA, PayloadError, Sequence, Text
from crdt.testing import run_history, subject_of

ANCHORED: list[type[Any]] = [Sequence, Text, RGA]
every_anchored = pytest.mark.parametrize("kind", ANCHORED)


def states_of(kind: type[Any], script: bytes) -> list[Any]:
    history = run_history(subject_of(kind), script)
    return [state for state, _ in history.snapshots[-6:]]


@every_anchored
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(script=st.binary(min_size=10, max_size=80))
def test_what_a_peer_lacks_does_there_what_the_whole_state_would(
    kind: type[Any], script: bytes
) -> None:
    states = states_of(kind, script)
    for state in states:
        for peer in states:
            context = json.loads(json.dumps(peer.context))
            delta = state.delta_since(context)
            updated = peer.clone()
            updated.join(kind.from_payload(delta.payload))
            assert updated.canonical() == kind.merge(peer, state).canonical()
            assert delta.compare(state)
        assert state.delta_since({}).canonical() == state.canonical()


@every_anchored
def test_a_peer_that_has_everything_lacks_nothing(kind: type[Any]) -> None:
    state = kind("me")
    state.extend("abcdef")
    state.delete(1, 3)
    assert state.delta_since(state.clone().context).initial


@every_anchored
def test_what_a_peer_lacks_costs_its_own_size(kind: type[Any]) -> None:
    state = kind("me")
    state.extend("0123456789" * 1000)
    state.delete(500, 900)
    peer = state.clone(replica="peer")
    state.insert(50, "0123456789") if kind is Text else state.splice(50, 50, "0123456789")
    assert len(state.delta_since(peer.context).canonical()) < 110
    peer.delete(0)
    back = peer.delta_since(state.context)
    assert back.stats()["elements"] == 0
    assert len(back.canonical()) < 60
    assert len(json.dumps(peer.context)) < 120


@every_anchored
def test_sums_of_deleted_ids_are_not_mistaken_for_the_ids(kind: type[Any]) -> None:
    state = kind("me")
    state.extend("abcd")
    one, other = state.clone(replica="one"), state.clone(replica="other")
    one.delete(3), one.delete(0)
    other.delete(1, 3)
    one.join(other.delta_since(one.context))
    assert len(one) == 0


@every_anchored
def test_a_deletion_that_came_first_is_passed_on(kind: type[Any]) -> None:
    writer, early = kind("writer"), kind("early")
    made = writer.extend("abc")
    early.join(writer.delete(1))
    assert early.context["writer"][0] == []
    assert early.delta_since(early.context).initial
    fresh = kind()
    fresh.join(early.delta_since(fresh.context))
    fresh.join(made)
    assert "".join(fresh) == "ac"
    assert writer.delta_since(early.context).canonical() == writer.canonical()


@every_anchored
@pytest.mark.parametrize(
    "context",
    [None, [], {"r": 5}, {"r": [[0, 1]]}, {"r": [[0], "x"]}, {"r": [[0, 1], 5]}, {"": [[], ""]}],
)
def test_a_malformed_context_is_refused(kind: type[Any], context: Any) -> None:
    state = kind("r")
    state.append("x")
    with pytest.raises(PayloadError):
        state.delta_since(context)


@every_anchored
@pytest.mark.parametrize("limit", [1, 60, 200, 10**6])
def test_the_parts_of_a_state_are_small_and_join_to_it_in_any_order(
    kind: type[Any], limit: int
) -> None:
    here, there = kind("here"), kind("there")
    here.extend("0123456789" * 8)
    there.join(here)
    for at in (3, 30, 31, 60):
        there.insert(at, "x")
        here.delete(at)
    there.join(here)
    ahead = kind("ahead")
    ahead.extend("ab")
    there.join(ahead.delete(0))
    parts = list(there.split(limit))
    assert all(
        len(part.canonical()) <= limit or part.stats()["elements"] + part.stats()["tombstones"] < 6
        for part in parts
    )
    assert (len(parts) == 1) == (limit == 10**6)
    for part in parts:
        assert part.compare(there)
        assert kind.from_payload(part.payload).canonical() == part.canonical()
    Random(limit).shuffle(parts)
    whole = kind()
    for part in parts:
        whole.join(part)
    assert whole.canonical() == there.canonical()
    assert list(whole) == list(there)


@every_anchored
def test_an_initial_state_has_no_parts_and_limits_are_whole_numbers(kind: type[Any]) -> None:
    assert list(kind().split(10)) == []
    state = kind("me")
    state.append("x")
    for limit in (0, -1):
        with pytest.raises(ValueError, match="at least 1"):
            state.split(limit)
    for wrong in (True, 1.0, "1"):
        with pytest.raises(TypeError):
            state.split(wrong)
