"""The transport of real nodes: UDP and TCP on one port number.

Rule of this file: it only puts `udp` and `tcp` together and holds the switch for faults.
"""

import socket
from typing import cast

import trio

from crdtnode.metrics import Metrics
from crdtnode.protocol.effects import Address
from crdtnode.transport import Receiver, Transport
from crdtnode.transport.binding import bind_both
from crdtnode.transport.multicast import GROUP, Announcements, send_through
from crdtnode.transport.tcp import Streams
from crdtnode.transport.udp import UdpSocket


class SocketTransport(Transport):
    """Datagrams and streams over the network."""

    def __init__(self, bind: Address, metrics: Metrics) -> None:
        """Bind both sockets; `discover` adds a third.

        Raises:
            CannotBind: As `bind_both`.
        """
        udp, tcp = bind_both(bind)
        self._udp_socket: socket.socket = udp
        self._udp = UdpSocket(udp, metrics)
        self._streams = Streams(tcp, metrics)
        self._metrics = metrics
        self._announcements: Announcements | None = None
        self._receiver: Receiver
        self.address = cast("tuple[str, int]", udp.getsockname()[:2])

    def discover(self, host: str) -> Address:
        """Hear announcements on the network of this address of ours; gives where to announce us.

        Raises:
            CannotBind: There is no multicast on that network.
        """
        self._announcements = Announcements(host, self._metrics)
        send_through(self._udp_socket, host)
        return GROUP

    async def run(
        self, receiver: Receiver, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Carry datagrams and streams until cancelled; then close everything."""
        self._receiver = receiver
        try:
            async with trio.open_nursery() as nursery:
                self._streams.begin(receiver, nursery)
                nursery.start_soon(
                    self._udp.receive_for_ever, self._deliver, receiver.datagrams_lost
                )
                if self._announcements is not None:
                    nursery.start_soon(self._announcements.receive_for_ever, self._announced)
                nursery.start_soon(self._streams.run, receiver, nursery)
                task_status.started()
        finally:
            self.close_now()

    def _deliver(self, batch: list[tuple[bytes, Address]]) -> None:
        if self.isolated:
            self._metrics.dropped.add("isolated", len(batch))
        else:
            self._receiver.datagrams(batch)

    def _announced(self, batch: list[tuple[bytes, Address]]) -> None:
        if not self.isolated:
            self._receiver.announcements(batch)

    def send(self, address: Address, data: bytes, *, reached: bool = False) -> None:
        """Send one datagram, or drop and count it."""
        if self.isolated:
            self._metrics.dropped.add("isolated")
        elif failure := self._udp.send(address, data, reached=reached):
            self._receiver.send_failed(address, failure)

    def open(self, stream: int, address: Address) -> None:
        """Begin to connect; unreachable at once while isolated."""
        if self.isolated:
            self._receiver.closed(stream, "unreachable")
        else:
            self._streams.open(stream, address)

    def write(self, stream: int, data: bytes) -> None:
        """Queue bytes on a stream."""
        self._streams.write(stream, data)

    def close(self, stream: int) -> None:
        """Write what is queued, then close."""
        self._streams.close(stream)

    def isolate(self) -> None:
        """Cut this node off."""
        if not self.isolated:
            self.isolated = True
            self._streams.isolate()

    def heal(self) -> None:
        """Let it speak again."""
        if self.isolated:
            self.isolated = False
            self._streams.heal()

    def close_now(self) -> None:
        """Close all sockets at once."""
        self._streams.close_now()
        self._udp_socket.close()
        if self._announcements is not None:
            self._announcements.close()

    def abandon(self) -> None:
        """Drop the sockets in a forked child; the parent's stay open.

        The loop's epoll instance is shared with the parent: nothing here may tell the loop that
        a descriptor is going away.
        """
        self._streams.abandon()
        if self._announcements is not None:
            self._announcements.close()
        self._udp_socket.close()
