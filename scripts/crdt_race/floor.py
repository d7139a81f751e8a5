"""The floor: the least that a Python class can do for the same work.

``Floor`` has classes with methods over a plain dict that keep a dot or a stamp for each element, as
somebody would write them by hand who needs nothing else: no delta, no observer, no check of
anything. Its lists and texts are Python's lists. ``Plain`` is a bare dict, without even a method.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgpack

from crdt_race.works import Halves, Names, Prepared, fresh

Dots = dict[str, tuple[str, int]]
Seen = dict[str, int]


class DictSet:
    """A set as a dict of dots."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.replica = "a"
        self.counter = 0
        self.dots: Dots = {}
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        self.counter += 1
        self.dots[name] = (self.replica, self.counter)

    def remove(self, name: str) -> None:
        self.dots.pop(name)

    def __contains__(self, name: str) -> bool:
        return name in self.dots


class DictMap:
    """A map as a dict of stamped values; the stamp is a count."""

    def __init__(self) -> None:
        self.replica = "a"
        self.counter = 0
        self.held: dict[str, tuple[int, str, object]] = {}

    def put(self, name: str, value: object) -> None:
        self.counter += 1
        self.held[name] = (self.counter, self.replica, value)


class DictCounter:
    """A counter as a dict of tallies."""

    def __init__(self) -> None:
        self.replica = "a"
        self.tallies: dict[str, int] = {}

    def increment(self, amount: int = 1) -> None:
        self.tallies[self.replica] = self.tallies.get(self.replica, 0) + amount


class Floor:
    """Dicts and lists, with dots where a set needs them."""

    name = "floor"

    def set_add(self, names: Names) -> Prepared:
        def run() -> None:
            add = DictSet().add
            for name in names:
                add(name)

        return run

    def contains(self, names: Names) -> Prepared:
        held = DictSet(names)
        asked = [*map(fresh, names)]

        def run() -> None:
            for name in asked:
                name in held  # noqa: B015  # the look-up is what is timed

        return run

    def remove(self, names: Names) -> Prepared:
        remove = DictSet(names).remove
        asked = [*map(fresh, names)]

        def run() -> None:
            for name in asked:
                remove(name)

        return run

    def map_put(self, names: Names) -> Prepared:
        def run() -> None:
            put = DictMap().put
            for name in names:
                put(name, 1)

        return run

    def increment(self, names: Names) -> Prepared:
        def run() -> None:
            increment = DictCounter().increment
            for _ in names:
                increment()

        return run

    def join(self, halves: Halves) -> Prepared:
        (mine, seen), (theirs, others) = _both(halves)

        def run() -> None:
            gone = [
                name
                for name, dot in mine.items()
                if dot[1] <= others.get(dot[0], 0) and theirs.get(name) != dot
            ]
            for name in gone:
                del mine[name]
            for name, dot in theirs.items():
                if dot[1] > seen.get(dot[0], 0):
                    mine[name] = dot
            for replica, counter in others.items():
                seen[replica] = max(counter, seen.get(replica, 0))

        return run

    merge = join_removed = merge_removed = join

    def decode(self, names: Names) -> Prepared:
        data = msgpack.packb(_dots(names))

        def run() -> None:
            read = msgpack.unpackb(data)
            {name: (replica, counter) for name, (replica, counter) in read.items()}

        return run

    def payload_bytes(self, names: Names) -> int:
        return len(msgpack.packb(names))

    def held(self, names: Any) -> object:
        return _dots(names)

    # --- the others ----------------------------------------------------------------------------

    def list_append(self, names: Names) -> Prepared:
        def run() -> None:
            items: list[str] = []
            for name in names:
                items.append(name)  # noqa: PERF402  # one by one is what is timed

        return run

    def list_insert(self, names: Names, places: list[int]) -> Prepared:
        items = list(names)

        def run() -> None:
            for place in places:
                items.insert(place, "x")

        return run

    def list_delete(self, names: Names, places: list[int]) -> Prepared:
        items = list(names)

        def run() -> None:
            for place in places:
                del items[place]

        return run

    def text_type(self, text: str, typed: int) -> Prepared:
        items = list(text)
        middle = len(text) // 2

        def run() -> None:
            for place in range(middle, middle + typed):
                items.insert(place, "x")

        return run

    def text_read(self, text: str, places: list[int]) -> Prepared:
        items = list(text)
        for place in places:
            items.insert(place, "x")
        return lambda: ["".join(items) for _ in range(10)]

    def text_decode(self, text: str, places: list[int]) -> Prepared:
        items = list(text)
        for place in places:
            items.insert(place, "x")
        data = msgpack.packb(["".join(items), places])
        return lambda: list(msgpack.unpackb(data)[0])

    def text_join(self, text: str, typed: int) -> Prepared:
        mine, theirs = list(text), ["y"] * typed
        middle = len(text) // 2

        def run() -> None:
            mine[middle:middle] = theirs

        return run

    def map_of_counters(self, names: Names) -> Prepared:
        def run() -> None:
            held: dict[str, dict[str, int]] = {}
            for name in names:
                tallies = held.setdefault(name, {})
                tallies["a"] = tallies.get("a", 0) + 1

        return run

    def tree_move(self, moves: list[tuple[int, int]]) -> Prepared:
        parents: dict[int, int] = {}

        def run() -> None:
            for child, parent in moves:
                at: int | None = parent
                while at is not None and at != child:
                    at = parents.get(at)
                if at is None:
                    parents[child] = parent

        return run


class Plain:
    """Dicts without dots: what no replicated type can do with less."""

    name = "plain dict"

    def set_add(self, names: Names) -> Prepared:
        def run() -> None:
            held = {}
            for name in names:
                held[name] = 1

        return run

    def contains(self, names: Names) -> Prepared:
        held = dict.fromkeys(names, 1)
        asked = [*map(fresh, names)]

        def run() -> None:
            for name in asked:
                name in held  # noqa: B015  # the look-up is what is timed

        return run

    def remove(self, names: Names) -> Prepared:
        held = dict.fromkeys(names, 1)
        asked = [*map(fresh, names)]

        def run() -> None:
            for name in asked:
                del held[name]

        return run

    map_put = set_add

    def increment(self, names: Names) -> Prepared:
        def run() -> None:
            tallies = {"a": 0}
            for _ in names:
                tallies["a"] += 1

        return run

    def join(self, halves: Halves) -> Prepared:
        (mine, _), (theirs, _) = _both(halves)
        return lambda: mine.update(theirs)

    def merge(self, halves: Halves) -> Prepared:
        (mine, _), (theirs, _) = _both(halves)
        return lambda: {**mine, **theirs}

    join_removed, merge_removed = join, merge

    def held(self, names: Any) -> object:
        return dict.fromkeys(names, 1)


def _dots(names: Any) -> Dots:
    return {name: ("a", counter) for counter, name in enumerate(names, 1)}


def _both(halves: Halves) -> tuple[tuple[Dots, Seen], tuple[Dots, Seen]]:
    """Return the dots and what was seen, here and there."""
    middle = len(halves.shared) // 2
    common: Dots = {name: ("a", n) for n, name in enumerate(halves.shared[:middle], 1)}
    common.update({name: ("b", n) for n, name in enumerate(halves.shared[middle:], 1)})
    at_a, at_b = middle, len(halves.shared) - middle
    here, there = dict(common), dict(common)
    here.update({name: ("a", n) for n, name in enumerate(halves.here, at_a + 1)})
    there.update({name: ("b", n) for n, name in enumerate(halves.there, at_b + 1)})
    for name in halves.dropped_here:
        del here[name]
    for name in halves.dropped_there:
        del there[name]
    return (
        (here, {"a": at_a + len(halves.here), "b": at_b}),
        (there, {"a": at_a, "b": at_b + len(halves.there)}),
    )
