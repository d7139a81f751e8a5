"""Lets Python look for garbage seldom while simulations run.

Rule of this file: the setting of the whole process is put back as it was, also where several runs
overlap in threads.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import gc
from threading import Lock

SELDOM = (200_000, 20, 50)
"""A run makes many objects that live for long, and hardly any cycles."""

YOUNG = 1
"""The generation up to which `sweep_up` looks: what was made since the last run, mostly."""

_lock = Lock()
_before: list[tuple[int, int, int]] = []
"""What was set before each run that is under way; the first one counts."""


@contextmanager
def few_collections() -> Iterator[None]:
    """Look for garbage seldom inside of the block."""
    with _lock:
        _before.append(_before[0] if _before else gc.get_threshold())
        gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        with _lock:
            usual = _before.pop()
            if not _before:
                gc.set_threshold(*usual)


def sweep_up() -> None:
    """Free a world that nobody holds any more.

    It is one knot of cycles. Taken apart at once, while the processor has it at hand, it costs a
    tenth of what a dozen of them cost together later.
    """
    gc.collect(YOUNG)
