"""A state in parts that are lawful alone, stay under a limit, and join to the state."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from crdt import LWWSet, ORSet, PNCounter, PNSet
from crdt.packing import packed
from crdt.testing import run_history, subject_of, wide_script
from tests.crdt.kinds import BUILT_IN, Change

every_type = pytest.mark.parametrize("kind", BUILT_IN)


@every_type
def test_parts_join_to_the_state_in_any_order_and_any_number_of_times(kind: type[Any]) -> None:
    for seed in range(6):
        chance = Random(seed)
        history = run_history(subject_of(kind), wide_script(seed))
        for state, _ in history.snapshots[::4]:
            for limit in (1, 60, 200, 10**6):
                parts = list(state.split(limit))
                assert all(
                    kind.from_payload(part.payload).canonical() == part.canonical()
                    and part.compare(state)
                    and part.replica is None
                    and not part.initial
                    for part in parts
                )
                whole = kind()
                for part in chance.sample(parts * 2, len(parts) * 2):
                    whole.join(part)
                assert whole.canonical() == state.canonical()


@every_type
def test_each_part_is_under_the_limit_unless_nothing_in_it_can_be_divided(kind: type[Any]) -> None:
    for seed in range(6):
        history = run_history(subject_of(kind), wide_script(seed))
        for state, _ in history.snapshots[::4]:
            smallest = max([len(part.canonical()) for part in state.split(1)], default=0)
            for limit in (60, 200, 1000):
                for part in state.split(limit):
                    assert len(part.canonical()) <= max(limit, smallest)


@every_type
def test_an_initial_state_has_no_parts_and_parts_share_nothing(
    kind: type[Any], change: Change
) -> None:
    assert list(kind().split(100)) == []
    state = kind("me")
    change(state)
    before = state.canonical()
    for part in state.split(10**6):
        change(part)
    assert state.canonical() == before


@every_type
def test_a_limit_is_a_whole_number_of_bytes(kind: type[Any]) -> None:
    for wrong in (1.5, True, "9", None):
        with pytest.raises(TypeError):
            kind().split(wrong)
    with pytest.raises(ValueError, match="at least 1"):
        kind().split(0)


def test_parts_are_nearly_full() -> None:
    tags, counter, counts = ORSet("me"), PNCounter("me"), PNSet("me")
    tags.update([f"element {n}" for n in range(2000)])
    for n in range(500):
        counter.replica = counts.replica = f"replica {n}"
        counter.increment(n + 1)
        counts.add(f"element {n}")
    for state in (tags, counter, counts):
        sizes = [len(part.canonical()) for part in state.split(1000)]
        assert max(sizes) <= 1000
        assert min(sizes[:-1]) >= 900


def test_no_part_claims_what_another_one_holds() -> None:
    tags = ORSet("me")
    tags.update([f"e{n}" for n in range(100)])
    for n in range(0, 100, 3):
        tags.remove(f"e{n}")
    claimed: set[int] = set()
    for part in tags.split(120):
        ((elements, _, context),) = part.payload.values()
        at, mine = 1, set()
        for skipped, taken in zip(context[::2], context[1::2], strict=True):
            mine.update(range(at + skipped, at + skipped + taken))
            at += skipped + taken
        assert not mine & claimed
        assert len(part) == len(elements)
        claimed |= mine
    assert claimed == set(range(1, 101))


class WholeContextInParts(ORSet[Any]):
    """Lets each part claim all that the state has seen."""

    def _made_of(self, live: Any, seen: Any) -> Any:
        return super()._made_of(live, dict(self._seen))


def test_parts_that_claim_the_whole_context_are_caught() -> None:
    with pytest.raises(AssertionError):
        test_parts_join_to_the_state_in_any_order_and_any_number_of_times(WholeContextInParts)


def test_a_removal_of_astronomic_size_is_one_small_part() -> None:
    huge = ORSet.from_payload({"a": [["x"], [5, 1], [0, ["i", hex(2**70)]]]})
    parts = list(huge.split(300))
    assert len(parts) == 1
    assert parts[0].canonical() == huge.canonical()
    first, *others = huge.split(1)
    for part in others:
        first.join(part)
    assert first.canonical() == huge.canonical()


def test_the_parts_of_a_biased_set_are_biased() -> None:
    state = LWWSet("a", bias="remove", clock=lambda: 1)
    state.update(["x", "y"])
    state.discard("z")
    whole = LWWSet(bias="remove")
    for part in state.split(1):
        whole.join(part)
    assert whole.canonical() == state.canonical()
    assert whole.payload["bias"] == "remove"


def test_rows_are_packed_in_their_order() -> None:
    rows = [("a", 3), ("b", 3), ("c", 9), ("d", 1), ("e", 1)]
    assert list(packed(rows, 8)) == [["a", "b"], ["c"], ["d", "e"]]
    assert list(packed([], 8)) == []
