"""What was seen of a run, whatever ran it: looks at all nodes, heals, delays, and a history.

Rule of this file: plain data; who watches fills it in, who reports reads it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Sample:
    """All nodes at one time."""

    at: float
    roots: int
    """Number of different roots among the nodes that are up."""
    missing: tuple[int | None, ...]
    """Of each node, how many updates it lacks that others have; None while it is down."""
    messages: int
    """Sent so far, by all nodes together."""
    bytes: int


@dataclass(frozen=True, slots=True)
class Healing:
    """A heal, and how long it took until all nodes held the same."""

    at: float
    after_s: float | None
    """None where they did not before the next fault, or the end."""


class Watched(Protocol):
    """Who has watched a run, and what was seen."""

    samples: list[Sample]
    delays: list[float]
    """Seconds from a write until it reached a node, for each of both, in order of arrival."""
    healings: list[Healing]
    history: list[dict[str, Any]]
    limits: Sequence[str]
    """What could not be seen, or not exactly, and why; a sentence each."""
