"""What a plan expects of its run, beyond what holds in every run.

Rule of this file: plain frozen data; `crdtnode.sim.checks.expected` looks whether it came so.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Final:
    """What an object shows on every node at the end."""

    type: str
    """The type's tag, such as ``pncounter@1``."""
    name: str
    """The object's name."""
    value: object
    """What its property ``value`` gives; for sets, a list of the elements in any order."""


@dataclass(frozen=True, slots=True)
class Expectations:
    """What must be so at the end; by default nothing special."""

    finals: tuple[Final, ...] = ()
    converged_within: float | None = None
    """Seconds after the end of the faults in which all must be equal, where that is asked for
    more strictly than by the plan's bound."""
    bytes_per_node_second: float | None = None
    """The most that a node may send on average over the whole run, packets' headers not
    counted."""
    violated: tuple[str, ...] = ()
    """Names of checks that must find something: for plans that show a bug."""
