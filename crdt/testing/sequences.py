"""How to exercise sequences, and what they must show: anchors in plain trees, walked naively."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crdt.atoms import freeze
from crdt.tagged import decode
from crdt.testing.models import Model, Shadow

Id = tuple[str, int]
"""Who made an item, and the number of its event and its place in that, as one number."""

Reading = tuple[int, int, list[Any]]
"""A position, how many items are deleted from there on, and what is inserted before them."""

ITEMS: tuple[Any, ...] = ("a", "b", 1, True, ["x", {"k": 1.5}], None, "é")
LETTERS: tuple[Any, ...] = ("a", "b", "é", "\U0001f600")

_SCALE = 1000
_START: Id = ("", 0)


def read_edit(items: tuple[Any, ...], act: int, chance: int, length: int) -> Reading:
    """Return what an act does to a sequence of some length, see `edits`."""
    item, other = items[chance % len(items)], items[-1 - chance % len(items)]
    if act == 0:
        return chance % (length + 1), 0, [item]
    if act == 1:
        return 0, 0, [item]
    if act == 2:
        return length, 0, [item, other]
    if act == 3:
        return chance % max(1, length), 1, []
    if act == 4:
        at = chance % (length + 1)
        return at, min(2, length - at), [other, item]
    return 0, length, []


def edits(items: tuple[Any, ...]) -> tuple[Callable[[Any, int], Any], ...]:
    """Return the acts of a sequence: insert, prepend, extend, delete, splice and clear."""

    def arguments(act: int, state: Any, chance: int) -> Reading:
        return read_edit(items, act, chance, len(state))

    def insert(state: Any, chance: int) -> Any:
        at, _, (item,) = arguments(0, state, chance)
        return state.insert(at, item)

    def delete(state: Any, chance: int) -> Any:
        if not state:
            raise ValueError("nothing to delete")
        return state.delete(arguments(3, state, chance)[0])

    def splice(state: Any, chance: int) -> Any:
        at, deleted, inserted = arguments(4, state, chance)
        return state.splice(at, at + deleted, inserted)

    return (
        insert,
        lambda state, chance: state.insert(0, arguments(1, state, chance)[2][0]),
        lambda state, chance: state.extend(arguments(2, state, chance)[2]),
        delete,
        splice,
        lambda state, chance: state.clear(),
    )


def keys_of(state: Any) -> list[Any]:
    """Return the keys of what a sequence shows."""
    return [freeze(item) for item in state]


class SequenceModel(Model):
    """Items anchored at items, in a tree that is walked anew for every value.

    Args:
        read: Turns ``(act, chance, length)`` into what the act does.
        two_sided: Items are anchored on either side, as in Fugue; else right of the one before, and
            the newest sibling comes first.
    """

    def __init__(self, read: Callable[[int, int, int], Reading], *, two_sided: bool) -> None:
        self._read = read
        self._two_sided = two_sided
        self._made: dict[int, list[tuple[Id, Id, bool, Any]]] = {}
        self._gone: dict[int, set[Id]] = {}
        self._ages: dict[Id, int] = {_START: 0}

    def learn(self, event: Any) -> None:
        """Note which items the event inserts, where, and which it deletes."""
        gone = self._gone_by(event.past)
        walked = self._walk(event.past)
        shown = [one for one in walked if one not in gone]
        at, deleted, items = self._read(event.act, event.chance, len(shown) - 1)
        self._gone[event.number] = set(shown[at + 1 : at + 1 + deleted])
        made = self._made_by(event.past)
        named = [*gone, *[one[0] for one in made], *[one[1] for one in made]]
        age = max([self._ages[one] for one in named], default=0)
        anchor, right = self._place(made, walked, shown[at])
        self._made[event.number] = []
        for i, item in enumerate(items):
            identity = (event.replica, event.number * _SCALE + i)
            self._ages[identity] = age + 1 + i
            self._made[event.number].append((identity, anchor, right, item))
            anchor, right = identity, True

    def value(self, shadow: Shadow) -> list[Any]:
        """Return the keys of the items that hang together with the start."""
        numbers = list(shadow)
        items = {one[0]: one[3] for one in self._made_by(numbers)}
        gone = self._gone_by(numbers) | {_START}
        return [freeze(items[one]) for one in self._walk(numbers) if one not in gone]

    def _gone_by(self, shadow: Shadow) -> set[Id]:
        return set[Id]().union(*[self._gone[number] for number in shadow])

    def _made_by(self, shadow: Shadow) -> list[tuple[Id, Id, bool, Any]]:
        return [made for number in shadow for made in self._made[number]]

    def _place(self, made: list[Any], walked: list[Id], before: Id) -> tuple[Id, bool]:
        if self._two_sided and any(one[1] == before and one[2] for one in made):
            return walked[walked.index(before) + 1], False
        return before, True

    def _walk(self, shadow: Shadow) -> list[Id]:
        sides: dict[tuple[Id, bool], list[Id]] = {}
        for identity, anchor, right, _ in self._made_by(shadow):
            sides.setdefault((anchor, right), []).append(identity)
        for siblings in sides.values():
            siblings.sort(key=self._rank)
        return _walk_from(_START, sides)

    def _rank(self, one: Id) -> Any:
        return one if self._two_sided else (-self._ages[one], one)


def _walk_from(one: Id, sides: dict[tuple[Id, bool], list[Id]]) -> list[Id]:
    walked = [step for left in sides.get((one, False), ()) for step in _walk_from(left, sides)]
    walked.append(one)
    for right in sides.get((one, True), ()):
        walked += _walk_from(right, sides)
    return walked


class PlacesModel(Model):
    """Items with places that their deltas tell: what no delta deletes, in the order of places."""

    def __init__(self) -> None:
        self._added: dict[int, dict[Any, Any]] = {}
        self._gone: dict[int, set[Any]] = {}

    def learn(self, event: Any) -> None:
        """Note what the delta says."""
        self._added[event.number] = added = {}
        self._gone[event.number] = gone = set()
        for replica, (entries, live, seen) in event.delta.payload.items():
            fresh = _numbers(live)
            gone |= {(replica, number) for number in _numbers(seen) if number not in fresh}
            for number, (path, item) in zip(fresh, entries, strict=True):
                key = decode(item, "item", values=True)
                added[replica, number] = ([*path, replica, number], key)

    def value(self, shadow: Shadow) -> list[Any]:
        """Return the keys of the items, by place."""
        numbers = list(shadow)
        gone = set[Any]().union(*[self._gone[number] for number in numbers])
        entries = {dot: entry for number in numbers for dot, entry in self._added[number].items()}
        kept = [entry for dot, entry in entries.items() if dot not in gone]
        return [key for _, key in sorted(kept, key=lambda entry: entry[0])]


def _numbers(runs: list[int]) -> list[int]:
    numbers: list[int] = []
    at = 1
    for skipped, taken in zip(runs[::2], runs[1::2], strict=True):
        numbers += range(at + skipped, at + skipped + taken)
        at += skipped + taken
    return numbers
