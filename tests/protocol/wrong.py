"""A type that breaks the laws: the engine survives it."""

from typing import Self

from crdt import GCounter, register


@register
class Summing(GCounter):
    """Joins by adding, so that its replicas never agree."""

    def absorb(self, other: Self) -> bool:
        for replica, tally in other._tallies.items():
            self._tallies[replica] = self._tallies.get(replica, 0) + tally
        return bool(other._tallies)
