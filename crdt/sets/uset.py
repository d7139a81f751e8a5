"""The set of unique elements: each is added once, and removed for ever."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from crdt.atoms import Key, element_of
from crdt.sets.elements import E
from crdt.sets.twopset import TwoPSet


class USet(TwoPSet[E]):
    """A set for elements that are unique by nature, such as orders or messages with an id.

    It joins as a `TwoPSet` does, but an element that this replica knows, present or removed, is
    never added a second time: that is an error of the caller and not passed over. Two replicas
    that add one element without knowing of each other add it once.

    Args:
        replica: Taken as every type does; no mutator needs an identity, so none is ever drawn.

    Payload:
        ``{"added": [element...], "removed": [element...]}``, each in canonical order, without
        what is empty; ``added`` leaves out what was removed.

    Source:
        Shapiro et al., INRIA RR-7506 (2011), Specification 13, whose causal delivery is not
        needed here, because removals are kept.

    Example:
        >>> orders = USet()
        >>> orders.add("order 17").payload
        {'added': ['order 17']}
        >>> orders.add("order 17")
        Traceback (most recent call last):
            ...
        ValueError: 'order 17' was added before; an element is added once
        >>> orders.remove("order 17").payload
        {'removed': ['order 17']}
    """

    def _change(self, adds: Iterable[Key], drops: Iterable[Key]) -> Self:
        """Add and drop in one delta.

        Raises:
            ValueError: One of ``adds`` was added before; nothing has changed.
        """
        keys = list(adds)
        for key in keys:
            if key in self._added or key in self._removed:
                raise ValueError(
                    f"{element_of(key)!r:.80} was added before; an element is added once"
                )
        return super()._change(keys, drops)
