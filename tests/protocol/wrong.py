"""Types that break the laws: the engine survives them."""

import itertools
from typing import Self

from crdt import GCounter, register


@register
class Summing(GCounter):
    """Joins by adding, so that its replicas never agree."""

    def absorb(self, other: Self) -> bool:
        for replica, tally in other._tallies.items():
            self._tallies[replica] = self._tallies.get(replica, 0) + tally
        return bool(other._tallies)


@register
class Shuffled(GCounter):
    """Its encoding is not canonical: each object has one of its own."""

    _numbers = itertools.count()

    def canonical(self) -> bytes:
        if not hasattr(self, "number"):
            self.number = next(self._numbers)
        return super().canonical() + str(self.number).encode()
