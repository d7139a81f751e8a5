"""What a simulated process is, whatever runs it.

Rule of this file: only what a host asks of it; `on_heap` and `on_trio` do it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from crdtnode.protocol import Engine
from crdtnode.protocol.effects import Address, Udp
from crdtnode.sim.shadow import WatchedRegistry

if TYPE_CHECKING:
    from crdtnode.sim.host import Host


class Process(Protocol):
    """One life of a node."""

    engine: Engine
    registry: WatchedRegistry

    def start(self) -> None:
        """Begin."""

    def end(self) -> None:
        """Stop in the middle of everything."""

    def ring(self) -> None:
        """The engine's deadline has come."""

    def flush(self) -> None:
        """Ask to hear when others hold what was written; the checks are told of the ticket."""

    def leave(self) -> None:
        """Say goodbye."""

    def wrote(self) -> None:
        """The process's own code has changed an object."""

    def datagram(self, data: bytes, source: Udp) -> None:
        """A datagram came."""

    def accepted(self, address: Address) -> int | None:
        """Somebody connected; gives the number of the stream, None to hang up."""

    def opened(self, stream: int) -> None:
        """A connect succeeded."""

    def received(self, stream: int, data: bytes) -> None:
        """Bytes came on a stream."""

    def drained(self, stream: int) -> None:
        """All that was written to a stream is out."""

    def closed(self, stream: int, why: str) -> None:
        """A stream broke, or a connect failed."""


NewProcess = Callable[["Host", Engine, WatchedRegistry], Process]
"""Makes a process on a host."""
