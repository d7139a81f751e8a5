"""Does to a world what the faults of a plan say.

Rule of this file: one case for each fault, and nothing that depends on chance. Faults that last
are cut into moments here; a heal ends those that have not come yet.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, assert_never

from crdtnode.sim.agenda import nanoseconds
from crdtnode.sim.disk import EMPTY
from crdtnode.sim.faults import (
    Backup,
    Bridge,
    ClockJump,
    ClockRate,
    Clone,
    Crash,
    Cut,
    DiskError,
    DiskMended,
    Fault,
    Flapping,
    Heal,
    Hold,
    Isolate,
    Join,
    Leave,
    MajorityRing,
    Partition,
    Pause,
    Release,
    Relink,
    Restart,
    Restore,
    Resume,
    Slow,
    Swizzle,
)

if TYPE_CHECKING:
    from crdtnode.sim.world import World


class Nemesis:
    """Carries out faults."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._heals = 0

    def do(self, fault: Fault, moment: int) -> None:
        """Let one fault happen now."""
        match fault:
            case Partition() | Isolate() | Bridge() | MajorityRing() | Cut() | Heal():
                self._cut(fault)
            case Flapping() | Swizzle():
                self._begin(fault)
            case Relink() | Restore() | Hold() | Release():
                self._link(fault)
            case Crash() | Restart() | Clone() | Join() | Leave():
                self._life(fault, moment)
            case _:
                self._trouble(fault)
        self._world.fault_done(fault)

    def end(self, moment: int) -> None:
        """End all that a heal does not: whoever stands still goes on, links are as they were."""
        world = self._world
        world.links.restore()
        for host in world.hosts:
            host.slow_down(0.0)
            host.disk_fails = False
            host.resume()

    def _cut(self, fault: Partition | Isolate | Bridge | MajorityRing | Cut | Heal) -> None:
        reach = self._world.links.reach
        match fault:
            case Cut(sources=sources, targets=targets):
                reach.cut(sources, targets)
            case Heal():
                self._heals += 1
                reach.heal()
            case _:
                reach.divide(fault)

    def _link(self, fault: Relink | Restore | Hold | Release) -> None:
        links = self._world.links
        match fault:
            case Relink():
                links.relink(fault)
            case Restore():
                links.restore()
            case Hold(source=source, target=target):
                links.reach.hold(source, target)
            case Release(source=source, target=target):
                links.reach.release(source, target)

    def _life(self, fault: Crash | Restart | Clone | Join | Leave, moment: int) -> None:
        host = self._world.host(fault.node)
        match fault:
            case Crash(torn=torn) if host.up:
                host.crash(moment, torn=torn)
            case Restart(disk=disk) if not host.up:
                host.start(moment, {"none": EMPTY, "own": host.disk(), "backup": host.backup}[disk])
            case Clone(of=of) if not host.up:
                original = self._world.host(of)
                copy = original.disk()
                host.start(moment, copy, copy.name or of)
            case Join() if not host.up:
                host.start(moment)
            case Leave():
                host.leave(moment)
            case _:
                pass  # what is up cannot start, and what is down cannot crash

    def _trouble(
        self,
        fault: Backup | Pause | Resume | Slow | ClockJump | ClockRate | DiskError | DiskMended,
    ) -> None:
        host = self._world.host(fault.node)
        match fault:
            case Backup():
                host.backup = host.disk()
            case Pause():
                if host.up:
                    host.pause()
            case Resume():
                host.resume()
            case Slow(per_call=seconds):
                host.slow_down(seconds)
            case ClockJump(by=seconds):
                host.set_clock(by=seconds)
            case ClockRate(rate=rate):
                host.set_clock(rate=rate)
            case DiskError():
                host.disk_error()
            case DiskMended():
                host.disk_fails = False
            case _:
                assert_never(fault)

    # Faults that last

    def _begin(self, fault: Flapping | Swizzle) -> None:
        reach = self._world.links.reach
        match fault:
            case Flapping(at=at, groups=groups, down=down, up=up, times=times):
                for time in range(times):
                    begin = time * (down + up)
                    self._later(begin, fault, partial(reach.divide, Partition(at, groups)))
                    self._later(begin + down, fault, reach.join)
            case Swizzle(off=off, back=back, gap=gap):
                for place, node in enumerate(off):
                    self._later(place * gap, fault, partial(reach.turn_off, node))
                for place, node in enumerate(back, len(off)):
                    self._later(place * gap, fault, partial(reach.turn_on, node))

    def _later(self, after: float, fault: Fault, act: Callable[[], None]) -> None:
        """Do a part of a fault after so many seconds, unless a heal comes before it."""
        heals, agenda = self._heals, self._world.agenda

        def happen(_: int) -> None:
            if heals == self._heals:
                act()
                self._world.fault_done(fault)

        agenda.at(agenda.now + nanoseconds(after), happen)
