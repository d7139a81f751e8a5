"""What a law is stated with."""

from __future__ import annotations

from collections.abc import Callable
import json
from random import Random
from typing import Any, TypeVar

from crdt.base import StateCRDT
from crdt.testing.history import History, canonical

C = TypeVar("C", bound=StateCRDT)

Law = Callable[[History[Any]], None]

_SAMPLE = 3
"""States of a history that are checked against each other; their triples grow with the cube."""


class LawBrokenError(AssertionError):
    """A type breaks a law of replicated types: its author erred.

    Attributes:
        law: What is broken.
    """

    def __init__(self, law: str, how: str = "") -> None:
        super().__init__(law + how)
        self.law = law


def demand(holds: bool, law: str, how: str = "") -> None:
    """Raise LawBrokenError unless a law holds."""
    if not holds:
        raise LawBrokenError(law, how)


def merged(one: C, other: C) -> C:
    """Return the merge of two states."""
    both: C = type(one).merge(one, other)
    return both


def sample(history: History[C]) -> list[C]:
    """Return copies of a few states: replicas as they ended, states on the way, deltas."""
    chance = Random(len(history.script))
    states = [state for state, _ in history.snapshots]
    states += [event.delta for event in history.events if event.delta is not None]
    states = [state for state in states if canonical(state) is not None]
    return [state.clone() for state in chance.sample(states, min(_SAMPLE, len(states)))]


def through_json(payload: Any) -> Any:
    """Carry a payload as JSON text."""
    return json.loads(json.dumps(payload, allow_nan=False))
