"""What goes wrong in a simulation: every fault as plain data, with its time.

Rule of this file: nothing is checked or done here; `Plan` checks, `World` does. Times are float
seconds since the start. Every fault names its nodes itself, so that a plan can be read, cut down
and run again without anything else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

from crdtnode.sim.link import Link

Group = tuple[str, ...]
"""Names of nodes."""

Disk = Literal["none", "own", "backup"]
"""What a restarted node finds on its disk: nothing, all that was written to it until the crash, or
what `Backup` copied last."""

EVERYBODY = "*"
"""Stands for any node where a fault or a rule names the two ends of a link."""


@dataclass(frozen=True, slots=True)
class _Timed:
    at: float

    @property
    def nodes(self) -> Group:
        """All nodes that it names."""
        return ()

    @property
    def until(self) -> float:
        """When it is over by itself, or done."""
        return self.at


@dataclass(frozen=True, slots=True)
class _OnNode(_Timed):
    node: str

    @property
    def nodes(self) -> Group:
        """The node that it concerns."""
        return (self.node,)


@dataclass(frozen=True, slots=True)
class _OnLink(_Timed):
    source: str = EVERYBODY
    target: str = EVERYBODY

    @property
    def nodes(self) -> Group:
        """The named ends of the link."""
        return tuple(end for end in (self.source, self.target) if end != EVERYBODY)


# Who reaches whom. Each of the first four replaces the one before it; Heal ends them all.


@dataclass(frozen=True, slots=True)
class Partition(_Timed):
    """From now on only nodes of one group reach each other.

    Nodes that no group names form one more group.
    """

    groups: tuple[Group, ...]

    @classmethod
    def halves(cls, at: float, nodes: Sequence[str]) -> Self:
        """The first half of the nodes on one side; the other one has one more if they are odd."""
        middle = len(nodes) // 2
        return cls(at, (tuple(nodes[:middle]), tuple(nodes[middle:])))

    @classmethod
    def majority(cls, at: float, nodes: Sequence[str]) -> Self:
        """The largest minority, taken from the front, against the rest."""
        few = (len(nodes) - 1) // 2
        return cls(at, (tuple(nodes[:few]), tuple(nodes[few:])))

    @property
    def nodes(self) -> Group:
        """Everybody in a group."""
        return tuple(node for group in self.groups for node in group)

    def __str__(self) -> str:
        return f"partition {_groups(self.groups)} at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Isolate(_OnNode):
    """One node reaches nobody and nobody reaches it; all others go on."""

    def __str__(self) -> str:
        return f"isolation of {self.node} at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Bridge(_Timed):
    """Two sides do not reach each other; the nodes between them reach everybody."""

    left: Group
    between: Group
    right: Group

    @property
    def nodes(self) -> Group:
        """Everybody named."""
        return self.left + self.between + self.right

    def __str__(self) -> str:
        sides = f"{' '.join(self.left)} | ({' '.join(self.between)}) | {' '.join(self.right)}"
        return f"bridge {sides} at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class MajorityRing(_Timed):
    """Every node reaches a majority, and no two nodes the same one: its neighbours on a ring."""

    ring: Group

    @property
    def nodes(self) -> Group:
        """Everybody on the ring."""
        return self.ring

    def __str__(self) -> str:
        return f"ring of majorities {' '.join(self.ring)} at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Cut(_Timed):
    """One way only: what the sources send to the targets is lost. It adds to other cuts."""

    sources: Group
    targets: Group

    @property
    def nodes(self) -> Group:
        """Both ends; a node may stand at each."""
        return tuple(dict.fromkeys(self.sources + self.targets))

    def __str__(self) -> str:
        return f"cut {' '.join(self.sources)} -> {' '.join(self.targets)} at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Flapping(_Timed):
    """A partition that comes and goes, beginning cut and ending whole."""

    groups: tuple[Group, ...]
    down: float
    """Seconds for which it is cut, each time."""
    up: float
    """Seconds for which it is whole, each time."""
    times: int = 5
    """How often it is cut."""

    @property
    def nodes(self) -> Group:
        """Everybody in a group."""
        return tuple(node for group in self.groups for node in group)

    @property
    def until(self) -> float:
        """When it is whole for good."""
        return self.at + self.times * self.down + (self.times - 1) * self.up

    def __str__(self) -> str:
        return f"flapping {_groups(self.groups)} {self.times} times from {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Swizzle(_Timed):
    """Nodes are cut off one by one, and come back one by one, in another order.

    Source: the "swizzle-clogging" of FoundationDB's simulator.
    """

    off: Group
    back: Group
    """The same nodes, in the order of their return."""
    gap: float
    """Seconds between one and the next."""

    @property
    def nodes(self) -> Group:
        """Everybody who is cut off."""
        return tuple(dict.fromkeys(self.off + self.back))

    @property
    def until(self) -> float:
        """When all are back."""
        return self.at + self.gap * (len(self.off) + len(self.back) - 1)

    def __str__(self) -> str:
        orders = f"off {' '.join(self.off)}, back {' '.join(self.back)}"
        return f"swizzle {orders} from {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Heal(_Timed):
    """Everybody reaches everybody: partitions, cuts, flapping and holds end."""

    def __str__(self) -> str:
        return f"heal at {self.at:.6f} s"


# What links do to packets


@dataclass(frozen=True, slots=True)
class Relink(_OnLink):
    """Links behave like this from now on; later ones win over earlier ones and over the plan's."""

    link: Link = field(default_factory=Link)

    def __str__(self) -> str:
        return f"link {self.source} -> {self.target} is {self.link} from {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Restore(_Timed):
    """Links behave as the plan's network says again: the end of all `Relink`."""

    def __str__(self) -> str:
        return f"links as before at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Hold(_OnLink):
    """Packets are kept back on the way, until `Release` or `Heal`."""

    def __str__(self) -> str:
        return f"hold {self.source} -> {self.target} at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Release(_OnLink):
    """What was kept back goes on, in its order."""

    def __str__(self) -> str:
        return f"release {self.source} -> {self.target} at {self.at:.6f} s"


# Processes


@dataclass(frozen=True, slots=True)
class Crash(_OnNode):
    """A node stops in the middle of everything and forgets all that is not on its disk."""

    torn: bool = False
    """Whether the last thing that was written to the disk is lost."""

    def __str__(self) -> str:
        return f"{'torn ' * self.torn}crash of {self.node} at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Restart(_OnNode):
    """A node that is down starts again at its address, as a new process."""

    disk: Disk = "none"

    def __str__(self) -> str:
        return f"restart of {self.node} (disk: {self.disk}) at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Backup(_OnNode):
    """The node's disk is copied; `Restart` may put it back later."""

    def __str__(self) -> str:
        return f"backup of {self.node} at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Clone(_OnNode):
    """A node that is not up starts from a copy of another one's disk, under the other's name."""

    of: str

    @property
    def nodes(self) -> Group:
        """The clone and whom it is a copy of."""
        return (self.node, self.of)

    def __str__(self) -> str:
        return f"{self.node} starts as a clone of {self.of} at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Join(_OnNode):
    """A node starts for the first time: it is not there before, unlike all others."""

    def __str__(self) -> str:
        return f"{self.node} joins at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Leave(_OnNode):
    """A node says goodbye and ends; it does not come back by itself."""

    def __str__(self) -> str:
        return f"{self.node} leaves at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Pause(_OnNode):
    """The process stands still, as under SIGSTOP; what arrives fills its socket's buffer."""

    def __str__(self) -> str:
        return f"pause of {self.node} at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Resume(_OnNode):
    """A paused process goes on."""

    def __str__(self) -> str:
        return f"{self.node} goes on at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Slow(_OnNode):
    """Everything that the process does takes so much longer; what arrives meanwhile waits."""

    per_call: float
    """Seconds for each datagram, chunk or wake; 0 ends it."""

    def __str__(self) -> str:
        return f"{self.node} takes {self.per_call:g} s for each call from {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class ClockJump(_OnNode):
    """The wall clock is set."""

    by: float
    """Seconds, forward or back."""

    def __str__(self) -> str:
        return f"clock of {self.node} jumps by {self.by:g} s at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class ClockRate(_OnNode):
    """The wall clock goes wrong from now on."""

    rate: float
    """Its seconds for each true second; 1 is right."""

    def __str__(self) -> str:
        return f"clock of {self.node} runs {self.rate:g} times as fast from {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class DiskError(_OnNode):
    """From now on nothing more gets onto the disk."""

    def __str__(self) -> str:
        return f"disk of {self.node} fails at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class DiskMended(_OnNode):
    """The disk takes writes again, and what it missed is written."""

    def __str__(self) -> str:
        return f"disk of {self.node} is mended at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Remove(_OnNode):
    """The node removes an object: every update of this life of it goes, whoever made it.

    Whoever writes to it later begins a new life.
    """

    type: str
    """The type's tag."""
    name: str
    """The object's name."""

    def __str__(self) -> str:
        return f"removal of {self.type}/{self.name} by {self.node} at {self.at:.6f} s"


Fault = (
    Partition
    | Isolate
    | Bridge
    | MajorityRing
    | Cut
    | Flapping
    | Swizzle
    | Heal
    | Relink
    | Restore
    | Hold
    | Release
    | Crash
    | Restart
    | Backup
    | Clone
    | Join
    | Leave
    | Pause
    | Resume
    | Slow
    | ClockJump
    | ClockRate
    | DiskError
    | DiskMended
    | Remove
)


def _groups(groups: tuple[Group, ...]) -> str:
    return " | ".join(" ".join(group) for group in groups)
