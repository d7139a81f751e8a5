"""Mutated payloads are refused, or they are lawful objects with that very payload."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
import json
from random import Random
from typing import Any

import pytest

from crdt import PayloadError, type_of
from crdt.catalogue import tags
from crdt.testing import run_history, subject_of, wide_script
from crdt.testing.laws import _same
from tests.crdt.test_friendship import Friendship, user

MUTATIONS = 2000
BUILT_IN = [tag for tag in tags() if type_of(tag).__module__.startswith("crdt.")]

ODD: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2**31,
    2**53,
    -(2**64),
    10**5000,
    1.0,
    0.5,
    float("nan"),
    float("inf"),
    "",
    "a",
    "\ud800",
    "x" * 300,
    "0x1f",
    b"bytes",
    (1, 2),
    [],
    {},
    [[]],
    [1, 2, 3],
    {"a": 1},
    {1: 2},
    {1, 2},
    ["i", "0x1f"],
    ["i", hex(2**60)],
    ["f", "nan"],
    ["f", "1.5"],
    ["b", "!"],
    ["t", []],
    ["t", ["x", ["t", []]]],
    ["d", [["k", 1]]],
    ["x", 1],
    object(),
    [[[[[[[[[[[[1]]]]]]]]]]]],
]


def places(payload: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of everything in a payload."""
    found = [path]
    if isinstance(payload, dict):
        for key, item in payload.items():
            found += places(item, (*path, key))
    elif isinstance(payload, list):
        for index, item in enumerate(payload):
            found += places(item, (*path, index))
    return found


def odd(chance: Random) -> Any:
    return deepcopy(chance.choice(ODD))


def mutate(chance: Random, payload: Any) -> Any:
    """Change one thing at one place."""
    path = chance.choice(places(payload))
    if not path:
        return odd(chance) if chance.random() < 0.5 else shake(chance, payload)
    holder = payload
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = chance.choice(
        [lambda: odd(chance), lambda: shake(chance, holder[path[-1]])]
    )()
    return payload


def shake(chance: Random, item: Any) -> Any:
    """Change something a little, the way bits and editors do."""
    if type(item) is int:
        return item + chance.choice([-1, 1, 2**20, -item])
    if type(item) is str:
        cut = chance.randrange(len(item) + 1)
        return (
            item[:cut] + chance.choice(["", "a", "\x00", "0"]) + item[cut + chance.randrange(2) :]
        )
    if type(item) is list and item:
        index = chance.randrange(len(item))
        shaken: Callable[[], Any] = chance.choice(
            [
                lambda: item[:index] + item[index + 1 :],
                lambda: item[: index + 1] + item[index:],
                lambda: item[::-1],
                lambda: [*item, odd(chance)],
            ]
        )
        return shaken()
    if type(item) is dict:
        key = chance.choice([*item, "added", "removed", "bias", "z"])
        if chance.random() < 0.5:
            return {name: part for name, part in item.items() if name != key}
        return {**item, key: chance.choice([*item.values(), odd(chance)])}
    return odd(chance)


def payloads_of(tag: str) -> list[Any]:
    history = [run_history(subject_of(type_of(tag)), wide_script(seed)) for seed in range(3)]
    return [state.payload for run in history for state, _ in run.snapshots]


def check(kind: type[Any], payload: Any) -> bool:
    """Load a payload; tell whether it was taken, and then hold the object to what it must be."""
    try:
        loaded = kind.from_payload(payload)
    except PayloadError:
        return False
    assert _same(loaded.payload, payload)
    again = kind.from_payload(json.loads(json.dumps(loaded.payload)))
    assert again.canonical() == loaded.canonical()
    fresh = kind()
    assert fresh.join(loaded) != loaded.initial
    assert fresh.canonical() == loaded.canonical()
    assert loaded.compare(fresh)
    assert loaded.stats()["payload_bytes"] == len(loaded.canonical())
    assert repr(loaded)
    return True


@pytest.mark.sweep
@pytest.mark.parametrize("tag", BUILT_IN)
def test_a_mutated_payload_is_refused_or_lawful(tag: str) -> None:
    kind, chance = type_of(tag), Random(f"mutations of {tag}")
    sources = [json.dumps(payload) for payload in payloads_of(tag)]
    taken = 0
    for _ in range(MUTATIONS):
        payload = json.loads(chance.choice(sources))
        for _ in range(chance.randrange(1, 3)):
            payload = mutate(chance, payload)
        taken += check(kind, payload)
    assert 0 < taken < MUTATIONS


@pytest.mark.sweep
def test_a_mutated_payload_of_a_hand_written_type_is_refused_or_loaded() -> None:
    chance = Random("mutations of friendship")
    eric = user("eric")
    eric.follow(user("glenn"))
    eric.unfollow(user("joey"))
    taken = 0
    for _ in range(MUTATIONS):
        payload = mutate(chance, json.loads(json.dumps(eric.payload)))
        try:
            Friendship.from_payload(payload)
            taken += 1
        except PayloadError:
            pass
    assert 0 < taken < MUTATIONS
