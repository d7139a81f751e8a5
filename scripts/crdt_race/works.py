"""What is run: every work with its size, its unit, and what we hold ourselves to.

Each entrant that can do a work has a method of its name. The method gets the material, prepares
(which is not timed) and returns what is to be timed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

Names = list[str]
Prepared = Callable[[], object]


@dataclass(frozen=True)
class Halves:
    """Two sets that share half of their elements; each replica added half of those.

    ``dropped_here`` and ``dropped_there`` are shared elements that one side removes afterwards.
    """

    shared: Names
    here: Names
    there: Names
    dropped_here: Names
    dropped_there: Names


@dataclass(frozen=True)
class Work:
    """One line of the table.

    Attributes:
        method: Which method of an entrant prepares it.
        title: What the table calls it.
        per: How many operations one run is, for the microseconds.
        material: What the method gets.
        at_most: The ratio to the floor that we hold ourselves to; None if there is no goal.
        below_loro: Whether we must be faster than loro in the same run.
        reads: Whether it changes nothing, so that what was prepared serves all rounds.
    """

    method: str
    title: str
    per: int
    material: tuple[Any, ...]
    at_most: float | None = None
    below_loro: bool = False
    reads: bool = False


@dataclass(frozen=True)
class Size:
    """One line of the table that tells no time: what 100k elements take, and a small difference.

    Attributes:
        title: What the table calls it.
        unit: Of the numbers.
        at_most: What we hold ourselves to; None if it is only to be below loro.
        below_loro: Whether we must be below loro in the same run.
    """

    title: str
    unit: str
    at_most: float | None = None
    below_loro: bool = False


TAIL_US = Size("10 new in a big set: delta, bytes, joined", "us", below_loro=True)
TAIL_BYTES = Size("10 new of 5 letters: bytes of the delta", "B", 80, below_loro=True)
PAYLOAD = Size("set: payload, for an element of 9 letters", "B", 10.2)
MEMORY = Size("set: memory, for an element of 9 letters", "B", 190)


def names(count: int, prefix: str = "e") -> Names:
    """Return elements of nine letters, fresh ones, so that no two entrants share them."""
    return [f"{prefix}{i:08d}" for i in range(count)]


def fresh(name: str) -> str:
    """Return an equal string that is another object, as one that was received is."""
    return name[:1] + name[1:]


def halves(count: int, dropped: int) -> Halves:
    """Return the material of a join of two sets with ``count`` elements each."""
    shared = names(count // 2, "s")
    return Halves(
        shared,
        names(count - len(shared), "h"),
        names(count - len(shared), "t"),
        shared[:dropped],
        shared[-dropped:] if dropped else [],
    )


def works(count: int) -> list[Work]:
    """Return the timed works on ``count`` elements."""
    elements = names(count)
    half, dropping = halves(count, 0), halves(count, count // 10)
    text = "the quick brown fox jumps " * (count // 26 + 1)
    few = count // 10
    chance = Random(1)
    places = [chance.randrange(count - few) for _ in range(few)]
    moves = [(1 + at, chance.randrange(1 + at)) for at in chance.choices(range(few), k=few)]
    return [
        Work("set_add", "set: add", count, (elements,), 3.5, below_loro=True),
        Work("contains", "set: contains", count, (elements,), 1.5, reads=True),
        Work("remove", "set: remove", count, (elements,), 3.5),
        Work("map_put", "map: put", count, (elements,), 4.5, below_loro=True),
        Work("increment", "counter: increment", count, (elements,), 3.0),
        Work("join", "join of two sets, half shared", 1, (half,), 0.5),
        Work("merge", "merge of the same", 1, (half,), 0.7),
        Work("join_removed", "join, a tenth removed on each side", 1, (dropping,), 1.1),
        Work("merge_removed", "merge of the same, a tenth removed", 1, (dropping,), 1.5),
        Work("decode", "set: bytes to a usable object", 1, (elements,), 0.6, reads=True),
        Work("list_append", "list: append", count, (elements,)),
        Work("list_insert", "list: insert anywhere", few, (elements, places)),
        Work("list_delete", "list: delete anywhere", few, (elements, places)),
        Work("text_type", "text: type in the middle", few, (text[:count], few)),
        Work("text_read", "text: read it all, after edits", 10, (text[:count], places), reads=True),
        Work("text_join", "text: join two who typed", 1, (text[:count], few)),
        Work(
            "text_decode", "text: bytes to a usable object", 1, (text[:count], places), reads=True
        ),
        Work("map_of_counters", "map of counters: increment a new key", few, (elements[:few],)),
        Work("tree_move", "tree: move", few, (moves,)),
    ]
