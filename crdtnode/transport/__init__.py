"""The only sockets: datagrams and streams between nodes, behind one small interface.

Rule of this room: bytes go through unread. A transport knows addresses, queues and errors of the
operating system, and tells its `Receiver` what happened; what the bytes mean is the engine's.

`sockets.SocketTransport` is UDP and TCP on one port number, `memory.MemoryTransport` the same
between nodes of one process under a virtual clock. One conformance test runs over both.
"""

from abc import ABC, abstractmethod
from typing import Protocol

import trio

from crdtnode.protocol.effects import Address as Address
from crdtnode.transport.addresses import format_address as format_address
from crdtnode.transport.addresses import is_loopback as is_loopback
from crdtnode.transport.addresses import parse_address as parse_address

DATAGRAM_MOST_BYTES = 8192
"""Largest datagram taken; larger ones are counted and dropped unread."""

CONNECT_TIMEOUT = 0.8
"""Seconds that an outgoing stream may take until it is open, the name's resolution included."""

LINGER = 2.0
"""Seconds that a stream closed here may take to write what is queued and to see the peer's end."""

SEND_QUEUE_BYTES = 32 * 1024 * 1024
"""Bytes queued on one stream above which it is closed: twice the largest object."""

Why = str
"""Why a stream ended: ``"refused"``, ``"timeout"``, ``"eof"``, ``"error"``, ``"unreachable"``."""


class Receiver(Protocol):
    """Who hears what happens on a transport. No call may raise or block."""

    def datagrams(self, batch: list[tuple[bytes, Address]]) -> None:
        """Datagrams came, each with its sender."""

    def announcements(self, batch: list[tuple[bytes, Address]]) -> None:
        """Datagrams came that were meant for everybody on the network."""

    def accepted(self, address: Address) -> int | None:
        """Somebody connected: the number of the new stream, or None to refuse it."""

    def opened(self, stream: int) -> None:
        """The stream that we asked for is open."""

    def received(self, stream: int, data: bytes) -> None:
        """A chunk of a stream came."""

    def drained(self, stream: int) -> None:
        """All that was written to a stream is out of our hands."""

    def closed(self, stream: int, why: Why) -> None:
        """A stream ended, or never came to be. Not told of a stream that we closed ourselves."""

    def send_failed(self, address: Address, errno_name: str) -> None:
        """The operating system refused to send a datagram."""

    def datagrams_lost(self, count: int) -> None:
        """The operating system had no room for datagrams that came."""


class Transport(ABC):
    """Datagrams and streams of one node, from one address.

    A transport is bound when it exists; `run` carries it until it is cancelled. Nothing but `run`
    waits: `send` drops what cannot go at once, streams queue.
    """

    address: Address
    """Where we are bound: a concrete port; the host may stand for all addresses."""

    isolated: bool = False
    """True while the switch for faults cuts us off."""

    @abstractmethod
    async def run(
        self, receiver: Receiver, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Carry datagrams and streams until cancelled; then close everything."""

    @abstractmethod
    def send(self, address: Address, data: bytes, *, reached: bool = False) -> None:
        """Send one datagram, or drop and count it where that would block.

        Args:
            address: Where to.
            data: The bytes.
            reached: The last question to this address was answered.
        """

    @abstractmethod
    def open(self, stream: int, address: Address) -> None:
        """Begin to connect; the receiver hears ``opened`` or ``closed``."""

    @abstractmethod
    def write(self, stream: int, data: bytes) -> None:
        """Queue bytes, in order; the receiver hears ``drained`` when all of them are out."""

    @abstractmethod
    def close(self, stream: int) -> None:
        """Write what is queued, then close; the receiver hears no more of this stream."""

    @abstractmethod
    def isolate(self) -> None:
        """Drop every datagram, close and refuse every stream, both ways, until `heal`."""

    @abstractmethod
    def heal(self) -> None:
        """End `isolate`."""

    @abstractmethod
    def close_now(self) -> None:
        """Close all sockets at once and for good."""

    def abandon(self) -> None:  # noqa: B027 (a transport without descriptors has nothing to do)
        """Drop the sockets in a forked child, without touching the event loop of the parent."""
