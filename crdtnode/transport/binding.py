"""Bind UDP and TCP to one port number.

Rule of this file: both or neither. Port 0 looks for a number that is free for both.
"""

import errno
import socket

from crdtnode.errors import CannotBind
from crdtnode.protocol.effects import Address
from crdtnode.transport.addresses import format_address

_TRIES = 64
_BACKLOG = 128


def bind_both(address: Address) -> tuple[socket.socket, socket.socket]:
    """Bind a UDP socket and a listening TCP socket to the same host and port.

    Args:
        address: Host (an IP address, or a name of this machine) and port; 0 picks one.

    Raises:
        CannotBind: The host is not of this machine, or the port is taken. Nothing stays bound.
    """
    try:
        target = _resolve(address)
        if target[1]:
            return _bind_pair(target)
        return _bind_free_pair(target)
    except OSError as error:
        raise CannotBind(format_address(address), explain(error, address)) from error


def _bind_free_pair(target: tuple[object, ...]) -> tuple[socket.socket, socket.socket]:
    for _ in range(_TRIES):
        try:
            return _bind_pair(target)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, "no port number is free for both UDP and TCP")


def _bind_pair(target: tuple[object, ...]) -> tuple[socket.socket, socket.socket]:
    tcp = bind_tcp(target)
    udp = socket.socket(tcp.family, socket.SOCK_DGRAM)
    try:
        udp.setblocking(False)
        _take_both_families(udp, target)
        udp.bind((target[0], tcp.getsockname()[1], *target[2:]))
    except OSError:
        udp.close()
        tcp.close()
        raise
    return udp, tcp


def bind_tcp(target: tuple[object, ...]) -> socket.socket:
    """Bind and listen.

    Raises:
        OSError: As the system says it.
    """
    family = socket.AF_INET6 if len(target) == 4 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        # A restarted node gets its port back while old streams linger in TIME_WAIT.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _take_both_families(sock, target)
        sock.bind(target)
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _take_both_families(sock: socket.socket, target: tuple[object, ...]) -> None:
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(target[0] != "::"))


def _resolve(address: Address) -> tuple[object, ...]:
    host, port = address
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return found[0][4]


def explain(error: OSError, address: Address) -> str:
    """Say in words why an address cannot be bound, and what to do about it."""
    host, port = address
    if isinstance(error, socket.gaierror):
        return f"the name {host!r} cannot be resolved"
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {port} is taken already; is another node running? Port 0 picks a free one"
        case errno.EADDRNOTAVAIL:
            return f"{host} is no address of this machine"
        case errno.EACCES:
            return f"port {port} may only be used by root"
        case _:
            return error.strerror or str(error)
