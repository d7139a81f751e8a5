"""loro, in Rust: the documented way for each work, bound methods, no commit between operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import loro

from crdt_race.works import Halves, Names, Prepared, fresh


class Loro:
    """A document with one root container; a set is a map whose values are True."""

    name = "loro"

    def set_add(self, names: Names) -> Prepared:
        def run() -> None:
            insert = loro.LoroDoc().get_map("m").insert
            for name in names:
                insert(name, True)

        return run

    def contains(self, names: Names) -> Prepared:
        held = _map(names).get_map("m")
        asked = [*map(fresh, names)]

        def run() -> None:
            for name in asked:
                name in held  # noqa: B015  # the look-up is what is timed

        return run

    def remove(self, names: Names) -> Prepared:
        delete = _map(names).get_map("m").delete
        asked = [*map(fresh, names)]

        def run() -> None:
            for name in asked:
                delete(name)

        return run

    def map_put(self, names: Names) -> Prepared:
        def run() -> None:
            insert = loro.LoroDoc().get_map("m").insert
            for name in names:
                insert(name, 1)

        return run

    def increment(self, names: Names) -> Prepared:
        def run() -> None:
            increment = loro.LoroDoc().get_counter("c").increment
            for _ in names:
                increment(1)

        return run

    def join(self, halves: Halves) -> Prepared:
        here, there = _both(halves)
        return lambda: _send(there, here)

    join_removed = join

    def decode(self, names: Names) -> Prepared:
        data = _map(names).export(loro.ExportMode.Snapshot())

        def run() -> None:
            doc = loro.LoroDoc()
            doc.import_(data)
            assert len(doc.get_map("m")) == len(names)

        return run

    def tail(self, names: Names) -> tuple[Callable[[Names], None], Callable[[], bytes]]:
        here = _map(names)
        there = loro.LoroDoc()
        _send(here, there)

        def add(more: Names) -> None:
            held = here.get_map("m")
            for name in more:
                held.insert(name, True)
            here.commit()

        return add, lambda: _send(here, there)

    def payload_bytes(self, names: Names) -> int:
        return len(_map(names).export(loro.ExportMode.Snapshot()))

    def held(self, names: Any) -> object:
        return _map(names)

    # --- the others ----------------------------------------------------------------------------

    def list_append(self, names: Names) -> Prepared:
        def run() -> None:
            push = loro.LoroDoc().get_list("l").push
            for name in names:
                push(name)

        return run

    def list_insert(self, names: Names, places: list[int]) -> Prepared:
        doc = _list(names)
        insert = doc.get_list("l").insert

        def run() -> None:
            for place in places:
                insert(place, "x")

        return run

    def list_delete(self, names: Names, places: list[int]) -> Prepared:
        doc = _list(names)
        delete = doc.get_list("l").delete

        def run() -> None:
            for place in places:
                delete(place, 1)

        return run

    def text_type(self, text: str, typed: int) -> Prepared:
        doc = _text(text)
        insert = doc.get_text("t").insert
        middle = len(text) // 2

        def run() -> None:
            for place in range(middle, middle + typed):
                insert(place, "x")

        return run

    def text_read(self, text: str, places: list[int]) -> Prepared:
        held = _text(text, places).get_text("t")
        return lambda: [held.to_string() for _ in range(10)]

    def text_decode(self, text: str, places: list[int]) -> Prepared:
        data = _text(text, places).export(loro.ExportMode.Snapshot())

        def run() -> None:
            doc = loro.LoroDoc()
            doc.import_(data)
            assert len(doc.get_text("t")) == len(text) + len(places)

        return run

    def text_join(self, text: str, typed: int) -> Prepared:
        here, there = _text(text), loro.LoroDoc()
        _send(here, there)
        for doc, letter in ((here, "x"), (there, "y")):
            insert = doc.get_text("t").insert
            for place in range(len(text) // 2, len(text) // 2 + typed):
                insert(place, letter)
            doc.commit()
        return lambda: _send(there, here)

    def map_of_counters(self, names: Names) -> Prepared:
        def run() -> None:
            held = loro.LoroDoc().get_map("m")
            for name in names:
                held.get_or_create_container(name, loro.LoroCounter()).increment(1)

        return run

    def tree_move(self, moves: list[tuple[int, int]]) -> Prepared:
        doc = loro.LoroDoc()
        tree = doc.get_tree("t")
        tree.disable_fractional_index()
        nodes = [tree.create() for _ in range(1 + max(map(max, moves)))]
        doc.commit()

        def run() -> None:
            for child, parent in moves:
                tree.mov(nodes[child], nodes[parent])

        return run


def _map(names: Any) -> Any:
    doc = loro.LoroDoc()
    held = doc.get_map("m")
    for name in names:
        held.insert(name, True)
    doc.commit()
    return doc


def _list(names: Names) -> Any:
    doc = loro.LoroDoc()
    held = doc.get_list("l")
    for name in names:
        held.push(name)
    doc.commit()
    return doc


def _text(text: str, places: Any = ()) -> Any:
    doc = loro.LoroDoc()
    held = doc.get_text("t")
    held.insert(0, text)
    for place in places:
        held.insert(place, "x")
    doc.commit()
    return doc


def _both(halves: Halves) -> tuple[Any, Any]:
    middle = len(halves.shared) // 2
    here, there = _map(halves.shared[:middle]), _map(halves.shared[middle:])
    _send(here, there)
    _send(there, here)
    for doc, added, dropped in (
        (here, halves.here, halves.dropped_here),
        (there, halves.there, halves.dropped_there),
    ):
        held = doc.get_map("m")
        for name in added:
            held.insert(name, True)
        for name in dropped:
            held.delete(name)
        doc.commit()
    return here, there


def _send(source: Any, target: Any) -> bytes:
    """Give ``target`` what it lacks of ``source``, as bytes: loro joins in no other way."""
    data: bytes = source.export(loro.ExportMode.Updates(target.oplog_vv))
    target.import_(data)
    return data
