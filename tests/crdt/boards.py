"""A compound with garbage in every field, and how to change it."""

from __future__ import annotations

from typing import Any

from crdt import Compound, Constant, DisableWinsFlag, GMap, LWWMap, RWSet, register
from crdt.testing import Subject
from crdt.testing.mapacts import noted


@register
class Board(Compound):
    """A compound with garbage in every field."""

    title: Constant[str]
    tags: RWSet[str]
    notes: LWWMap[str, int]
    flags: GMap[str]


def board_acts() -> tuple[Any, ...]:
    return (
        lambda b, n: noted(b, lambda: b.tags.add("xyz"[n % 3])),
        lambda b, n: noted(b, lambda: b.tags.discard("xyz"[n % 3])),
        lambda b, n: noted(b, lambda: b.notes.put("xyz"[n % 3], n)),
        lambda b, n: noted(b, lambda: b.notes.discard("xyz"[n % 3])),
        lambda b, n: noted(b, lambda: b.flags.open("xyz"[n % 3], DisableWinsFlag).disable()),
        lambda b, n: noted(b, lambda: b.flags.open("xyz"[n % 3], DisableWinsFlag).enable()),
    )


BOARD = Subject(Board, board_acts())
