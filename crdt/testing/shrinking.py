"""A long script of which something is wrong, cut down to the steps that matter."""

from __future__ import annotations

from collections.abc import Callable

_STEP_BYTES = 2

_TRIES = 60
"""Shorter scripts to try at most: what is left then is short enough to be read."""


def shortest(script: bytes, wrong: Callable[[bytes], str | None]) -> bytes:
    """Leave out steps, many at once and then one by one, as long as the same is still wrong.

    Args:
        script: Any; the first byte stays. If nothing is wrong with it, all of it does.
        wrong: Tells what is wrong with a script, None if nothing is.
    """
    fault = wrong(script)
    steps = (len(script) - 1) // _STEP_BYTES if fault is not None else 0
    tries = 0
    while steps:
        at = 1
        while at < len(script) and tries < _TRIES:
            tries += 1
            shorter = script[:at] + script[at + steps * _STEP_BYTES :]
            if wrong(shorter) == fault:
                script = shorter
            else:
                at += steps * _STEP_BYTES
        steps //= 2
    return script
