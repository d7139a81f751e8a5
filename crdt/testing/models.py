"""Plain models: what value a set of events must give, computed without any CRDT.

A model learns each event when it happens (with all that its replica knew) and later tells the
value of a shadow, the set of events that a state reflects. It knows nothing of payloads or joins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from crdt.atoms import freeze
from crdt.tagged import canonical_text

Shadow = Iterable[int]


class Model:
    """A model that expects nothing; the base of those that do."""

    def learn(self, event: Any) -> None:
        """Note an event that has just happened."""

    def value(self, shadow: Shadow) -> Any:
        """Return the expected value, `NOT_SAID` if this model has none."""
        return NOT_SAID


NOT_SAID: Any = object()
"""The model expects no particular value."""


class ExpectedModel(Model):
    """Asks a function of the events.

    Args:
        expected: Gets the events that a state reflects, in the order in which they happened.
    """

    def __init__(self, expected: Callable[[list[Any]], Any]) -> None:
        self._expected = expected
        self._events: list[Any] = []

    def learn(self, event: Any) -> None:
        """Keep the event."""
        self._events.append(event)

    def value(self, shadow: Shadow) -> Any:
        """Return what the function says."""
        return self._expected([self._events[number] for number in sorted(shadow)])


class CounterModel(Model):
    """Sums what each replica has added and taken away.

    A delta carries a whole tally, and with it what the same replica did before on that side.
    """

    def __init__(self, amount: Callable[[int, int], int]) -> None:
        self._amount = amount
        self._tallies: dict[tuple[str, bool], int] = {}
        self._events: dict[int, tuple[tuple[str, bool], int]] = {}

    def learn(self, event: Any) -> None:
        """Add the event's amount to its replica's tally."""
        amount = self._amount(event.act, event.chance)
        if not amount:
            return  # nothing was written, so there is nothing to know
        slot = (event.replica, amount < 0)
        self._tallies[slot] = self._tallies.get(slot, 0) + amount
        self._events[event.number] = (slot, self._tallies[slot])

    def value(self, shadow: Shadow) -> int:
        """Return the sum over all slots of the last tally known."""
        last: dict[tuple[str, bool], int] = {}
        for number in sorted(self._events.keys() & set(shadow)):
            slot, tally = self._events[number]
            last[slot] = tally
        return sum(last.values())


class GreatestModel(Model):
    """The value that stands last, or first, in a list of all in their order.

    Args:
        place: Turns ``chance`` into the place in that list.
        last: Whether the last one wins.
    """

    def __init__(self, place: Callable[[int], int], *, last: bool) -> None:
        self._place = place
        self._sign = 1 if last else -1
        self._places: dict[int, int] = {}

    def learn(self, event: Any) -> None:
        """Note the value, unless one that the replica knew wins: then nothing was written."""
        place = self._place(event.chance)
        best = self.value(event.past)
        if best is None or self._sign * place > self._sign * best:
            self._places[event.number] = place

    def value(self, shadow: Shadow) -> int | None:
        """Return the place of the value that wins, None if there is none."""
        places = [self._places[number] for number in shadow if number in self._places]
        return max(places, key=lambda place: self._sign * place, default=None)


class SetModel(Model):
    """Adds and removes of elements: what happened to each, by event.

    Args:
        read: Turns ``(act, chance)`` into ``(elements added, elements removed)``; a removal of
            None stands for everything that the replica saw.
    """

    def __init__(self, read: Callable[[int, int], tuple[list[Any], list[Any] | None]]) -> None:
        self._read = read
        self.events: dict[int, Any] = {}
        self.added: dict[int, set[Any]] = {}
        self.removed: dict[int, set[Any]] = {}

    def learn(self, event: Any) -> None:
        """Note which elements the event adds and removes."""
        added, removed = self._read(event.act, event.chance)
        self.events[event.number] = event
        self.added[event.number] = {typed(element) for element in added}
        if removed is None:
            self.removed[event.number] = set(self.value(event.past))
        else:
            self.removed[event.number] = {typed(element) for element in removed}


class GrowModel(SetModel):
    """Everything ever added; an add of what is there says nothing."""

    def learn(self, event: Any) -> None:
        """Note the event, with what it added anew."""
        super().learn(event)
        self.added[event.number] -= self.value(event.past)

    def value(self, shadow: Shadow) -> set[Any]:
        """Return the union of what was added."""
        return set[Any]().union(*[self.added[number] for number in shadow])


class TwoPhaseModel(SetModel):
    """Everything added that nobody removed; only what was visible can be removed."""

    def learn(self, event: Any) -> None:
        """Note the event, with what it added anew and what it hit by removing."""
        super().learn(event)
        self.added[event.number] -= self.value(event.past)
        self.removed[event.number] &= self.value(event.past)

    def value(self, shadow: Shadow) -> set[Any]:
        """Return what was added less what was removed."""
        numbers = list(shadow)
        removed = set[Any]().union(*[self.removed[number] for number in numbers])
        return set[Any]().union(*[self.added[number] for number in numbers]) - removed


class OnceModel(TwoPhaseModel):
    """As the two-phase model; whoever adds what it knows breaks the law."""

    def learn(self, event: Any) -> None:
        """Note the event; what it added must be new to its replica, removed elements included."""
        super().learn(event)
        added, _ = self._read(event.act, event.chance)
        known = set[Any]().union(
            *[self.added[number] | self.removed[number] for number in event.past]
        )
        if known & {typed(element) for element in added}:
            self.added[event.number] = {"an element was added twice"}


class AddWinsModel(SetModel):
    """An add counts until an event that saw it, live, adds the same element anew or removes it."""

    def __init__(self, read: Callable[[int, int], tuple[list[Any], list[Any] | None]]) -> None:
        super().__init__(read)
        self._covered: dict[int, set[tuple[int, Any]]] = {}

    def learn(self, event: Any) -> None:
        """Note which live adds the event replaces or removes."""
        super().learn(event)
        touched = self.added[event.number] | self.removed[event.number]
        self._covered[event.number] = {
            (number, element) for number, element in self._live(event.past) if element in touched
        }

    def value(self, shadow: Shadow) -> set[Any]:
        """Return the elements with a live add."""
        return {element for _, element in self._live(shadow)}

    def _live(self, shadow: Shadow) -> set[tuple[int, Any]]:
        numbers = list(shadow)
        adds = {(number, element) for number in numbers for element in self.added[number]}
        return adds.difference(*[self._covered[number] for number in numbers])


class StampModel(Model):
    """Gives each event its stamp: its clock, or just above the largest stamp that it knew."""

    def __init__(self) -> None:
        self.events: dict[int, Any] = {}
        self.stamps: dict[int, tuple[int, int]] = {}

    def learn(self, event: Any) -> None:
        """Note the event's stamp."""
        seen = max((self.stamps[number] for number in event.past), default=(-1, 0))
        now = (event.now, 0)
        self.stamps[event.number] = now if event.now > seen[0] else (seen[0], seen[1] + 1)
        self.events[event.number] = event


class LastWriteModel(StampModel):
    """The value of the greatest (stamp, replica, canonical value)."""

    def __init__(self, read: Callable[[int, int], Any]) -> None:
        super().__init__()
        self._read = read

    def value(self, shadow: Shadow) -> Any:
        """Return the key of the last value written, None if there is none."""
        writes = []
        for number in shadow:
            event = self.events[number]
            key = freeze(self._read(event.act, event.chance))
            writes.append((self.stamps[number], event.replica, canonical_text(key), key))
        return max(writes, key=lambda write: write[:3], default=(None,) * 4)[3]


class LastWriteSetModel(StampModel):
    """For each element the greatest (stamp, kind that the bias favours) decides."""

    def __init__(
        self, read: Callable[[int, int], tuple[list[Any], list[Any] | None]], bias: str
    ) -> None:
        super().__init__()
        self._read = read
        self._adds_win = bias == "add"
        self._writes: dict[int, dict[Any, bool]] = {}

    def learn(self, event: Any) -> None:
        """Note the event's stamp and which elements it adds and removes."""
        added, removed = self._read(event.act, event.chance)
        gone = self.value(event.past) if removed is None else {typed(one) for one in removed}
        self._writes[event.number] = dict.fromkeys(gone, False)
        self._writes[event.number].update(dict.fromkeys([typed(one) for one in added], True))
        if self._writes[event.number]:
            super().learn(event)
        else:  # clearing an empty set writes nothing, so it has no stamp that others must beat
            self.stamps[event.number] = (-1, 0)

    def value(self, shadow: Shadow) -> set[Any]:
        """Return the elements whose greatest write is an add."""
        last: dict[Any, tuple[tuple[int, int], bool, bool]] = {}
        for number in shadow:
            for element, present in self._writes[number].items():
                write = (self.stamps[number], present == self._adds_win, present)
                last[element] = max(write, last.get(element, write))
        return {element for element, write in last.items() if write[2]}


def typed(element: Any) -> Any:
    """Return a stand-in for an element by which 1, True, 1.0 and "1" are four."""
    return (type(element).__name__, repr(element))
