"""Where members stand on the ring, whom each probes in a round, and who relays to whom.

Every node computes the same ring from the same names, so that in one round each member is probed
exactly once, and each pair meets within n - 1 rounds. Source: SWIM (Das, Gupta, Motivala 2002),
section 4.3, whose round-robin this makes common to all members.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
import random
from typing import TypeAlias

from crdtnode.protocol.spans import Part, Standing, around, divided, within

ROUNDS = 2**32
"""Rounds are counted modulo this."""

FEW = 8
"""One newcomer among so many is put where it stands; where more come, all are sorted."""

SMALL = 32
"""Members among whom writes go the same few ways again and again; among more, ways are many."""

WAYS_MOST = 64
"""Divided ranges that are remembered among so few; where there are more, all are forgotten."""

_Way: TypeAlias = tuple[tuple[int, int], int, int]
"""A range, the place that is left out, and how many parts at most."""


def later(a: int, b: int) -> bool:
    """True where round ``a`` comes after ``b``, on a circle of 2**32."""
    return 0 < (a - b) % ROUNDS < ROUNDS // 2


class Ring:
    """The names that may be probed and told, in the order of their places.

    Args:
        names: Gives the names that may be probed.
        place: Gives the place of a name, 64 bits, the same on every node of the cluster.
        stands: Tells whether a name is one of `names`; without it all are looked at each time.
    """

    def __init__(
        self,
        names: Callable[[], Iterable[str]],
        place: Callable[[str], int],
        stands: Callable[[str], bool] | None = None,
    ) -> None:
        self._listed = names
        self._place = place
        self._stands = stands
        self._touched: dict[str, None] = {}
        self._places: dict[str, int] = {}
        self._standing: list[Standing] = []
        self._come: list[Standing] = []
        """Those that are new, and not among `_standing` yet."""
        self._changed = True
        self._ways: dict[_Way, list[Part]] = {}

    def changed(self, *names: str) -> None:
        """These names, or without any whichever, may have come or gone: look before the next use.

        Among many members a look at a few names costs next to nothing, one at all of them does.
        """
        if names and self._stands is not None:
            self._touched.update(dict.fromkeys(names))
        else:
            self._changed = True

    def _look(self) -> None:
        if not (self._changed or self._touched):
            return  # nearly always
        self._ways.clear()
        if self._changed:
            self._changed = False
            self._places = {n: self._places.get(n) or self._place(n) for n in self._listed()}
            self._standing = sorted((place, name) for name, place in self._places.items())
        else:
            for name in self._touched:
                self._look_at(name)
            if len(self._come) * FEW > len(self._standing):
                self._standing += self._come
                self._standing.sort()
            else:
                for one in self._come:
                    insort(self._standing, one)
            self._come.clear()
        self._touched.clear()

    def _look_at(self, name: str) -> None:
        """See whether a name belongs on the ring, or no longer."""
        place = self._places.get(name)
        stands = self._stands is not None and self._stands(name)
        if stands and place is None:
            place = self._places[name] = self._place(name)
            self._come.append((place, name))
        elif place is not None and not stands:
            del self._places[name]
            del self._standing[bisect_left(self._standing, (place, name))]

    def __len__(self) -> int:
        """How many stand here."""
        self._look()
        return len(self._standing)

    def target(self, name: str, round_: int) -> str | None:
        """Whom ``name`` probes in a round; None where it is alone or not on the ring."""
        self._look()
        size, place = len(self._standing), self._places.get(name)
        if size < 2 or place is None:
            return None
        start = bisect_left(self._standing, (place, name))
        return self._standing[(start + _shift(round_, size)) % size][1]

    def place(self, name: str) -> int:
        """The place of a name, whether it is on the ring or not."""
        place = self._places.get(name)
        return self._place(name) if place is None else place

    def within(self, lo: int, hi: int) -> Sequence[Standing]:
        """Who stands in a range, in the order in which it meets them."""
        self._look()
        return within(self._standing, lo, hi)

    def parts(self, span: tuple[int, int], hole: int, most: int) -> list[Part]:
        """Divide a range without one place among those who stand in it; see `spans`.

        Whoever gets them leaves them as they are: they are kept until the ring changes.
        """
        self._look()
        parts = self._ways.get((span, hole, most))
        if parts is None:
            parts = divided(self._standing, around(*span, hole), most)
            if len(self._standing) <= SMALL:
                self._keep((span, hole, most), parts)
        return parts

    def _keep(self, way: _Way, parts: list[Part]) -> None:
        if len(self._ways) >= WAYS_MOST:
            self._ways.clear()
        self._ways[way] = parts


def _shift(round_: int, size: int) -> int:
    cycle, step = divmod(round_, size - 1)
    return _shifts(cycle, size)[step]


@lru_cache(maxsize=16)
def _shifts(cycle: int, size: int) -> list[int]:
    """How far to look round the ring in each round of a cycle; the same for all nodes."""
    shifts = list(range(1, size))
    random.Random(f"{cycle}/{size}").shuffle(shifts)
    return shifts
