"""A large state in parts."""

from typing import Any

import pytest

from crdt import ORSet
from crdtnode.registry import Registry


def place(registry: Registry, tag: str = "orset@1") -> int:
    return registry.fingerprints.place(tag, "large")


@pytest.fixture
def large(registry: Registry) -> Registry:
    registry.open("large", ORSet).update(f"element{n}" for n in range(1000))
    registry.flush(now=0.0)
    return registry


def test_the_parts_of_a_large_state_join_to_it(large: Registry) -> None:
    parts = large.parts(place(large), 2000)
    assert parts is not None
    whole = ORSet()
    count = 0
    for part in parts:
        count += 1
        assert whole.join(ORSet.from_payload(part))
        large.open("large", ORSet).add(f"later{count}")
    assert count > 5
    assert len(whole) == 1000


def test_a_small_state_or_none_at_all_has_no_parts(large: Registry) -> None:
    assert large.parts(place(large), 2**20) is None
    assert large.parts(77, 2000) is None


def test_a_removed_object_has_no_parts(large: Registry) -> None:
    large.delete("orset@1", "large")
    assert large.parts(place(large), 2000) is None


def test_a_hand_written_type_has_no_parts(registry: Registry, labels: type[Any]) -> None:
    registry.open("large", labels).update(f"element{n}" for n in range(1000))
    registry.flush(now=0.0)
    assert registry.parts(place(registry, "registry-labels@1"), 2000) is None
