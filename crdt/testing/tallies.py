"""Plain models of types that count: every replica raises tallies, and a delta carries a whole one.

So a delta tells, of each tally that it raised, all that the same replica added to it before.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from crdt.testing.models import Model, Shadow, typed

Slot = tuple[Any, ...]
"""The name of a tally; it begins with the replica that raises it."""


class TallyModel(Model, ABC):
    """Keeps for each event the tallies that it raised."""

    def __init__(self) -> None:
        self._tallies: dict[Slot, int] = {}
        self._raised: dict[int, dict[Slot, int]] = {}

    def learn(self, event: Any) -> None:
        """Raise the tallies that the event raises."""
        raised = {slot: n for slot, n in self.steps(event).items() if n}
        for slot, amount in raised.items():
            self._tallies[slot] = self._tallies.get(slot, 0) + amount
        self._raised[event.number] = {slot: self._tallies[slot] for slot in raised}

    @abstractmethod
    def steps(self, event: Any) -> Mapping[Slot, int]:
        """Return by how much the event raises which tallies."""

    def tallies(self, shadow: Shadow) -> dict[Slot, int]:
        """Return the tallies that are known to whoever has joined the events of ``shadow``."""
        known: dict[Slot, int] = {}
        for number in sorted(shadow):
            known.update(self._raised[number])
        return known


class CountingSetModel(TallyModel):
    """How often each element was added, less how often it was removed, where that is above 0.

    Args:
        read: Turns ``(act, chance)`` into ``(elements added, elements removed)``; a removal of
            None takes from every element that the replica saw all that it saw.
    """

    def __init__(self, read: Callable[[int, int], tuple[list[Any], list[Any] | None]]) -> None:
        super().__init__()
        self._read = read

    def steps(self, event: Any) -> Mapping[Slot, int]:
        """Add one, take one off what is seen, or take off all that is seen."""
        added, removed = self._read(event.act, event.chance)
        seen = self.value(event.past)
        steps = {(event.replica, True, typed(element)): 1 for element in added}
        if removed is None:
            steps.update({(event.replica, False, element): n for element, n in seen.items()})
        else:
            gone = [typed(element) for element in removed]
            steps.update({(event.replica, False, one): 1 for one in gone if one in seen})
        return steps

    def value(self, shadow: Shadow) -> dict[Any, int]:
        """Return the counts above 0."""
        counts: dict[Any, int] = {}
        for (_, up, element), tally in self.tallies(shadow).items():
            counts[element] = counts.get(element, 0) + (tally if up else -tally)
        return {element: count for element, count in counts.items() if count > 0}


class RightsModel(TallyModel):
    """What a counter amounts to and who may lower it, and that nobody spends what it lacks.

    Args:
        read: Turns ``(act, chance)`` into ``("up" | "down" | "pass", amount, receiver)``.
        names: The replicas that are asked for.
    """

    def __init__(self, read: Callable[[int, int], tuple[str, int, str]], names: str) -> None:
        super().__init__()
        self._read = read
        self._names = names
        self._overspent: list[int] = []

    def steps(self, event: Any) -> Mapping[Slot, int]:
        """Return the one tally that rises; note where it was not covered by rights."""
        kind, amount, receiver = self._read(event.act, event.chance)
        if kind != "up" and amount > self._rights(event.past)[1][event.replica]:
            self._overspent.append(event.number)
        slot = (event.replica, kind, receiver) if kind == "pass" else (event.replica, kind)
        return {slot: amount}

    def value(self, shadow: Shadow) -> Any:
        """Return the sum and the rights of all, none below 0; or which event overspent."""
        if self._overspent:
            return f"event {self._overspent[0]} spent rights that its replica did not have"
        return self._rights(shadow)

    def _rights(self, shadow: Shadow) -> tuple[int, dict[str, int]]:
        rights = dict.fromkeys(self._names, 0)
        total = 0
        for (replica, kind, *receiver), tally in self.tallies(shadow).items():
            rights[replica] += tally if kind == "up" else -tally
            if receiver:
                rights[receiver[0]] += tally
            else:
                total += tally if kind == "up" else -tally
        return max(0, total), {name: max(0, held) for name, held in rights.items()}
