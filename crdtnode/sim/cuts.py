"""Does to links and their reach what the faults of the network say, on every engine.

Rule of this file: one case for each fault of the network; who calls when is others' business.
"""

from collections.abc import Callable
from functools import partial

from crdtnode.sim.faults import (
    Bridge,
    Cut,
    Flapping,
    Heal,
    Hold,
    Isolate,
    MajorityRing,
    Partition,
    Release,
    Relink,
    Restore,
    Swizzle,
)
from crdtnode.sim.network import Links

AtOnce = (
    Partition | Isolate | Bridge | MajorityRing | Cut | Heal | Relink | Restore | Hold | Release
)
"""Faults of the network that are done in one moment."""

Lasting = Flapping | Swizzle
"""Those that go on for a while, in parts; a heal ends them."""

Part = tuple[float, Callable[[], None]]
"""Seconds after the beginning of a fault, and what happens then."""


class Cuts:
    """Carries out the faults of the network.

    Attributes:
        heals: Number of heals so far: parts of faults from before the last one are not done.
    """

    def __init__(self, links: Links) -> None:
        self.heals = 0
        self._links = links
        self._reach = links.reach

    def do(self, fault: AtOnce) -> None:
        """Do a fault now."""
        reach, links = self._reach, self._links
        match fault:
            case Partition() | Isolate() | Bridge() | MajorityRing():
                reach.divide(fault)
            case Cut(sources=sources, targets=targets):
                reach.cut(sources, targets)
            case Heal():
                self.heals += 1
                reach.heal()
            case Relink():
                links.relink(fault)
            case Restore():
                links.restore()
            case Hold(source=source, target=target):
                reach.hold(source, target)
            case Release(source=source, target=target):
                reach.release(source, target)

    def parts(self, fault: Lasting) -> list[Part]:
        """What a lasting fault is made of."""
        reach = self._reach
        parts: list[Part] = []
        match fault:
            case Flapping(at=at, groups=groups, down=down, up=up, times=times):
                for time in range(times):
                    begin = time * (down + up)
                    parts.append((begin, partial(reach.divide, Partition(at, groups))))
                    parts.append((begin + down, reach.join))
            case Swizzle(off=off, back=back, gap=gap):
                parts += [(n * gap, partial(reach.turn_off, one)) for n, one in enumerate(off)]
                later = enumerate(back, len(off))
                parts += [(n * gap, partial(reach.turn_on, one)) for n, one in later]
        return parts
