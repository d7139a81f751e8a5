"""Two processes that act under one id, as after a restart that lost its state: all still converge.

Something may be lost then, but everybody loses the same, and a state stays what merges make of it.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from crdt import RGA, ORSet, Sequence, Text
from crdt.rows import Rowed
from crdt.testing import subject_of
from crdt.testing.history import keep_a_print, keeps_its_fingerprint, run_history
from tests.crdt.kinds import BUILT_IN

SEEDS = 40


def strangers(kind: type[Any], seed: int) -> list[Any]:
    """Return three states of replicas that never met, although they bear the same names."""
    chance = Random(seed)
    states: list[Any] = []
    for _ in range(3):
        script = bytes([0]) + chance.randbytes(chance.choice([6, 10, 20, 40]))
        states += [one.object for one in run_history(subject_of(kind), script).replicas]
    return [kind.from_payload(state.payload) for state in chance.sample(states, 3)]


@pytest.mark.parametrize("kind", BUILT_IN)
def test_states_under_one_id_still_form_a_lattice(kind: type[Any]) -> None:
    for seed in range(SEEDS):
        x, y, z = strangers(kind, seed)
        both = kind.merge(x, y)
        assert both.canonical() == kind.merge(y, x).canonical()
        assert kind.merge(both, z).canonical() == kind.merge(x, kind.merge(y, z)).canonical()
        assert kind.merge(both, y).canonical() == both.canonical()
        assert x.compare(both)
        assert y.compare(both)
        assert kind.from_payload(both.payload).canonical() == both.canonical()
        grown = x.clone()
        if isinstance(grown, Rowed):
            keep_a_print(grown)
        assert grown.join(y) == (grown.canonical() != x.canonical())
        assert keeps_its_fingerprint(grown)
        assert x.compare(y) == (both.canonical() == y.canonical())


@pytest.mark.parametrize("kind", [Text, Sequence, RGA])
def test_two_texts_under_one_id_end_equal_and_the_id_is_given_up(kind: type[Any]) -> None:
    old, new = kind("a"), kind("a")
    old.extend("hello, you")
    new.extend("world")
    new.delete(1)
    other = old.clone("b")
    assert len(other) == 10  # its layout is made
    assert other.join(new)
    assert new.join(old)
    assert list(new) == list(other)
    assert new.canonical() == other.canonical()
    assert not other.join(new)
    assert new.replica is None  # somebody else writes under it
    new.append("!")
    assert other.join(new)
    assert list(other)[-1] == "!"


def test_after_a_restart_without_state_an_id_is_given_up_once_its_old_writes_arrive() -> None:
    peer: ORSet[str] = ORSet("peer")
    me: ORSet[str] = ORSet("me")
    me.update(["x", "y"])
    peer.join(me)
    again: ORSet[str] = ORSet("me")
    again.join(peer)
    assert again.replica is None
    again.add("z")
    peer.join(again)
    assert peer == again == {"x", "y", "z"}
