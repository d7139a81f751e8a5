"""Removals that everybody knows of, and that can therefore be forgotten.

A type in which removing leaves a dot would keep one for every element that was ever removed. Such a
dot matters only against adds that have not seen it. Once nobody can make such an add any more, and
none is known here, the dot dies like any removed one and leaves nothing but its place in the
context.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from crdt.atoms import Key
from crdt.causal.causal import Causal
from crdt.causal.runs import covers, runs_of

C = TypeVar("C", bound=Causal)


def settle(state: C, stable: C, keys: Iterable[Key]) -> C:
    """Remove those dots of ``keys`` that ``stable`` has seen; return the delta to gossip.

    Raises:
        TypeError: ``stable`` is of another type.
        ValueError: ``state`` has not joined ``stable`` itself. Nothing has changed.
    """
    stable = state._same_type(stable)
    if not stable.compare(state):
        raise ValueError("this object has not joined `stable`, so not everybody has")
    covered: dict[str, list[int]] = {}
    for key in keys:
        for replica, counter in state._dots_of(key):
            if covers(stable._seen.get(replica, 0), counter):
                covered.setdefault(replica, []).append(counter)
    delta = state._blank()
    delta._seen = {replica: runs_of(sorted(dots)) for replica, dots in covered.items()}
    return state._publish(delta) if covered else delta
