"""Hold any replicated type to the laws: ours, and yours.

A *history* is what several replicas of one type did: they changed their states under clocks that
drift and jump, took over whole states, and got deltas late, twice or never. Every law is checked
on every history: states join commutatively, associatively and idempotently, growth and order are
told truly, deltas do what their operation did, payloads survive their carriers, equal states have
equal bytes, nothing is aliased, and the value is the one that a plain model expects (a merge can
be a fine semilattice and still lose every fourth entry; only the model sees that).

    from crdt.testing import check_laws
    check_laws(Friendship, acts=[lambda friend, n: friend.follow(f"user{n % 3}")])

Needs Hypothesis (the extra ``test``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crdt.base import StateCRDT
from crdt.testing.demand import LawBrokenError as LawBrokenError
from crdt.testing.demand import through_json
from crdt.testing.history import Event as Event
from crdt.testing.history import History as History
from crdt.testing.history import run_history
from crdt.testing.laws import check_history as check_history
from crdt.testing.models import Model as Model
from crdt.testing.subjects import Act as Act
from crdt.testing.subjects import Subject as Subject
from crdt.testing.subjects import subject_of as subject_of

C = TypeVar("C", bound=StateCRDT)

_LONGEST_BYTES = 80
_WIDE_BYTES = 110
_WIDE_SHARE = 10
"""One history in this many has four or more replicas and more than thirty operations."""


def histories(kind: type[C] | Subject[C]) -> st.SearchStrategy[History[C]]:
    """Return a Hypothesis strategy of histories of a type.

    Args:
        kind: A built-in type, or a `Subject` that says how to exercise one of yours.
    """
    subject = kind if isinstance(kind, Subject) else subject_of(kind)
    return st.binary(max_size=_LONGEST_BYTES).map(lambda script: run_history(subject, script))


def check_laws(
    kind: type[C] | Subject[C],
    *,
    acts: Sequence[Act[C]] = (),
    make: Callable[[], C] | None = None,
    examples: int = 300,
    carriers: Sequence[Callable[[Any], Any]] = (through_json,),
) -> None:
    """Check all laws on ``examples`` histories of a type.

    Args:
        kind: The type, or a `Subject` with everything said.
        acts: For a type that is not built in: functions ``act(object, number)`` that change the
            object; the number (0-255) stands for chance. What they return counts as the delta if
            it is of the type. ValueError and KeyError mean that nothing was changed.
        make: Makes a fresh object, by default ``kind()``.
        examples: How many histories; a tenth of them are wide and long.
        carriers: Each takes a payload to bytes and back; it must come back unchanged.

    Raises:
        LawBrokenError: A law does not hold; the message names it and the shortest script found.
    """
    subject = _subject(kind, acts, make)
    told: dict[bytes, bytes] = {}

    @settings(
        max_examples=max(1, examples - examples // _WIDE_SHARE),
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.binary(max_size=_LONGEST_BYTES))
    def narrow(script: bytes) -> None:
        check_history(run_history(subject, script), carriers, told)

    for seed in range(examples // _WIDE_SHARE):
        check_history(run_history(subject, wide_script(seed)), carriers, told)
    narrow()


def wide_script(seed: int) -> bytes:
    """Return the script of a history with four or five replicas and over thirty operations."""
    chance = Random(seed)
    return bytes([2 + chance.randrange(2)]) + chance.randbytes(_WIDE_BYTES)


def _subject(
    kind: type[C] | Subject[C], acts: Sequence[Act[C]], make: Callable[[], C] | None
) -> Subject[C]:
    if isinstance(kind, Subject):
        return kind
    return Subject(kind, tuple(acts), make) if acts else subject_of(kind)
