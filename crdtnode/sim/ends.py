"""Which fault ends another one.

Rule of this file: the pairs stand here and nowhere else; whoever draws, writes or shows faults that
last asks here how they end.
"""

from collections.abc import Callable

from crdtnode.sim.faults import (
    EVERYBODY,
    Bridge,
    ClockRate,
    Crash,
    Cut,
    Disk,
    DiskError,
    DiskMended,
    Fault,
    Heal,
    Hold,
    Isolate,
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
)

Ending = Callable[[float], Fault]
"""From a time to the fault that ends another one then."""

Lasting = (
    Partition
    | Isolate
    | Bridge
    | MajorityRing
    | Cut
    | Relink
    | Hold
    | Crash
    | Leave
    | Pause
    | Slow
    | ClockRate
    | DiskError
)
"""Faults that last until another one ends them."""

Endings = Heal | Restore | Release | Restart | Resume | DiskMended
"""Faults that do nothing but end others."""


def end_of(fault: Lasting, at: float, disk: Disk = "none") -> Fault:
    """The fault that ends another one.

    `Heal` and `Restore` end others with it: all cuts and holds, and all changed links.

    Args:
        fault: What has begun.
        at: When it ends, in seconds.
        disk: What a node that crashed, or left, finds on its disk.
    """
    match fault:
        case Partition() | Isolate() | Bridge() | MajorityRing() | Cut():
            return Heal(at)
        case Relink():
            return Restore(at)
        case Hold(source=source, target=target):
            return Release(at, source, target)
        case Crash(node=node) | Leave(node=node):
            return Restart(at, node, disk)
        case Pause(node=node):
            return Resume(at, node)
        case Slow(node=node):
            return Slow(at, node, per_call=0.0)
        case ClockRate(node=node):
            return ClockRate(at, node, rate=1.0)
        case DiskError(node=node):
            return DiskMended(at, node)


def ends(fault: Fault, begun: Lasting) -> bool:
    """Whether a fault ends another one, be it meant for that one or for more.

    Args:
        fault: What happens.
        begun: What has begun before, and lasts.
    """
    match fault, begun:
        case Heal(), Hold():
            return True
        case Release(), Hold():
            named, held = (fault.source, fault.target), (begun.source, begun.target)
            return all(name in (EVERYBODY, end) for name, end in zip(named, held, strict=True))
        case Restart(), Crash() | Leave():
            return fault.node == begun.node
        case Crash() | Leave(), Pause() | Slow() | DiskError():
            return fault.node == begun.node  # the next process knows nothing of it
        case _:
            return fault == end_of(begun, fault.at)
