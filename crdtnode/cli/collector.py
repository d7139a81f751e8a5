"""Keeps Python's garbage collector from standing in the way of probes.

Rule of this file: it is for the daemon, which is alone in its process.

A full collection looks at everything that lives: 30 ms for the modules that are loaded, and 1 ms more
for each 1,000 objects that the node holds. In that time nobody answers a probe. So whatever has
survived one that took long is not looked at again: nearly all of it lives as long as the process.
"""

from collections.abc import Callable, Mapping
import gc
import time
from typing import Final

LONG: Final = 0.01
"""Seconds that a full collection may take before what it has seen is left alone."""

_FULL: Final = 2


def leave_alone_what_stays(clock: Callable[[], float] = time.perf_counter) -> Callable[[], None]:
    """Freeze what lives now, and again after each full collection that takes long.

    Args:
        clock: Returns seconds.

    Returns:
        What ends it.
    """
    began = clock()

    def watch(phase: str, about: Mapping[str, int]) -> None:
        nonlocal began
        if phase == "start":
            began = clock()
        elif about["generation"] == _FULL and clock() - began > LONG:
            gc.freeze()

    gc.callbacks.append(watch)
    gc.freeze()
    return lambda: gc.callbacks.remove(watch)
