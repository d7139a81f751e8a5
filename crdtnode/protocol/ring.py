"""Where members stand on the ring, and whom each probes in a round.

Every node computes the same ring from the same names, so that in one round each member is probed
exactly once, and each pair meets within n - 1 rounds. Source: SWIM (Das, Gupta, Motivala 2002),
section 4.3, whose round-robin this makes common to all members.
"""

from collections.abc import Callable, Iterable
import random

ROUNDS = 2**32
"""Rounds are counted modulo this."""


def later(a: int, b: int) -> bool:
    """True where round ``a`` comes after ``b``, on a circle of 2**32."""
    return 0 < (a - b) % ROUNDS < ROUNDS // 2


class Ring:
    """The names that may be probed, in the order of their places.

    Args:
        names: Gives the names that may be probed.
        place: Gives the place of a name, 64 bits, the same on every node of the cluster.
    """

    def __init__(self, names: Callable[[], Iterable[str]], place: Callable[[str], int]) -> None:
        self._listed = names
        self._place = place
        self._places: dict[str, int] = {}
        self._names: list[str] = []
        self._shifts: tuple[int, int, list[int]] = (-1, 0, [])
        self._changed = True

    def changed(self) -> None:
        """The names are others now: look at them when a round begins."""
        self._changed = True

    def _look(self) -> None:
        if self._changed:
            self._changed = False
            self._places = {n: self._places.get(n) or self._place(n) for n in self._listed()}
            self._names = sorted(self._places, key=lambda n: (self._places[n], n))

    def target(self, name: str, round_: int) -> str | None:
        """Whom ``name`` probes in a round; None where it is alone or not on the ring."""
        self._look()
        size = len(self._names)
        if size < 2 or name not in self._places:
            return None
        start = self._names.index(name)
        return self._names[(start + self._shift(round_, size)) % size]

    def _shift(self, round_: int, size: int) -> int:
        cycle, step = divmod(round_, size - 1)
        if self._shifts[:2] != (cycle, size):
            shifts = list(range(1, size))
            random.Random(f"{cycle}/{size}").shuffle(shifts)
            self._shifts = (cycle, size, shifts)
        return self._shifts[2][step]
