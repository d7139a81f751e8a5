"""Seconds that never go back and do not stop while the machine sleeps.

Rule of this file: trio's clock decides, so that a virtual one works; the time that the machine
spent suspended, which that clock leaves out, is added. The engine sees such a leap and refutes,
instead of taking everybody else for dead.
"""

import time
from typing import Final

import trio

_ASLEEP_LEAST: Final = 1.0
"""Seconds that two clocks must have drifted apart before we believe in a suspended machine."""


class NodeClock:
    """`now` for an engine, and when trio must wake us for an engine's deadline.

    Made inside of the trio loop by whose time the engine lives.
    """

    def __init__(self) -> None:
        self._time = trio.lowlevel.current_clock().current_time
        self._at_start = _asleep()
        self._slept = 0.0

    def now(self) -> float:
        """Return seconds, comparable only with each other."""
        slept = _asleep() - self._at_start
        if slept - self._slept > _ASLEEP_LEAST:
            self._slept = slept
        return self._time() + self._slept

    def in_trio(self, deadline: float) -> float:
        """Return the time on trio's clock at which ``deadline`` is due."""
        return deadline - self._slept


def _asleep() -> float:
    """Return seconds that this machine has spent suspended, plus a constant."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


def wall_clock() -> int:
    """Return whole milliseconds since 1970, for the stamps of writes."""
    return time.time_ns() // 1_000_000
