"""Does to a world what the faults of a plan say.

Rule of this file: one case for each fault, and nothing that depends on chance. Faults that last
are cut into moments here; a heal ends those that have not come yet.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, assert_never

from crdtnode.sim.agenda import nanoseconds
from crdtnode.sim.cuts import Cuts
from crdtnode.sim.disk import EMPTY
from crdtnode.sim.faults import (
    Backup,
    ClockJump,
    ClockRate,
    Clone,
    Crash,
    DiskError,
    DiskMended,
    Fault,
    Flapping,
    Join,
    Leave,
    Pause,
    Remove,
    Restart,
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
        self._cuts = Cuts(world.links)

    def do(self, fault: Fault, moment: int) -> None:
        """Let one fault happen now."""
        match fault:
            case Flapping() | Swizzle():
                self._begin(fault)
            case Crash() | Restart() | Clone() | Join() | Leave():
                self._life(fault, moment)
            case (
                Backup()
                | Pause()
                | Resume()
                | Slow()
                | ClockJump()
                | ClockRate()
                | DiskError()
                | DiskMended()
            ):
                self._trouble(fault)
            case Remove():
                self._world.host(fault.node).remove(fault, moment)
            case _:
                self._cuts.do(fault)
        self._world.fault_done(fault)

    def end(self, moment: int) -> None:
        """End all that a heal does not: whoever stands still goes on, links are as they were."""
        world = self._world
        world.links.restore()
        for host in world.hosts:
            host.slow_down(0.0)
            host.disk_fails = False
            host.resume()

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
        for after, act in self._cuts.parts(fault):
            self._later(after, fault, act)

    def _later(self, after: float, fault: Fault, act: Callable[[], None]) -> None:
        """Do a part of a fault after so many seconds, unless a heal comes before it."""
        heals, agenda = self._cuts.heals, self._world.agenda

        def happen(_: int) -> None:
            if heals == self._cuts.heals:
                act()
                self._world.fault_done(fault)

        agenda.at(agenda.now + nanoseconds(after), happen)
