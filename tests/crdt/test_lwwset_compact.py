"""A set of last writes forgets removals that everybody knows of, and nothing comes back."""

from __future__ import annotations

from random import Random
from typing import Any, Literal

import pytest

from crdt import LWWMap, LWWSet, PayloadError
from crdt.ambient import acting
from crdt.testing.history import hashed

Bias = Literal["add", "remove"]
both_ways = pytest.mark.parametrize("bias", ["add", "remove"])


@both_ways
def test_tombstones_up_to_the_frontier_go_and_older_writes_are_void(bias: Bias) -> None:
    now = [10]
    here: LWWSet[str] = LWWSet("here", bias=bias, clock=lambda: now[0])
    here.update("abc")
    here.remove("b")
    there = here.clone()
    late = here.clone("late").add("b")  # not made by somebody who has joined `stable`
    delta = here.compact(here.clone())
    assert here.payload["frontier"] == [10, 1]
    assert here.stats()["tombstones"] == 0
    assert here == {"a", "c"}
    assert delta.bias == bias
    assert there.join(delta)
    assert there.canonical() == here.canonical()
    assert not there.join(delta)
    old: LWWSet[str] = LWWSet.from_payload({"added": [["b", [10, 0], "x"]]})
    if bias == "add":
        assert not here.join(old)  # void
    assert here.join(late)  # it is newer than the frontier, so it counts
    now[0] = 0
    assert here.add("b").payload["added"][0][1] >= [10, 2]  # above the frontier, too
    assert here.compact(here.clone()).initial


def test_what_stable_lacks_is_never_settled() -> None:
    now = [10]
    here: LWWSet[str] = LWWSet("here", clock=lambda: now[0])
    here.update("ab")
    here.remove("a")
    stable = here.clone()
    now[0] = 20
    here.remove("b")
    here.compact(stable)
    assert here.payload["frontier"] == [10, 1]
    assert [row[0] for row in here.payload["removed"]] == ["b"]
    other: LWWSet[str] = LWWSet()
    other.add("z")
    with pytest.raises(ValueError, match="has not joined"):
        here.compact(other)
    with pytest.raises(TypeError, match="bias"):
        here.compact(LWWSet(bias="remove"))


@both_ways
@pytest.mark.parametrize("seed", range(12))
def test_sets_that_compact_show_what_those_show_that_do_not(bias: Bias, seed: int) -> None:
    chance, now = Random(seed), [0]
    small: list[Any] = [LWWSet(name, bias=bias) for name in "abc"]
    plain: list[Any] = [LWWSet(name, bias=bias) for name in "abc"]
    stable: Any = None

    def together(act: Any) -> None:
        act(small), act(plain)

    def meet(them: list[Any]) -> None:
        for one in them * 2:
            for other in them:
                one.join(other)

    with acting(clock=lambda: now[0]):
        for _ in range(60):
            now[0] += chance.randrange(3)
            i, j, what = chance.randrange(3), chance.randrange(3), chance.random()
            element = chance.choice("pqrs")
            if what < 0.3:
                together(lambda them, i=i, element=element: them[i].add(element))
            elif what < 0.6:
                together(lambda them, i=i, element=element: them[i].discard(element))
            elif what < 0.8:
                together(lambda them, i=i, j=j: them[i].join(them[j]))
            elif what < 0.9:
                together(meet)
                stable = small[0].clone()
            elif stable is not None:
                small[i].compact(stable)
            assert [one.value for one in small] == [one.value for one in plain]
            back: Any = LWWSet.from_payload(small[i].payload)
            assert back.canonical() == small[i].canonical()
            whole: Any = LWWSet(bias=bias)
            for part in chance.sample(parts := list(back.split(1)), len(parts)):
                whole.join(part)
            assert whole.canonical() == back.canonical()
        together(meet)
    assert len({one.canonical() for one in small}) == 1
    assert small[0].value == plain[0].value


@pytest.mark.parametrize(
    "payload",
    [
        {"frontier": [5]},
        {"frontier": []},
        {"frontier": [-1, 0]},
        {"frontier": [5, 0], "removed": [["a", [5, 0], "r"]]},
        {"frontier": [5, 0], "removed": [["a", [4, 9], "r"]]},
    ],
)
def test_a_frontier_that_no_set_writes_is_refused(payload: Any) -> None:
    with pytest.raises(PayloadError):
        LWWSet.from_payload(payload)


@pytest.mark.parametrize("kind", [LWWSet, LWWMap])
def test_a_fingerprint_follows_a_compaction(kind: type[Any]) -> None:
    here = kind("here", clock=lambda: 10)
    here.update({f"k{i}": i for i in range(20)})
    for i in range(5):
        here.remove(f"k{i}")
    there = here.clone()
    here.fingerprint(hashed), there.fingerprint(hashed)
    there.absorb(here.compact(here.clone()))
    fresh = kind.from_payload(here.payload).fingerprint(hashed)
    assert here.fingerprint(hashed) == there.fingerprint(hashed) == fresh
    assert here._print is not None
