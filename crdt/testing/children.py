"""How to exercise any type as a child of maps, and what it must show: exact removals, at any depth.

The model of the type itself says what a child shows; here is only said which events it is asked
about. A removal of a key takes back the events below it that the remover saw alive: those that no
newer one which it knew has replaced. In a sequence it deletes the items instead, since others may
be anchored at them. Every act leaves one thing at most, so that it is replaced wholly or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from crdt.atoms import element_of
from crdt.base import StateCRDT
from crdt.causal.runs import counters
from crdt.counters import GCounter, PNCounter
from crdt.graphs import AddRemovePartialOrder, MonotonicDAG
from crdt.maps import ORMap
from crdt.sequences import RGA, Logoot, Sequence, Text
from crdt.sets import GSet, ORSet, PNSet, RWSet
from crdt.testing.mapacts import noted
from crdt.testing.models import Model, Shadow, typed
from crdt.testing.sequences import ITEMS, LETTERS, Id, SequenceModel, read_edit
from crdt.testing.subjects import Subject, subject_of
from crdt.trees import Tree

Way = tuple[type[Any], ...]
"""The types of the maps from the outermost to the one that holds the child."""

_LEAVES = ("x", 1)
_CLEARS = 5
"""The act of sequences that deletes all."""


def child_subject(kind: type[StateCRDT], way: Way = (ORMap,)) -> Subject[Any]:
    """Return the subject of the outermost map of ``way``, in which objects of ``kind`` live.

    Acts are those of ``kind`` on either of two children, and the removals of the keys above them.
    """
    inner = child_of(kind)
    chosen = _SINGLE.get(kind, tuple(range(len(inner.acts))))
    removals = [level for level, one in enumerate(way) if issubclass(one, ORMap)]
    acts = [_changes(way, inner, inner.acts[number]) for number in chosen]
    acts += [_removes(way, inner.kind, level) for level in removals]

    def model() -> ChildModel:
        models = [inner.model_of() for _ in _LEAVES]
        return ChildModel(inner, way, models, (chosen, removals))

    return Subject(way[0], tuple(acts), None, model, lambda state: _read(state, way, inner))


def child_of(kind: type[StateCRDT]) -> Subject[Any]:
    """Return the subject of a type with the model that it has as a child."""
    subject = subject_of(kind)
    for base, model in _MODELS.items():
        if issubclass(kind, base):
            return replace(subject, model_of=model)
    return subject


def opened(state: Any, way: Way, kind: type[Any], leaf: int) -> Any:
    """Return the live child that stands at the end of a way."""
    for level, one in enumerate(way[1:]):
        state = state.open(f"k{level}", one)
    return state.open(_LEAVES[leaf], kind)


def _changes(way: Way, inner: Subject[Any], act: Callable[[Any, int], Any]) -> Any:
    def change(state: Any, chance: int) -> Any:
        child = opened(state, way, inner.kind, chance % 2)
        return noted(state, lambda: act(child, chance // 2))

    return change


def _removes(way: Way, kind: type[Any], level: int) -> Any:
    def remove(state: Any, chance: int) -> Any:
        whole = state
        for depth, one in enumerate(way[1 : level + 1]):
            whole = whole.open(f"k{depth}", one)
        key = f"k{level}" if level + 1 < len(way) else _LEAVES[chance % 2]
        return noted(state, lambda: whole.discard(key))

    return remove


def _read(state: Any, way: Way, inner: Subject[Any]) -> Any:
    return [inner.read(opened(state, way, inner.kind, leaf)) for leaf in range(len(_LEAVES))]


class ChildModel(Model):
    """Asks a model of each child about the events that nobody has taken back or replaced."""

    def __init__(
        self,
        inner: Subject[Any],
        way: Way,
        models: list[Model],
        acts: tuple[tuple[int, ...], list[int]],
    ) -> None:
        self._inner = inner
        self._way = way
        self._models = models
        self._chosen, self._removals = acts
        self._leaf: dict[int, int] = {}
        self._dots: dict[int, set[tuple[str, int]]] = {}
        self._covered: dict[int, set[int]] = {}
        self._lasting = issubclass(inner.kind, _LASTING)
        self._anchored = issubclass(inner.kind, Sequence | Text | RGA)

    def learn(self, event: Any) -> None:
        """Note which child the event changed, or which events it took back."""
        self._covered[event.number] = set()
        act = event.act - len(self._chosen)
        if act >= 0:
            innermost = self._removals[act] == len(self._way) - 1
            leaves = [event.chance % 2] if innermost else [0, 1]
            for leaf in leaves:
                self._reset(event, leaf)
            if self._anchored:
                self._leaf[event.number] = leaves[0] if innermost else ALL_LEAVES
        elif not event.delta.initial:  # what changed nothing is no update
            leaf = event.chance % 2
            told = self._told(event, leaf, self._chosen[event.act], event.chance // 2)
            self._leaf[event.number] = leaf
            self._models[leaf].learn(told)
            if self._removals and not self._anchored and not self._lasting:
                self._note(event, told.past)

    def value(self, shadow: Shadow) -> Any:
        """Return what each child shows."""
        numbers = list(shadow)
        return [self._models[leaf].value(self._left(numbers, leaf)) for leaf in range(len(_LEAVES))]

    def _note(self, event: Any, past: Iterable[int]) -> None:
        """Note the dot of an event, and the older events whose dots it replaces."""
        claimed = {
            (replica, dot) for replica, runs in event.delta._seen.items() for dot in counters(runs)
        }
        older = {number: self._dots[number] for number in past}
        self._covered[event.number] = {n for n, dots in older.items() if dots and dots <= claimed}
        self._dots[event.number] = {
            (replica, dot)
            for entry in event.delta._leaves
            for replica, start, end, _, _ in event.delta._pieces_of(entry)
            for dot in range(start, end)
        }

    def _reset(self, event: Any, leaf: int) -> None:
        if self._anchored:
            model: Any = self._models[leaf]
            told = self._told(event, leaf, _CLEARS, 0)
            model.learn(told)
            made = {one[0] for one in model._made_by(told.past)}
            model._gone[event.number] = made - model._gone_by(told.past)
        else:
            self._covered[event.number] |= set(self._left(event.past, leaf))

    def _told(self, event: Any, leaf: int, act: int, chance: int) -> Any:
        delta = opened(event.delta, self._way, self._inner.kind, leaf)
        past = frozenset(self._left(event.past, leaf))
        return replace(event, act=act, chance=chance, past=past, delta=delta)

    def _left(self, shadow: Shadow, leaf: int) -> list[int]:
        numbers = list(shadow)
        covered = set[int]().union(*[self._covered[number] for number in numbers])
        mine = {leaf, ALL_LEAVES}
        return [n for n in numbers if self._leaf.get(n) in mine and n not in covered]


ALL_LEAVES = -1
"""Stands for both children."""


class SumModel(Model):
    """Amounts, each of which counts by itself: a counter below a map."""

    def __init__(self) -> None:
        self._amounts: dict[int, int] = {}

    def learn(self, event: Any) -> None:
        """Note the amount of the event."""
        self._amounts[event.number] = event.delta.value

    def value(self, shadow: Shadow) -> int:
        """Return the sum."""
        return sum([self._amounts[number] for number in shadow])


class CountingModel(Model):
    """Amounts of elements, each of which counts by itself: a PNSet below a map."""

    def __init__(self) -> None:
        self._steps: dict[int, dict[Any, int]] = {}

    def learn(self, event: Any) -> None:
        """Note by how much the event changes which counts."""
        delta = event.delta
        steps = {typed(element_of(key)): delta._count(key) for key in delta._known()}
        self._steps[event.number] = steps

    def value(self, shadow: Shadow) -> dict[Any, int]:
        """Return the counts above 0."""
        counts: dict[Any, int] = {}
        for number in shadow:
            for element, step in self._steps[number].items():
                counts[element] = counts.get(element, 0) + step
        return {element: count for element, count in counts.items() if count > 0}


class PlacedModel(SequenceModel):
    """Items as in `SequenceModel`, but a deletion tells the place of what it deletes."""

    def _made_by(self, shadow: Shadow) -> list[tuple[Id, Id, bool, Any]]:
        numbers = list(shadow)
        known = {made[0]: made for event in self._made.values() for made in event}
        here = {made[0]: made for made in super()._made_by(numbers)}
        here.update({one: known[one] for one in self._gone_by(numbers)})
        return list(here.values())


class AgedModel(PlacedModel):
    """Items by their age, but a map's dots make them older."""

    def learn(self, event: Any) -> None:
        """Note the event, and the ages that its delta tells."""
        super().learn(event)
        spans = [span for span in event.delta._all_spans() if span.content is not None]
        ages = [age for span in spans for age in range(span.first, span.end)]
        made = [identity for identity, *_ in self._made[event.number]]
        self._ages.update(zip(made, ages, strict=True))


_MODELS: dict[type[StateCRDT], Callable[[], Model]] = {
    PNSet: CountingModel,
    GCounter: SumModel,
    PNCounter: SumModel,
    RGA: lambda: AgedModel(partial(read_edit, ITEMS), two_sided=False),
    Sequence: lambda: PlacedModel(partial(read_edit, ITEMS), two_sided=True),
    Text: lambda: PlacedModel(partial(read_edit, LETTERS), two_sided=True),
}
"""Models of types whose writes count by themselves below a map, and together elsewhere."""

_LASTING = (Tree, GSet, MonotonicDAG, AddRemovePartialOrder, GCounter, PNCounter, PNSet)
"""Types of which no write ever takes the place of an older one."""

_SINGLE: dict[type[StateCRDT], tuple[int, ...]] = {
    ORSet: (0, 4, 6, 7),
    RWSet: (0, 2, 3),
    ORMap: tuple(range(11)),
    Logoot: (0, 1, 3, 5),
}
"""Which acts leave one thing at most, where not all do."""
