"""No two updates have the same identity, whatever crashed, was restored or cloned.

Rule of this file: it reads what identifies an update off the delta of the types that it knows.
Source: Almeida et al., "Dotted version vectors" (2014): a dot names one event for ever.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crdt import GCounter, LWWRegister, LWWSet, ORSet, PNCounter
from crdtnode.sim.checks.check import Check

if TYPE_CHECKING:
    from crdtnode.sim.host import Host
    from crdtnode.sim.shadow import Update
    from crdtnode.sim.world import World

Slot = tuple[object, ...]


class NoDotTwice(Check):
    """Remembers which part of a replica's count each update used."""

    name = "no-dot-twice"
    sentence = "No two updates bear the same dot, stamp or count of one replica."

    def __init__(self) -> None:
        super().__init__()
        self._counted: dict[Slot, tuple[int, Update]] = {}
        self._stamped: dict[Slot, Update] = {}

    def wrote(self, world: "World", host: "Host", update: "Update") -> None:
        """Compare with all that was used before."""
        for replica, first, last in _counts(update):
            slot = (update.key, update.life, replica)
            most, before = self._counted.get(slot, (0, update))
            if first < most:
                self._twice(f"count {first + 1} of {replica}", before, update)
            if last >= most:
                self._counted[slot] = (last, update)
        for stamp in _stamps(update):
            before = self._stamped.setdefault((update.key, update.life, *stamp), update)
            if before is not update:
                self._twice(f"stamp {stamp}", before, update)

    def _twice(self, what: str, before: "Update", update: "Update") -> None:
        self.violate(f"{what} stands for two updates:\n{before}\n{update}")


def _counts(update: "Update") -> Iterator[tuple[Slot, int, int]]:
    """(who counts, first, last + 1) of what an update has used up, counted from 0."""
    delta, payload, amount = update.delta, update.delta.payload, 1
    if update.write.args and isinstance(update.write.args[0], int):
        amount = update.write.args[0]
    match delta:
        case GCounter():
            for replica, tally in payload.items():
                yield (replica,), tally - amount, tally
        case PNCounter():
            place = 1 if update.write.method == "decrement" else 0
            for replica, tallies in payload.items():
                yield (replica, place), tallies[place] - amount, tallies[place]
        case ORSet():
            for replica, (_, runs, _) in payload.items():
                for start, length in zip(runs[::2], runs[1::2], strict=True):
                    yield (replica,), start, start + length
        case _:
            pass


def _stamps(update: "Update") -> Iterator[Slot]:
    payload = update.delta.payload
    match update.delta:
        case LWWRegister() if payload:
            yield (*payload[0], payload[1])
        case LWWSet():
            for _, stamp, replica in (*payload.get("added", ()), *payload.get("removed", ())):
                yield (*stamp, replica)
        case _:
            pass
