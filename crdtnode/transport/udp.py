"""One UDP socket: drained in batches, written to without ever waiting.

Receiving waits until the socket is readable and then takes up to `BATCH` datagrams in a row,
which costs a third of one wait per datagram. There is one sender, which never waits: a datagram
that the kernel will not take now is dropped and counted, since waiting would hold up everybody
else for the sake of one (a few hundred small datagrams to one dead host on the LAN make the
kernel refuse sends to the live ones for seconds), and the protocol lives with loss anyway.
"""

from collections.abc import Callable
import errno
import ipaddress
import logging
import socket
import struct

import trio

from crdtnode.metrics import Metrics
from crdtnode.protocol.effects import Address
from crdtnode.transport import DATAGRAM_MOST_BYTES

log = logging.getLogger(__name__)

BATCH = 64
"""Datagrams taken in a row before other tasks have their turn."""

BUFFER_BYTES = 4 * 1024 * 1024
"""Buffer asked of the kernel for each direction; its default holds 92 datagrams."""

CONFIRM = getattr(socket, "MSG_CONFIRM", 0)
"""Linux alone knows it."""

_KNOWN_MOST = 4096

_SO_MEMINFO = 55
_DROPS = struct.Struct("=32xI")
"""Where the kernel's memory figures of a socket count datagrams for which there was no room."""

SocketAddress = tuple[str, int] | tuple[str, int, int, int]


class UdpSocket:
    """Sends and receives datagrams on a bound, non-blocking socket."""

    def __init__(self, sock: socket.socket, metrics: Metrics) -> None:
        self._sock = sock
        self._metrics = metrics
        self._v6 = sock.family == socket.AF_INET6
        self._targets: dict[Address, SocketAddress | None] = {}
        self._lost = 0
        granted = ask_for_buffers(sock)
        log.info("udp-buffers receive=%d send=%d asked=%d", *granted, BUFFER_BYTES)

    async def receive_for_ever(
        self,
        deliver: Callable[[list[tuple[bytes, Address]]], None],
        lost: Callable[[int], None],
    ) -> None:
        """Hand over whatever comes, in batches, until cancelled; tell of what found no room."""
        while True:
            await trio.lowlevel.wait_readable(self._sock)
            if batch := drain(self._sock, self._metrics, v6=self._v6):
                deliver(batch)
            if len(batch) == BATCH and (more := self._lost_since()):
                lost(more)

    def _lost_since(self) -> int:
        """How many datagrams the kernel threw away since we looked last."""
        figures = self._sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _DROPS.size)
        if len(figures) < _DROPS.size:
            return 0  # an older kernel, which does not count them
        before, self._lost = self._lost, int(_DROPS.unpack(figures)[0])
        return (self._lost - before) % 2**32

    def send(self, address: Address, data: bytes, *, reached: bool = False) -> str | None:
        """Send one datagram; answers the name of the error where the kernel refused.

        Where the last question was answered, the kernel is told so, as its own TCP tells it: then
        it need not ask the neighbour for its hardware address again and again.
        """
        try:
            target = self._targets[address]
        except KeyError:
            target = self._target(address)
        if target is None:
            return "EAFNOSUPPORT"
        try:
            self._sock.sendto(data, CONFIRM if reached else 0, target)
        except OSError as error:
            return errno_name(error)
        return None

    def _target(self, address: Address) -> SocketAddress | None:
        """Translate once and keep it: given a name, ``sendto`` would ask a name server and block."""
        if len(self._targets) >= _KNOWN_MOST:
            self._targets.clear()
        target = self._targets[address] = socket_address(address, v6=self._v6)
        return target


def drain(sock: socket.socket, metrics: Metrics, *, v6: bool) -> list[tuple[bytes, Address]]:
    """Take what waits in a socket, up to `BATCH` datagrams; ``v6`` tells its family."""
    batch: list[tuple[bytes, Address]] = []
    for _ in range(BATCH):
        try:
            # One byte more than the most, so that a cut datagram shows.
            data, source = sock.recvfrom(DATAGRAM_MOST_BYTES + 1)
        except BlockingIOError:
            break
        except OSError as error:
            # An ICMP answer to something we sent; the socket lives on.
            metrics.dropped.add(f"receive {errno_name(error)}")
            continue
        if len(data) > DATAGRAM_MOST_BYTES:
            metrics.dropped.add("datagram too large")
            continue
        batch.append((data, plain_source(source) if v6 else source))
    return batch


def plain_source(source: SocketAddress) -> Address:
    """Write a sender's address as people do: IPv4 seen through an IPv6 socket is IPv4."""
    host = source[0]
    return (host.removeprefix("::ffff:") if "." in host else host), source[1]


def socket_address(address: Address, *, v6: bool) -> SocketAddress | None:
    """Translate for a socket of the family; None where that family cannot reach it."""
    host, port = address
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return None
    if ip.version == 4:
        return (f"::ffff:{host}", port, 0, 0) if v6 else (host, port)
    if not v6:
        return None
    bare, _, zone = host.partition("%")
    return bare, port, 0, _zone_index(zone) if zone else 0


def _zone_index(zone: str) -> int:
    try:
        return int(zone) if zone.isdigit() else socket.if_nametoindex(zone)
    except OSError:
        return 0


def ask_for_buffers(sock: socket.socket) -> tuple[int, int]:
    """Ask for large buffers; answers the bytes granted for receiving and for sending."""
    # FORCE goes past the system's limit where we may; the numbers stand in asm-generic/socket.h,
    # since Python has no names for them.
    for forced, plain in ((33, socket.SO_RCVBUF), (32, socket.SO_SNDBUF)):
        try:
            sock.setsockopt(socket.SOL_SOCKET, forced, BUFFER_BYTES)
        except OSError:
            sock.setsockopt(socket.SOL_SOCKET, plain, BUFFER_BYTES)
    return (
        sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
        sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF),
    )


def errno_name(error: OSError) -> str:
    """Name an error as the manual pages do."""
    return errno.errorcode.get(error.errno or 0, "EIO")
