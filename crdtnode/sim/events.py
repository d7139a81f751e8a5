"""What people do in a simulation: writes, as plain data with their times.

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
