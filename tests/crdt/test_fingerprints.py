"""Fingerprints: equal for equal states, and as cheap as what changed."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
import json
from pathlib import Path
import pickle
from time import perf_counter
from typing import Any

import pytest

from crdt import (
    Compound,
    GCounter,
    GMap,
    GSet,
    LWWMap,
    ORMap,
    ORSet,
    StateCRDT,
    Text,
    type_of,
)
from crdt.ambient import acting
from crdt.catalogue import tags
from crdt.rows import FEW, UNKEPT, Rowed
from crdt.testing import subject_of, wide_script
from crdt.testing.history import hashed, run_history
from tests.crdt.kinds import BUILT_IN

GOLDEN = json.loads(Path(__file__).with_name("fingerprints.json").read_text("ascii"))

CONSTANT_SIZE = {"LWWRegister", "MaxRegister", "MinRegister"}
"""Types whose whole state is one write: hashing it is as cheap as it gets."""


class Counting:
    """A hash that counts its calls."""

    calls = 0

    def __call__(self, data: bytes) -> bytes:
        self.calls += 1
        return hashed(data)


def anew(state: StateCRDT) -> bytes:
    return type(state).from_payload(state.payload).fingerprint(hashed)


def big(kind: type[Any], changes: int = 300) -> Any:
    state = kind("me")
    with acting(clock=lambda: 1_700_000_000_000):
        for _ in range(changes):
            BUILT_IN[kind](state)
    return state


BUILT_IN_TAGS = [tag for tag in tags() if type_of(tag).__module__.startswith("crdt.")]


@pytest.mark.parametrize("tag", BUILT_IN_TAGS)
def test_the_meaning_of_a_fingerprint_never_changes(tag: str) -> None:
    for payload, golden in GOLDEN[tag]:
        assert type_of(tag).from_payload(payload).fingerprint(hashed).hex() == golden


def test_the_fingerprint_of_a_set_by_hand() -> None:
    rows = [b'["a",2]', b'["a",2,"milk"]', b'["b",["t",[2,3]]]', b'["b",2,["f","1.5"]]']
    total = sum(int.from_bytes(hashed(row), "big") for row in rows) % 2**128
    state: ORSet[Any] = ORSet.from_payload(
        {"a": [["milk"], [1, 1], [0, 2]], "b": [[["f", "1.5"]], [1, 1], [1, 1]]}
    )
    assert state.fingerprint(hashed) == hashed(total.to_bytes(16, "big"))


@pytest.mark.parametrize("kind", BUILT_IN)
def test_one_change_of_a_big_state_costs_a_few_hashes(kind: type[Any]) -> None:
    state, twin, hash = big(kind), big(kind), Counting()
    state.fingerprint(hash)
    changes: list[Callable[[], object]] = [
        lambda: BUILT_IN[kind](state),
        lambda: state.absorb(BUILT_IN[kind](twin.clone("other"))),
    ]
    for change in changes:
        before = hash.calls
        change()
        told = state.fingerprint(hash)
        assert hash.calls - before <= 12
        assert told == anew(state)
    before = hash.calls
    state.fingerprint(hash)
    assert hash.calls - before <= FEW + 1  # 1 where there is a print


@pytest.mark.parametrize("kind", [kind for kind in BUILT_IN if kind.__name__ not in CONSTANT_SIZE])
def test_a_print_says_what_a_new_one_would(kind: type[Any]) -> None:
    for seed in range(4):
        history = run_history(subject_of(kind), wide_script(seed))
        for replica in history.replicas:
            assert replica.object.fingerprint(hashed) == anew(replica.object)
        kept = [one for one in history.replicas if one.object._print is not None]
        assert kept


@pytest.mark.parametrize("kind", BUILT_IN)
@pytest.mark.parametrize("join", [False, True])
def test_the_time_follows_the_change_not_the_size(kind: type[Any], join: bool) -> None:
    def cost(changes: int) -> float:
        with acting(clock=lambda: 1_700_000_000_000):
            state = big(kind, changes)
            state.fingerprint(hashed)
            other = state.clone("other")
            deltas = [BUILT_IN[kind](other) for _ in range(25)]
            times = []
            for delta in deltas:
                started = perf_counter()
                if join:
                    assert not delta.compare(state) or delta.initial
                    state.absorb(delta)
                else:
                    BUILT_IN[kind](state)
                state.fingerprint(hashed)
                times.append(perf_counter() - started)
        return min(times)

    assert cost(3_000) < 5 * cost(100) + 20e-6


def test_after_one_add_to_a_hundred_thousand_the_fingerprint_takes_microseconds() -> None:
    state: ORSet[str] = ORSet("me")
    state.update(f"e{i}" for i in range(100_000))
    state.fingerprint(hashed)
    times = []
    for i in range(30):
        state.add(f"new{i}")
        started = perf_counter()
        state.fingerprint(hashed)
        times.append(perf_counter() - started)
    assert min(times) < 200e-6  # it takes 4; all of it takes 200,000
    assert state.fingerprint(hashed) == anew(state)


def test_nothing_is_kept_before_somebody_asks_or_for_a_small_state() -> None:
    state: ORSet[int] = ORSet("me")
    state.update(range(FEW - 1))
    state.fingerprint(hashed)
    assert state._print is None
    state.add(FEW)
    assert state._print is None
    state.fingerprint(hashed)
    assert state._print is not None


def test_another_hash_gives_another_fingerprint_and_none_is_mixed_up() -> None:
    state: ORSet[int] = ORSet("me")
    state.update(range(100))

    def keyed(data: bytes) -> bytes:
        return blake2b(data, key=b"salt", digest_size=16).digest()

    for i in range(100, 110):
        first = state.fingerprint(hashed), state.fingerprint(keyed)
        assert len(set(first)) == 2
        state.add(i)
        assert state.fingerprint(keyed) not in first
        assert state.fingerprint(hashed) == anew(state)


@pytest.mark.parametrize("kind", [ORSet, GCounter, LWWMap, Text, GMap])
def test_a_print_that_fell_behind_is_made_anew(kind: type[Any]) -> None:
    state = big(kind, 20)
    state.fingerprint(hashed)
    other = big(kind, 200)
    other.replica = "other"
    with acting(clock=lambda: 1_700_000_000_001):
        for _ in range(100):
            state.absorb(BUILT_IN[kind](other))
    state.absorb(other)
    assert state.fingerprint(hashed) == anew(state)


def test_changes_that_cancel_leave_nothing_to_remember() -> None:
    state: ORSet[int] = ORSet("me")
    state.update(range(100))
    state.fingerprint(hashed)
    for _ in range(10_000):
        state.add(1_000)
        state.remove(1_000)
    held: Any = state._print
    assert held.hash is hashed  # it did not fall behind
    assert len(held._changes) <= 3
    assert state.fingerprint(hashed) == anew(state)


def test_assigning_a_payload_drops_what_was_kept() -> None:
    for kind in BUILT_IN:
        state, other = big(kind, 20), big(kind, 10)
        state.fingerprint(hashed)
        state.payload = other.payload
        assert state.fingerprint(hashed) == other.fingerprint(hashed)


@pytest.mark.parametrize("copy", [lambda s: s.clone(), lambda s: pickle.loads(pickle.dumps(s))])
def test_copies_and_originals_go_their_own_ways(copy: Callable[[Any], Any]) -> None:
    for kind in BUILT_IN:
        state = big(kind, 20)
        state.fingerprint(hashed)
        BUILT_IN[kind](state)
        made = copy(state)
        assert made.fingerprint(hashed) == state.fingerprint(hashed) == anew(state)
        for one in (made, state, made):
            BUILT_IN[kind](one)
            assert (made.fingerprint(hashed), state.fingerprint(hashed)) == (
                anew(made),
                anew(state),
            )


def test_a_live_child_of_a_map_tells_its_own_state() -> None:
    whole: ORMap[str] = ORMap("me")
    tags, likes = whole.open("tags", ORSet), whole.open("likes", GCounter)
    tags.update(range(20))
    likes.increment(5)
    before = tags.fingerprint(hashed), likes.fingerprint(hashed)
    assert tags._print is likes._print is UNKEPT
    other = whole.clone("other")
    other.open("tags", ORSet).remove(3)
    other.open("likes", GCounter).increment(2)
    whole.join(other)
    assert (tags.fingerprint(hashed), likes.fingerprint(hashed)) != before
    assert likes.fingerprint(hashed) == anew(likes)
    assert tags.fingerprint(hashed) == anew(tags)
    whole.remove("tags")
    assert tags.fingerprint(hashed) == anew(tags)
    assert whole.fingerprint(hashed) == anew(whole)


def test_a_hash_that_fails_loses_nothing() -> None:
    state: ORSet[Any] = ORSet("me")
    state.update(range(100))

    class Failing(Counting):
        def __call__(self, data: bytes) -> bytes:
            if b"bad" in data:
                raise ValueError("no hash of that")
            return super().__call__(data)

    hash = Failing()
    state.fingerprint(hash)
    state.update([1_000, "bad", 1_001])
    with pytest.raises(ValueError, match="no hash"):
        state.fingerprint(hash)
    state.remove("bad")
    assert state.fingerprint(hash) == anew(state)


def test_huge_claims_cost_no_time() -> None:
    huge = ["i", hex(2**70)]
    payloads: dict[str, Any] = {
        "orset@1": {"a": [[], [], [0, huge]]},
        "gcounter@1": {"a": huge},
        "orcart@1": {"a": [[["tea", [1, huge]]], [0, huge], [0, huge]]},
        "text@1": {"a": [[[0, huge, [">"], ""]], [0, huge]]},
    }
    for tag, payload in payloads.items():
        state = type_of(tag).from_payload(payload)
        assert isinstance(state, Rowed)
        assert len(state.fingerprint(hashed)) == 16


def test_a_whole_state_that_holds_ours_and_more_is_counted_once() -> None:
    here, there = ORSet("here"), ORSet("there")
    here.update([f"e{n}" for n in range(FEW + 1)])
    there.join(here)
    there.update([f"more{n}" for n in range(3)])
    here.update(["x"])
    here.fingerprint(hashed)
    there.fingerprint(hashed)
    there.join(here.clone())  # it holds all that there is from here, and one more
    here.join(there.clone())
    assert here.fingerprint(hashed) == there.fingerprint(hashed) == anew(here)


# In steps


def stepped(state: Rowed, between: Callable[[], object], most: int = 7) -> int:
    """Prepare the fingerprint, with something between the steps; gives how many there were."""
    steps = 1
    while not state._prepare(hashed, most):
        steps += 1
        between()
    return steps


@pytest.mark.parametrize("kind", [kind for kind in BUILT_IN if big(kind, 30)._bulk() >= 30])
def test_a_fingerprint_is_made_in_steps_while_the_state_changes(kind: type[Any]) -> None:
    state, twin = big(kind, 30), big(kind, 5)

    def change() -> None:
        with acting(clock=lambda: 1_700_000_000_001):
            BUILT_IN[kind](state)
            state.absorb(BUILT_IN[kind](twin.clone("other")))

    assert stepped(state, change) > 4
    assert state.fingerprint(hashed) == anew(state)


def test_sets_maps_and_what_is_made_of_them_are_looked_at_in_steps() -> None:
    kinds = {kind.__name__ for kind in BUILT_IN if big(kind, 30)._bulk() >= 30}
    assert kinds >= {"ORSet", "RWSet", "GSet", "TwoPSet", "LWWSet", "ORMap", "Logoot"}


def test_one_step_hashes_so_many_rows_and_the_last_leaves_few() -> None:
    state: ORSet[int] = ORSet("me")
    state.update(range(1000))
    hash = Counting()
    while not state._prepare(hash, 100):
        assert hash.calls <= 100
        hash.calls = 0
    hash.calls = 0
    assert state.fingerprint(hash)
    assert hash.calls <= 101
    state.update(range(2000, 2500))
    hash.calls = 0
    assert not state._prepare(hash, 100)
    assert hash.calls == 100
    while not state._prepare(hash, 100):
        pass
    state.fingerprint(hashed)
    assert state.fingerprint(hashed) == anew(state)


def test_whoever_asks_in_between_gets_the_whole_at_once() -> None:
    state: ORSet[int] = ORSet("me")
    state.update(range(100))
    assert not state._prepare(hashed, 10)
    copy = state.clone()
    assert copy._print is None  # a print that is not whole is nobody else's
    assert copy.fingerprint(hashed) == state.fingerprint(hashed) == anew(state)


def test_an_object_without_rows_and_a_live_child_need_no_steps() -> None:
    whole: ORMap[str] = ORMap("me")
    tags = whole.open("tags", ORSet)
    tags.update(range(20))
    tags.fingerprint(hashed)
    assert tags._prepare(hashed, 1)
    assert StateCRDT._prepare(tags, hashed, 1)
    assert StateCRDT._bulk(tags) == 0


class Board(Compound):
    tags: ORSet[int]
    seen: GSet[int]


def test_an_object_with_fields_is_made_ready_field_by_field() -> None:
    board = Board("me")
    board.tags.update(range(100))
    board.seen.update(range(50))
    assert board._bulk() >= 150
    assert stepped(board, lambda: board.tags.add(1000), most=20) > 5
    hash = Counting()
    assert board.fingerprint(hashed) == anew(board)
    assert not Board.from_payload(board.payload)._prepare(hash, 10)
    assert hash.calls <= 10


def test_a_long_text_is_hashed_in_steps_while_it_is_edited() -> None:
    text = Text("me")
    text.append("x" * 20_000)
    assert text._bulk() > 300
    assert stepped(text, lambda: text.insert(5_000, "y"), most=20) > 10
    assert text.fingerprint(hashed) == anew(text)
    assert Text()._bulk() == 0
    for at in range(0, 2_000, 20):
        text.insert(at, "z")
    assert text._bulk() > 400  # of many pieces, about
    delta = text.insert(7, "!")
    assert delta._bulk() < 3  # however late it comes
