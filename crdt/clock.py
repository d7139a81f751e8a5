"""Hybrid logical clock: wall-clock stamps that never run behind what their writer has seen.

A stamp is ``(ms, counter)``: whole milliseconds since 1970, below 2**43 (the year 2248), and a
counter below 2**32 that orders writes within one millisecond. A write takes the clock's time, or
the smallest stamp above the largest one in the object, whichever is later. So a local write beats
everything its writer has seen, also when two writes share a tick or the clock steps back, and a
stamp from the future harms no object but the one that holds it.

Source: Kulkarni et al., "Logical Physical Clocks" (2014). This file is the toolbox's only door to
the system's time; everybody else passes a clock in.
"""

from __future__ import annotations

from collections.abc import Callable
from time import time_ns

Clock = Callable[[], int]
"""Returns whole milliseconds since 1970."""

Stamp = tuple[int, int]
"""``(ms, counter)``."""

MS_LIMIT = 2**43
"""Stamps lie below this many milliseconds; a payload beyond it is refused everywhere."""

COUNTER_LIMIT = 2**32
"""Counters lie below this; the next stamp then moves on to the next millisecond."""


def system_clock() -> int:
    """Return the system's wall clock in whole milliseconds since 1970."""
    return time_ns() // 1_000_000


def next_stamp(now: int, latest: Stamp) -> Stamp:
    """Return the stamp of a write at ``now`` by somebody who has seen ``latest``.

    Args:
        now: What the clock says, in milliseconds since 1970. Times before 1970 count as 1970.
        latest: The largest stamp in the object, ``(-1, 0)`` if it has none.

    Raises:
        TypeError: The clock gave no whole number.
        ValueError: The clock is past the last stamp (the year 2248).
        OverflowError: ``latest`` is the very last stamp, so that nothing can beat it.
    """
    if type(now) is not int:
        raise TypeError(f"a clock returns whole milliseconds as an int, not {now!r}")
    if now >= MS_LIMIT:
        raise ValueError(f"the clock says {now} ms since 1970, past the last stamp {MS_LIMIT - 1}")
    ms, counter = latest
    if now > ms or ms < 0:
        return max(now, 0), 0
    if counter + 1 < COUNTER_LIMIT:
        return ms, counter + 1
    if ms + 1 < MS_LIMIT:
        return ms + 1, 0
    raise OverflowError("the object holds the last possible stamp; no write can beat it")
