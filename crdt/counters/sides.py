"""What counters share: a state that is nothing but tallies, in one or several dicts.

Rows are ``(side, slot, tally)``. The short paths of counters tell nobody what they raise, so a
fingerprint looks at all tallies for those that are others than the last time; a look costs a
fortieth of a hash.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from crdt.rows import Hash, Print, Row, Rowed


class Tallied(Rowed):
    """A counter."""

    @abstractmethod
    def _sides(self) -> tuple[dict[Any, int], ...]:
        """Return the dicts of tallies, always as many and in the same order."""

    def _hashed_rows(self, hash: Hash) -> Iterator[tuple[Row, int]]:
        for side, tallies in enumerate(self._sides()):
            for slot, tally in tallies.items():
                yield (side, slot, tally), 1

    def _keep_print(self, made: Print) -> None:
        super()._keep_print(made)
        made.known = made.known or tuple([tallies.copy() for tallies in self._sides()])

    def _catch_up(self, held: Print) -> None:
        for side, (tallies, known) in enumerate(zip(self._sides(), held.known, strict=True)):
            for slot, tally in tallies.items():
                before = known.get(slot)
                if before != tally:
                    old = None if before is None else (side, slot, before)
                    held.swap(old, (side, slot, tally))
                    known[slot] = tally
