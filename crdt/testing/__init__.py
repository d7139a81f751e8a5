"""Hold any replicated type to the laws: ours, and yours.

A *history* is what two to five replicas of one type did: they changed their states under clocks
that drift and jump, took over whole states, and got deltas late, twice or never. Every law is
checked on every history:

- states join commutatively, associatively and idempotently, and settle equal in any order;
- ``compare``, ``initial`` and what ``join`` returns tell order and growth truly;
- a delta does what its operation did, also twice, late, or without the others;
- a payload survives JSON, gives back the same state and value, and shares nothing with anybody;
- equal states have equal canonical bytes and fingerprints, unequal ones have not;
- an act never makes a state less, and one that raises KeyError or ValueError changes nothing;
- copies are free, arguments of a merge stay as they were, a value is fresh and shares nothing;
- ``split``, ``context`` with ``delta_since``, and ``compact`` keep their promises, if there are any;
- the value is the expected one. (A merge can be a fine semilattice and still lose every fourth
  entry; a delta can hold the increment instead of the result. Only this law sees that.)

All that a type of your own needs is a way to change it, and what should come of that:

    >>> from crdt import StateCRDT
    >>> class Best(StateCRDT):
    ...     def __init__(self):
    ...         self.points = 0
    ...     def score(self, points):
    ...         self.points = max(self.points, points)
    ...     @property
    ...     def payload(self):
    ...         return self.points
    ...     @payload.setter
    ...     def payload(self, payload):
    ...         self.points = int(payload)
    ...     @property
    ...     def value(self):
    ...         return self.points
    ...     @classmethod
    ...     def merge(cls, X, Y):
    ...         return cls.from_payload(max(X.points, Y.points))
    >>> from crdt.testing import check_laws
    >>> check_laws(
    ...     Best,
    ...     acts=[lambda best, number: best.score(number)],
    ...     expected=lambda events: max([event.chance for event in events], default=0),
    ...     examples=50,
    ... )

With a sum in place of the first ``max`` in ``merge``, it says which law is broken, and how:

    >>> Best.merge = classmethod(lambda cls, X, Y: cls.from_payload(X.points + Y.points))
    >>> check_laws(Best, acts=[lambda best, number: best.score(number)], examples=50)
    Traceback (most recent call last):
        ...
    crdt.testing.demand.LawBrokenError: Best: merge is not idempotent
        a calls acts[0](110)
    (script '033c6e')

Needs Hypothesis (the extra ``test``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crdt.base import StateCRDT
from crdt.testing.demand import LawBrokenError as LawBrokenError
from crdt.testing.demand import through_json as through_json
from crdt.testing.history import Event as Event
from crdt.testing.history import History as History
from crdt.testing.history import run_history
from crdt.testing.laws import check_history as check_history
from crdt.testing.models import ExpectedModel
from crdt.testing.models import Model as Model
from crdt.testing.shrinking import shortest
from crdt.testing.subjects import Act as Act
from crdt.testing.subjects import Subject as Subject
from crdt.testing.subjects import subject_of as subject_of

C = TypeVar("C", bound=StateCRDT)

Expected = Callable[[list[Event[Any]]], Any]
"""Returns the value of a state that reflects these events."""

_LONGEST_BYTES = 80
_WIDE_BYTES = 110
_WIDE_SHARE = 10
"""One history in this many has four or more replicas and more than thirty operations."""


def histories(
    kind: type[C] | Subject[C],
    *,
    acts: Sequence[Act[C]] = (),
    make: Callable[[], C] | None = None,
    expected: Expected | None = None,
) -> st.SearchStrategy[History[C]]:
    """Return a Hypothesis strategy of histories of a type, for laws of your own.

    A history has ``replicas`` (each with its live ``object`` and the numbers of the events that it
    ``known``), the ``events`` in order, each with its ``delta``, and ``snapshots`` of states.

    Args:
        kind: The type, or a `Subject` with everything said.
        acts: As in `check_laws`.
        make: As in `check_laws`.
        expected: As in `check_laws`; `check_history` holds a history to it.
    """
    subject = _subject(kind, acts, make, expected)
    return st.binary(max_size=_LONGEST_BYTES).map(lambda script: run_history(subject, script))


def check_laws(
    kind: type[C] | Subject[C],
    *,
    acts: Sequence[Act[C]] = (),
    make: Callable[[], C] | None = None,
    expected: Expected | None = None,
    examples: int = 300,
    carriers: Sequence[Callable[[Any], Any]] = (through_json,),
) -> None:
    """Check all laws on ``examples`` histories of a type.

    Args:
        kind: The type, or a `Subject` with everything said.
        acts: For a type that is not built in: functions ``act(object, number)`` that change the
            object; the number (from 0 to 255 divided by how many acts there are) stands for chance.
            What they return counts as the delta if it is of the type. ValueError and KeyError mean
            that nothing was changed.
        make: Makes a fresh object, by default ``kind()``.
        expected: For a type that is not built in: gets the `Event`s that a state reflects, in the
            order in which they happened, and returns its ``value``. An event tells by which
            ``replica`` which of the ``acts`` was called (``act``, an index) with which number
            (``chance``), and which events that replica knew (``past``). Without it nobody checks
            the value. Where a delta tells of more than its own event, write a `Model` instead.
        examples: How many histories; a tenth of them are wide and long.
        carriers: Each takes a payload to bytes and back; it must come back unchanged.

    Raises:
        LawBrokenError: A law does not hold; the message names it and tells, step by step, the
            shortest history found in which it does not.
    """
    subject = _subject(kind, acts, make, expected)
    told: dict[bytes, bytes] = {}

    def check(script: bytes) -> None:
        check_history(run_history(subject, script), carriers, told)

    def broken_by(script: bytes) -> str | None:
        try:
            check(script)
        except LawBrokenError as error:
            return error.law
        return None

    @settings(
        max_examples=max(1, examples - examples // _WIDE_SHARE),
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.binary(max_size=_LONGEST_BYTES))
    def narrow(script: bytes) -> None:
        check(script)

    for seed in range(examples // _WIDE_SHARE):
        check(shortest(wide_script(seed), broken_by))
    narrow()


def wide_script(seed: int) -> bytes:
    """Return the script of a history with four or five replicas and over thirty operations."""
    chance = Random(seed)
    return bytes([2 + chance.randrange(2)]) + chance.randbytes(_WIDE_BYTES)


def _subject(
    kind: type[C] | Subject[C],
    acts: Sequence[Act[C]],
    make: Callable[[], C] | None,
    expected: Expected | None,
) -> Subject[C]:
    if isinstance(kind, Subject):
        return kind
    if not acts:
        return subject_of(kind)
    if expected is None:
        return Subject(kind, tuple(acts), make)
    return Subject(kind, tuple(acts), make, partial(ExpectedModel, expected))
