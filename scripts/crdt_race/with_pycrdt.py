"""pycrdt, bindings of Yrs in Rust: every operation is its own transaction, as that of a user is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pycrdt

from crdt_race.works import Halves, Names, Prepared, fresh


class PyCrdt:
    """A document with one root type; a set is a map whose values are True."""

    name = "pycrdt"

    def set_add(self, names: Names) -> Prepared:
        def run() -> None:
            held = pycrdt.Doc().get("m", type=pycrdt.Map)
            for name in names:
                held[name] = True

        return run

    def contains(self, names: Names) -> Prepared:
        held = _map(names).get("m", type=pycrdt.Map)
        asked = [*map(fresh, names)]

        def run() -> None:
            for name in asked:
                name in held  # noqa: B015  # the look-up is what is timed

        return run

    def remove(self, names: Names) -> Prepared:
        held = _map(names).get("m", type=pycrdt.Map)
        asked = [*map(fresh, names)]

        def run() -> None:
            for name in asked:
                del held[name]

        return run

    def map_put(self, names: Names) -> Prepared:
        def run() -> None:
            held = pycrdt.Doc().get("m", type=pycrdt.Map)
            for name in names:
                held[name] = 1

        return run

    def join(self, halves: Halves) -> Prepared:
        here, there = _both(halves)
        return lambda: _send(there, here)

    join_removed = join

    def decode(self, names: Names) -> Prepared:
        data = _map(names).get_update()

        def run() -> None:
            doc: Any = pycrdt.Doc()
            doc.apply_update(data)
            assert len(doc.get("m", type=pycrdt.Map)) == len(names)

        return run

    def tail(self, names: Names) -> tuple[Callable[[Names], None], Callable[[], bytes]]:
        here, there = _map(names), pycrdt.Doc()
        _send(here, there)
        held = here.get("m", type=pycrdt.Map)

        def add(more: Names) -> None:
            for name in more:
                held[name] = True

        return add, lambda: _send(here, there)

    def payload_bytes(self, names: Names) -> int:
        return len(_map(names).get_update())

    def held(self, names: Any) -> object:
        return _map(names)

    # --- the others ----------------------------------------------------------------------------

    def list_append(self, names: Names) -> Prepared:
        def run() -> None:
            held = pycrdt.Doc().get("l", type=pycrdt.Array)
            for name in names:
                held.append(name)

        return run

    def list_insert(self, names: Names, places: list[int]) -> Prepared:
        held = _list(names)

        def run() -> None:
            for place in places:
                held.insert(place, "x")

        return run

    def list_delete(self, names: Names, places: list[int]) -> Prepared:
        held = _list(names)

        def run() -> None:
            for place in places:
                del held[place]

        return run

    def text_type(self, text: str, typed: int) -> Prepared:
        held = _text(text).get("t", type=pycrdt.Text)
        middle = len(text) // 2

        def run() -> None:
            for place in range(middle, middle + typed):
                held.insert(place, "x")

        return run

    def text_read(self, text: str, places: list[int]) -> Prepared:
        held = _text(text, places).get("t", type=pycrdt.Text)
        return lambda: [str(held) for _ in range(10)]

    def text_decode(self, text: str, places: list[int]) -> Prepared:
        data = _text(text, places).get_update()

        def run() -> None:
            doc: Any = pycrdt.Doc()
            doc.apply_update(data)
            assert len(doc.get("t", type=pycrdt.Text)) == len(text) + len(places)

        return run

    def text_join(self, text: str, typed: int) -> Prepared:
        here, there = _text(text), pycrdt.Doc()
        _send(here, there)
        for doc, letter in ((here, "x"), (there, "y")):
            held = doc.get("t", type=pycrdt.Text)
            for place in range(len(text) // 2, len(text) // 2 + typed):
                held.insert(place, letter)
        return lambda: _send(there, here)


def _map(names: Any) -> Any:
    doc: Any = pycrdt.Doc()
    held = doc.get("m", type=pycrdt.Map)
    with doc.transaction():
        for name in names:
            held[name] = True
    return doc


def _list(names: Names) -> Any:
    held = pycrdt.Doc().get("l", type=pycrdt.Array)
    for name in names:  # one by one: its extend takes memory by the square of the length
        held.append(name)
    return held


def _text(text: str, places: Any = ()) -> Any:
    doc: Any = pycrdt.Doc()
    held = doc.get("t", type=pycrdt.Text)
    held.insert(0, text)
    with doc.transaction():
        for place in places:
            held.insert(place, "x")
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
        held = doc.get("m", type=pycrdt.Map)
        with doc.transaction():
            for name in added:
                held[name] = True
            for name in dropped:
                del held[name]
    return here, there


def _send(source: Any, target: Any) -> bytes:
    """Give ``target`` what it lacks of ``source``, as bytes: pycrdt joins in no other way."""
    data: bytes = source.get_update(target.get_state())
    target.apply_update(data)
    return data
