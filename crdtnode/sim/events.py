"""What can happen in a simulation: writes and faults, as plain data with their times.

Rule of this file: nothing is checked or done here; `Plan` checks, `World` does. Times are float
seconds since the start.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Write:
    """A call of one mutator on one node; nothing happens where the node is down."""

    at: float
    node: str
    type: str
    """The type's tag, such as ``pncounter@1``."""
    name: str
    """The object's name."""
    method: str
    args: tuple[object, ...] = ()
    flush: bool = False
    """Whether the writer asks, right after it, to hear when another member holds it."""

    def __str__(self) -> str:
        args = ", ".join(map(repr, self.args))
        return f"{self.node}: {self.type}/{self.name}.{self.method}({args}) at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Partition:
    """From now on only nodes of one group reach each other; it replaces an earlier partition.

    Nodes that no group names form one more group.
    """

    at: float
    groups: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        groups = " | ".join(" ".join(group) for group in self.groups)
        return f"partition {groups} at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Heal:
    """The partition ends: everybody reaches everybody."""

    at: float

    def __str__(self) -> str:
        return f"heal at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Crash:
    """A node stops in the middle of everything and forgets all it held."""

    at: float
    node: str

    def __str__(self) -> str:
        return f"crash of {self.node} at {self.at:.6f} s"


@dataclass(frozen=True, slots=True)
class Restart:
    """A crashed node starts again at its address: empty, as a new process."""

    at: float
    node: str

    def __str__(self) -> str:
        return f"restart of {self.node} at {self.at:.6f} s"


Fault = Partition | Heal | Crash | Restart
