"""crdts, pure Python: each operation returns an update, which others apply one by one."""

from __future__ import annotations

from typing import Any

from crdts import LWWMap, ORSet, PNCounter

from crdt_race.works import Names, Prepared, fresh


class Crdts:
    """Its types at a fiftieth of the size: they take tens of microseconds for an operation."""

    name = "crdts"
    share = 0.02

    def set_add(self, names: Names) -> Prepared:
        part = self._part(names)

        def run() -> None:
            observe = ORSet().observe
            for name in part:
                observe(name)

        return run

    def contains(self, names: Names) -> Prepared:
        part = self._part(names)
        held = _set(part)
        asked = [*map(fresh, part)]

        def run() -> None:
            for name in asked:
                name in held.read()  # noqa: B015  # the look-up is what is timed

        return run

    def remove(self, names: Names) -> Prepared:
        part = self._part(names)
        remove = _set(part).remove

        def run() -> None:
            for name in part:
                remove(name)

        return run

    def map_put(self, names: Names) -> Prepared:
        part = self._part(names)

        def run() -> None:
            put = LWWMap().set
            for name in part:
                put(name, 1, "a")

        return run

    def increment(self, names: Names) -> Prepared:
        part = self._part(names)

        def run() -> None:
            increase = PNCounter().increase
            for _ in part:
                increase()

        return run

    def decode(self, names: Names) -> Prepared:
        data = _set(self._part(names)).pack()
        return lambda: ORSet.unpack(data)

    def payload_bytes(self, names: Names) -> int:
        return round(len(_set(self._part(names)).pack()) / self.share)

    def _part(self, names: Names) -> Names:
        return names[: max(1, round(len(names) * self.share))]


def _set(names: Any) -> Any:
    held = ORSet()
    for name in names:
        held.observe(name)
    return held
