"""The laws of what a type may offer: ``split``, ``context`` with ``delta_since``, ``compact``.

A type that has one of these methods is held to its laws; one that has not is not.
"""

from __future__ import annotations

from functools import reduce
from itertools import pairwise
from random import Random
from typing import Any, TypeVar

from crdt.base import StateCRDT
from crdt.testing.demand import Law, demand, merged, sample, through_json
from crdt.testing.history import History, canonical, keeps_its_fingerprint

C = TypeVar("C", bound=StateCRDT)

_LIMITS_BYTES = (1, 90)
"""Sizes of parts: as small as can be, and a few items each."""


def _parts_join_to_the_whole(history: History[Any]) -> None:
    if not hasattr(history.subject.kind, "split"):
        return
    for state, limit in zip(sample(history), _LIMITS_BYTES, strict=False):
        before = canonical(state)
        parts = list(state.split(limit))
        demand(canonical(state) == before, "split changes the state")
        demand(bool(parts) != state.initial, "there are parts exactly of what holds something")
        for part in parts:
            demand(part.compare(state), "a part says more than the state")
            if len(part.canonical()) > limit:
                again = len(list(part.split(limit)))
                demand(again == 1, "a part is over the limit and can be cut smaller")
        for other in (history.subject.new(), *sample(history)):
            whole = canonical(merged(other, state))
            for part in Random(len(parts)).sample(parts, len(parts)):
                other.absorb(part)
            demand(canonical(other) == whole, "the parts do not join to the state")


def _deltas_since_a_context_say_what_is_lacking(history: History[Any]) -> None:
    if not hasattr(history.subject.kind, "delta_since"):
        return
    states = [history.subject.new(), *sample(history)]
    for theirs, mine in [*pairwise(states), (states[-1], states[0])]:
        before, both = canonical(mine), canonical(merged(theirs, mine))
        delta = mine.delta_since(through_json(theirs.context))
        demand(canonical(mine) == before, "delta_since changes the state")
        demand(delta.compare(mine), "a delta since a context says more than the state")
        theirs.absorb(delta)
        demand(canonical(theirs) == both, "a delta since a context is not what was lacking")
        demand(mine.delta_since(mine.context).initial, "a state lacks something of itself")


def _compaction_is_not_seen(history: History[Any]) -> None:
    if not hasattr(history.subject.kind, "compact"):
        return
    # Reversed, since the second replica keeps its fingerprint up to date, and copies go on with it.
    ended = [replica.object.clone() for replica in reversed(history.replicas[:2])]
    ended += [replica.object.clone() for replica in history.replicas[2:]]
    stable = reduce(merged, ended)
    read = history.subject.read
    one, other, late = stable.clone(), stable.clone(), stable.clone()
    value = read(stable)
    delta = one.compact(stable)
    demand(read(one) == value, "compact changes the value")
    other.compact(stable)
    demand(canonical(one) == canonical(other), "two compactions of one state differ")
    late.absorb(delta)
    demand(canonical(late) == canonical(one), "the delta of a compaction is not the compaction")
    demand(keeps_its_fingerprint(late), "a fingerprint does not follow a compaction")
    one.absorb(stable)
    demand(canonical(one) == canonical(late), "a state from before a compaction undoes it")
    for state in ended:
        state.absorb(one)
        demand(canonical(state) == canonical(one), "a replica does not take over a compaction")
    demand(one.compact(stable).initial, "what was compacted is compacted again")


OFFERED: tuple[Law, ...] = (
    _parts_join_to_the_whole,
    _deltas_since_a_context_say_what_is_lacking,
    _compaction_is_not_seen,
)
