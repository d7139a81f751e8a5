"""Our own health: who is late does not judge others by their silence.

A process that was stopped, or starved of processor time, notices that a time is over before it has
read what waits in its socket, and that may well be the answer. Source: Lifeguard (Dadgar, Phillips,
Currey 2018), whose local health this is the simplest part of.
"""

LATE = 0.05
"""Seconds by which a step must be late for our own slowness to be the likelier cause."""

GRACE = 0.05
"""Seconds in which to read what waits, before the step is taken after all."""


def put_off(due: float, now: float) -> float:
    """When a step that was due then is to be taken: then, or a little later where we are late."""
    return now + GRACE if now - due > LATE else due
