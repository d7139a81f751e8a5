"""Hears announcements: a socket of its own on a multicast group, shared by all nodes of a host.

Rule of this file: it only listens. Announcements are sent from the node's own socket, so that
their source is where the node is reached.
"""

from collections.abc import Callable
import socket

import trio

from crdtnode.errors import CannotBind
from crdtnode.metrics import Metrics
from crdtnode.protocol.effects import Address
from crdtnode.transport.addresses import format_address
from crdtnode.transport.udp import drain

GROUP: Address = ("239.195.27.38", 27379)
"""Where nodes announce themselves: an address of local scope (RFC 2365), one hop far."""


class Announcements:
    """What others announce on the network of one of our addresses.

    Args:
        host: Our IPv4 address there.
        metrics: Counts what cannot be received.

    Raises:
        CannotBind: There is no multicast on that network, or the port is taken by others.
    """

    def __init__(self, host: str, metrics: Metrics) -> None:
        self._metrics = metrics
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._sock.setblocking(False)
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._sock.bind(GROUP)
            membership = socket.inet_aton(GROUP[0]) + socket.inet_aton(host)
            self._sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        except OSError as error:
            self._sock.close()
            why = error.strerror or str(error)
            raise CannotBind(f"{format_address(GROUP)} of {host}", why) from error

    async def receive_for_ever(
        self, deliver: Callable[[list[tuple[bytes, Address]]], None]
    ) -> None:
        """Hand over whatever comes, until cancelled."""
        while True:
            await trio.lowlevel.wait_readable(self._sock)
            if batch := drain(self._sock, self._metrics, v6=False):
                deliver(batch)

    def close(self) -> None:
        """Hear no more."""
        self._sock.close()


def send_through(sock: socket.socket, host: str) -> None:
    """Let announcements leave a node's socket on the network of this address of ours."""
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(host))
