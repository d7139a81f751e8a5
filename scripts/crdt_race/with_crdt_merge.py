"""crdt-merge, pure Python: its core types. They give no deltas, and its removals do not survive a
merge with who has not seen them; so there is no join with removals here.
"""

from __future__ import annotations

from typing import Any

from crdt_merge.core import LWWMap, ORSet, PNCounter
import msgpack

from crdt_race.works import Halves, Names, Prepared, fresh


class CrdtMerge:
    """Its core types, merged as its documentation does."""

    name = "crdt-merge"

    def set_add(self, names: Names) -> Prepared:
        def run() -> None:
            add = ORSet().add
            for name in names:
                add(name)

        return run

    def contains(self, names: Names) -> Prepared:
        contains = _set(names).contains
        asked = [*map(fresh, names)]

        def run() -> None:
            for name in asked:
                contains(name)

        return run

    def remove(self, names: Names) -> Prepared:
        remove = _set(names).remove
        asked = [*map(fresh, names)]

        def run() -> None:
            for name in asked:
                remove(name)

        return run

    def map_put(self, names: Names) -> Prepared:
        def run() -> None:
            put = LWWMap().set
            for name in names:
                put(name, 1, node_id="a")

        return run

    def increment(self, names: Names) -> Prepared:
        def run() -> None:
            increment = PNCounter().increment
            for _ in names:
                increment("a")

        return run

    def merge(self, halves: Halves) -> Prepared:
        shared = _set(halves.shared)
        here, there = shared.merge(_set(halves.here)), shared.merge(_set(halves.there))
        return lambda: here.merge(there)

    def decode(self, names: Names) -> Prepared:
        data = msgpack.packb(_set(names).to_dict())
        return lambda: ORSet.from_dict(msgpack.unpackb(data))

    def payload_bytes(self, names: Names) -> int:
        return len(msgpack.packb(_set(names).to_dict()))

    def held(self, names: Any) -> object:
        return _set(names)


def _set(names: Any) -> Any:
    held = ORSet()
    for name in names:
        held.add(name)
    return held
