"""The causal core against the plainest model there is: sets of (replica, counter, element)."""

from __future__ import annotations

from dataclasses import dataclass, field
import pickle
from random import Random
from typing import Any

import pytest

from crdt import ORSet
from crdt.causal.runs import encode_runs, runs_of

Dot = tuple[str, int]


@dataclass
class Plain:
    """Live dots with their elements, and every dot seen, one by one."""

    live: dict[Dot, Any] = field(default_factory=dict)
    seen: set[Dot] = field(default_factory=set)

    def join(self, other: Plain) -> bool:
        before = (dict(self.live), set(self.seen))
        kept = {d: e for d, e in self.live.items() if d in other.live or d not in other.seen}
        kept.update({d: e for d, e in other.live.items() if d not in self.seen})
        self.live, self.seen = kept, self.seen | other.seen
        return (self.live, self.seen) != before

    def add(self, replica: str, elements: list[Any]) -> Plain:
        delta = self.drop(elements)
        top = max([n for r, n in self.seen if r == replica], default=0)
        for number, element in enumerate(dict.fromkeys(elements), top + 1):
            delta.live[replica, number] = element
            delta.seen.add((replica, number))
        self.join(delta)
        return delta

    def drop(self, elements: list[Any]) -> Plain:
        delta = Plain(seen={dot for dot, element in self.live.items() if element in elements})
        self.join(delta)
        return delta

    def payload(self) -> Any:
        made = {}
        for replica in sorted({replica for replica, _ in self.seen}):
            live = sorted(n for r, n in self.live if r == replica)
            seen = sorted(n for r, n in self.seen if r == replica)
            elements = [self.live[replica, n] for n in live]
            made[replica] = [elements, encode_runs(runs_of(live)), encode_runs(runs_of(seen))]
        return made


@dataclass
class Pair:
    """A set, and what it should be."""

    real: Any
    plain: Plain


def change(chance: Random, pair: Pair, replica: str, size: int) -> Pair:
    """Change both sides alike and return both deltas."""
    names = [f"e{chance.randrange(size)}" for _ in range(chance.choice([1, 1, 1, 2, 5]))]
    what = chance.random()
    if what < 0.5:
        return Pair(pair.real.add(names[0]), pair.plain.add(replica, names[:1]))
    if what < 0.6:
        return Pair(pair.real.update(names), pair.plain.add(replica, names))
    if what < 0.97:
        return Pair(pair.real.discard(names[0]), pair.plain.drop(names[:1]))
    return Pair(pair.real.clear(), pair.plain.drop(list(pair.plain.live.values())))


def carried(chance: Random, delta: Any) -> Any:
    """Return a delta as somebody may hold it: as it is, looked at, or carried."""
    way = chance.randrange(4)
    if way == 0:
        return delta
    if way == 1:
        assert delta.payload is not None
        return delta
    return ORSet.from_payload(delta.payload) if way == 2 else delta.clone()


def replaced(chance: Random, real: Any, replica: str) -> Any:
    """Return the set as it is, or sometimes a copy that takes its place."""
    way = chance.randrange(40)
    if way == 0:
        return real.clone(replica=replica)
    if way == 1:
        real = pickle.loads(pickle.dumps(real))
        real.replica = replica
    if way == 2:
        real.payload = real.payload
        real.replica = replica
    if way == 3:
        real.observe(lambda delta: None)
    return real


def check(pair: Pair) -> None:
    elements = set(pair.plain.live.values())
    assert pair.real.payload == pair.plain.payload()
    assert len(pair.real) == len(elements)
    assert set(pair.real) == elements == pair.real
    assert all(name in pair.real for name in elements)
    assert "never" not in pair.real


def run(seed: int, steps: int) -> None:
    chance = Random(f"causal {seed}")
    names = "abcdefg"[: chance.randrange(1, 8)]
    size = chance.choice([2, 4, 60])
    pairs = [Pair(ORSet(name), Plain()) for name in names]
    deltas: list[Pair] = []
    if size > 4:
        many = [f"e{number}" for number in range(size)]
        deltas.append(Pair(pairs[0].real.update(many), pairs[0].plain.add("a", many)))
        for pair in pairs[1:]:
            assert pair.real.join(deltas[0].real) == pair.plain.join(deltas[0].plain)
    for _ in range(steps):
        which = chance.randrange(len(pairs))
        pair, what = pairs[which], chance.random()
        if what < 0.6 or not deltas:
            deltas.append(change(chance, pair, names[which], size))
        elif what < 0.9:
            delta = deltas[-1 - chance.randrange(min(len(deltas), 12))]
            grew = pair.plain.join(delta.plain)
            assert pair.real.absorb(carried(chance, delta.real)) == grew
        else:
            other = chance.choice(pairs)
            below = not Plain(dict(other.plain.live), set(other.plain.seen)).join(pair.plain)
            assert pair.real.compare(other.real) == below
            assert pair.real.absorb(other.real) == pair.plain.join(other.plain)
        pair.real = replaced(chance, pair.real, names[which])
        if chance.random() < 0.5:
            check(pair)
    for pair in pairs:
        check(pair)
    for delta in deltas:
        assert delta.real.payload == delta.plain.payload()


@pytest.mark.parametrize("seed", range(60))
def test_a_set_is_always_what_the_plain_model_says(seed: int) -> None:
    run(seed, steps=80)


@pytest.mark.sweep
@pytest.mark.parametrize("block", range(4))
def test_a_set_is_always_what_the_plain_model_says_over_many_seeds(block: int) -> None:
    for seed in range(1000 + 100 * block, 1100 + 100 * block):
        run(seed, steps=60)
