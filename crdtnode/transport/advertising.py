"""Which of our addresses to tell others, when we are bound to all of them.

In this order: the address from which the kernel would speak to a seed; the one of the default
route; the first of an interface that is up; loopback. Connecting a UDP socket makes the kernel
choose a route and sends nothing.
"""

from collections.abc import Iterable
import fcntl
from pathlib import Path
import socket
import struct

import trio

from crdtnode.protocol.effects import Address
from crdtnode.transport.addresses import is_loopback, is_wildcard

_RESOLVE_TIMEOUT = 1.0
_SIOCGIFADDR = 0x8915
_BEYOND = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses of nobody, kept for documents (RFC 5737, RFC 3849): they lead to the default route."""


async def advertised(bound: Address, seeds: Iterable[Address]) -> Address:
    """Find a concrete address under which others reach a socket bound to ``bound``."""
    host, port = bound
    if not is_wildcard(host):
        return bound
    families = [socket.AF_INET] if host == "0.0.0.0" else [socket.AF_INET, socket.AF_INET6]
    found = [ours for seed in seeds if (ours := await _towards_seed(seed, families))]
    found += [ours for family in families if (ours := towards(_BEYOND[family], family))]
    found += interface_addresses(families)
    reachable = [ours for ours in found if not is_loopback(ours)]
    return (reachable[0] if reachable else "127.0.0.1"), port


def also(bound: Address, chosen: Address) -> list[Address]:
    """Find our address of the other family, where the socket takes both; none where it has none."""
    if bound[0] != "::":
        return []
    family = socket.AF_INET if ":" in chosen[0] else socket.AF_INET6
    found = [towards(_BEYOND[family], family), *interface_addresses([family])]
    fitting = [ours for ours in found if ours and (":" in ours) != (":" in chosen[0])]
    return [(ours, bound[1]) for ours in fitting if not is_loopback(ours)][:1]


async def _towards_seed(seed: Address, families: list[socket.AddressFamily]) -> str | None:
    with trio.move_on_after(_RESOLVE_TIMEOUT):
        try:
            found = await trio.socket.getaddrinfo(*seed, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError):
            return None
        for family, _, _, _, target in found:
            if family in families and (ours := towards(str(target[0]), family)):
                return ours
    return None


def towards(host: str, family: socket.AddressFamily) -> str | None:
    """Tell from which address the kernel would speak to ``host``; None without a route."""
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((host, 9))
        except OSError:
            return None
        ours: str = sock.getsockname()[0]
        return None if is_wildcard(ours) else ours


def interface_addresses(families: list[socket.AddressFamily]) -> list[str]:
    """List the addresses of this machine's interfaces, IPv4 before IPv6."""
    found: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                answer = fcntl.ioctl(sock.fileno(), _SIOCGIFADDR, request)
            except OSError:
                continue  # this interface has no IPv4 address
            found.append(socket.inet_ntoa(answer[20:24]))
    if socket.AF_INET6 in families:
        found += _ipv6_interface_addresses()
    return found


def _ipv6_interface_addresses() -> list[str]:
    """Read them where Linux writes them; addresses of a single link are of no use to others."""
    try:
        lines = Path("/proc/net/if_inet6").read_text(encoding="ascii").splitlines()
    except OSError:
        return []
    raw = [bytes.fromhex(line.split()[0]) for line in lines]
    return [socket.inet_ntop(socket.AF_INET6, ip) for ip in raw if ip[:2] != b"\xfe\x80"]
