"""This package, with the deltas that its mutators return; nothing is observed."""

from __future__ import annotations

from collections.abc import Callable
import json
from typing import Any

import msgpack

from crdt import LWWMap, ORMap, ORSet, PNCounter, Sequence, Text, Tree
from crdt_race.works import Halves, Names, Prepared, fresh


class Ours:
    """`crdt`."""

    name = "crdt"

    def set_add(self, names: Names) -> Prepared:
        def run() -> None:
            add = ORSet("a").add
            for name in names:
                add(name)

        return run

    def contains(self, names: Names) -> Prepared:
        held = _set("a", names)
        asked = [*map(fresh, names)]

        def run() -> None:
            for name in asked:
                name in held  # noqa: B015  # the look-up is what is timed

        return run

    def remove(self, names: Names) -> Prepared:
        remove = _set("a", names).remove
        asked = [*map(fresh, names)]

        def run() -> None:
            for name in asked:
                remove(name)

        return run

    def map_put(self, names: Names) -> Prepared:
        def run() -> None:
            put = LWWMap("a").put
            for name in names:
                put(name, 1)

        return run

    def increment(self, names: Names) -> Prepared:
        def run() -> None:
            increment = PNCounter("a").increment
            for _ in names:
                increment()

        return run

    def join(self, halves: Halves) -> Prepared:
        here, there = _both(halves)
        return lambda: here.join(there)

    def merge(self, halves: Halves) -> Prepared:
        here, there = _both(halves)
        return lambda: ORSet.merge(here, there)

    join_removed, merge_removed = join, merge

    def decode(self, names: Names) -> Prepared:
        data = msgpack.packb(_set("a", names).payload)
        return lambda: ORSet.from_payload(msgpack.unpackb(data))

    def tail(self, names: Names) -> tuple[Callable[[Names], None], Callable[[], bytes]]:
        here = _set("a", names)
        there = here.clone()

        def add(more: Names) -> None:
            for name in more:
                here.add(name)

        def sync() -> bytes:
            data: bytes = msgpack.packb(here.delta_since(there.context).payload)
            there.join(ORSet.from_payload(msgpack.unpackb(data)))
            return data

        return add, sync

    def payload_bytes(self, names: Names) -> int:
        return len(msgpack.packb(_set("a", names).payload))

    def held(self, names: Any) -> object:
        return _set("a", names)

    # --- the others ----------------------------------------------------------------------------

    def list_append(self, names: Names) -> Prepared:
        def run() -> None:
            append = Sequence("a").append
            for name in names:
                append(name)

        return run

    def list_insert(self, names: Names, places: list[int]) -> Prepared:
        insert = _list(names).insert

        def run() -> None:
            for place in places:
                insert(place, "x")

        return run

    def list_delete(self, names: Names, places: list[int]) -> Prepared:
        delete = _list(names).delete

        def run() -> None:
            for place in places:
                delete(place)

        return run

    def text_type(self, text: str, typed: int) -> Prepared:
        held = _text(text)
        middle = len(text) // 2

        def run() -> None:
            for place in range(middle, middle + typed):
                held.insert(place, "x")

        return run

    def text_read(self, text: str, places: list[int]) -> Prepared:
        held = _text(text, places)
        return lambda: [held.value for _ in range(10)]

    def text_decode(self, text: str, places: list[int]) -> Prepared:
        data = json.dumps(_text(text, places).payload)
        return lambda: len(Text.from_payload(json.loads(data)))

    def text_join(self, text: str, typed: int) -> Prepared:
        here = _text(text)
        there = here.clone("b")
        for place in range(len(text) // 2, len(text) // 2 + typed):
            here.insert(place, "x")
            there.insert(place, "y")
        return lambda: here.join(there)

    def map_of_counters(self, names: Names) -> Prepared:
        def run() -> None:
            held = ORMap("a")
            for name in names:
                held.open(name, PNCounter).increment()

        return run

    def tree_move(self, moves: list[tuple[int, int]]) -> Prepared:
        def run() -> None:
            tree = Tree("a")
            for child, parent in moves:
                tree.move(child, parent)

        return run


def _set(replica: str, names: Any) -> ORSet[str]:
    held: ORSet[str] = ORSet(replica)
    for name in names:
        held.add(name)
    return held


def _both(halves: Halves) -> tuple[ORSet[str], ORSet[str]]:
    middle = len(halves.shared) // 2
    here, there = _set("a", halves.shared[:middle]), _set("b", halves.shared[middle:])
    here.join(there)
    there.join(here)
    for held, added, dropped in (
        (here, halves.here, halves.dropped_here),
        (there, halves.there, halves.dropped_there),
    ):
        for name in added:
            held.add(name)
        for name in dropped:
            held.remove(name)
    return here, there


def _list(names: Names) -> Sequence[str]:
    held: Sequence[str] = Sequence("a")
    held.extend(names)
    len(held)  # its positions are known from here on, as they are in use
    return held


def _text(text: str, places: Any = ()) -> Text:
    held = Text("a")
    held.append(text)
    for place in places:
        held.insert(place, "x")
    len(held)
    return held
