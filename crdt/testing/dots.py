"""Plain models of types in which every write lasts until one that has seen it.

A write puts a mark into a slot: an element that was added or removed, a flag that was enabled. It
replaces what its writer saw in that slot. What a slot means is told from its surviving marks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crdt.atoms import freeze
from crdt.tagged import canonical_text
from crdt.testing.models import Model, Shadow

ALL: Any = None
"""Stands for the slots that show something to whoever acts."""

NO_MARK: Any = object()
"""A write that only takes marks away."""

Writes = list[tuple[Any, Any]]
"""``(slot, mark)``, with `ALL` in place of a slot and `NO_MARK` in place of a mark."""


class MarkModel(Model):
    """Keeps for each event what it wrote, and which writes it replaced.

    Args:
        read: Turns ``(act, chance)`` into what the act writes.
    """

    def __init__(self, read: Callable[[int, int], Writes]) -> None:
        self._read = read
        self._written: dict[int, dict[Any, Any]] = {}
        self._covered: dict[int, set[tuple[int, Any]]] = {}

    def learn(self, event: Any) -> None:
        """Note what the event wrote, and which writes that it knew share a slot with it."""
        writes: dict[Any, Any] = {}
        for slot, mark in self._read(event.act, event.chance):
            slots = self.shown(event.past) if slot is ALL else [slot]
            writes.update(dict.fromkeys(slots, mark))
        self._written[event.number] = {s: m for s, m in writes.items() if m is not NO_MARK}
        self._covered[event.number] = {
            (number, slot) for number, slot in self._live(event.past) if slot in writes
        }

    def marks(self, shadow: Shadow) -> dict[Any, set[Any]]:
        """Return the surviving marks of each slot that has one."""
        marks: dict[Any, set[Any]] = {}
        for number, slot in self._live(shadow):
            marks.setdefault(slot, set()).add(self._written[number][slot])
        return marks

    def shown(self, shadow: Shadow) -> set[Any]:
        """Return the slots all of whose surviving marks are true."""
        return {slot for slot, marks in self.marks(shadow).items() if all(marks)}

    def _live(self, shadow: Shadow) -> set[tuple[int, Any]]:
        numbers = list(shadow)
        written = {(number, slot) for number in numbers for slot in self._written[number]}
        return written.difference(*[self._covered[number] for number in numbers])


class MarkedSetModel(MarkModel):
    """Shows the slots all of whose marks are true, as a set."""

    def value(self, shadow: Shadow) -> set[Any]:
        """Return the slots that are shown."""
        return self.shown(shadow)


class FlagModel(MarkModel):
    """One slot, and whether it is shown."""

    def value(self, shadow: Shadow) -> bool:
        """Tell whether the flag is enabled."""
        return bool(self.shown(shadow))


class SiblingsModel(MarkModel):
    """One slot, whose marks are values: all that survive, each once."""

    def value(self, shadow: Shadow) -> list[Any]:
        """Return the keys of the values in canonical order."""
        keys = set[Any]().union(*self.marks(shadow).values())
        return sorted(keys, key=canonical_text)


def reads_flag(disabled: Any) -> Callable[[int, int], Writes]:
    """Return how to read the acts of a flag: enable, disable.

    Args:
        disabled: The mark that disabling leaves.
    """
    return lambda act, chance: [("flag", True if act == 0 else disabled)]


def reads_values(value_of: Callable[[int], Any]) -> Callable[[int, int], Writes]:
    """Return how to read the acts of a register that writes ``value_of(chance)``."""
    return lambda act, chance: [("it", freeze(value_of(chance)))]
