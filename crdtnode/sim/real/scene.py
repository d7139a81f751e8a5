"""What real nodes hold in the end, in the form in which checks look at simulated ones.

Rule of this file: only what the checks of the end ask for.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from crdt import StateCRDT
from crdtnode.registry.lives import FIRST
from crdtnode.sim.checks import Check
from crdtnode.sim.checks.members import MembersAreKnown
from crdtnode.sim.plan import Plan
from crdtnode.sim.shadow import Key, Ledger

if TYPE_CHECKING:
    from crdtnode.sim.world import World


@dataclass(eq=False)
class Holding:
    """What a real node held in the end, in the form in which checks look at a registry."""

    states: dict[Key, StateCRDT]
    shadows: dict[Key, int]
    returned: Key | None = None
    """No object that was removed has come back: on real hosts nothing is removed."""

    def life(self, key: Key) -> int:
        """All objects are in the life in which they began."""
        return FIRST

    def look(self, key: Key) -> StateCRDT | None:
        """The state of an object."""
        return self.states.get(key)

    def names(self) -> list[Key]:
        """All objects."""
        return sorted(self.states)


@dataclass(eq=False)
class Seen:
    """A real node in the end, in the form in which checks look at a host."""

    name: str
    registry: Holding
    root: int
    address: str
    listed: list[str]
    """Addresses that it takes for alive."""
    up: bool = True


@dataclass(eq=False)
class Scene:
    """All nodes in the end, in the form in which checks look at a world."""

    plan: Plan
    ledger: Ledger
    up: list[Seen]
    checks: list[Check] = field(default_factory=list)


class MembersAgree(MembersAreKnown):
    """As in the other engines, judged by what each process says in the end."""

    def ended(self, world: "World", converged: float | None) -> None:
        """Compare the lists."""
        seen = cast(Scene, world).up
        there = sorted(one.address for one in seen)
        for one in seen:
            if one.listed != there:
                self.violate(f"{one.name} lists {one.listed}, but there are {there}")
        self.holds()
