"""Where a node is: ``host:port`` as people write it, and as sockets want it.

Rule of this file: nothing here resolves a name or opens a socket, so that checking an address
costs nothing and cannot block.
"""

import ipaddress
import re

from crdtnode.config import DEFAULT_PORT
from crdtnode.errors import InvalidAddress
from crdtnode.protocol.effects import Address

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)\Z")


def parse_address(text: str, *, port: int = DEFAULT_PORT, any_port: bool = False) -> Address:
    """Take ``host``, ``host:port``, ``[v6]:port`` or a bare IPv6 address apart.

    Args:
        text: What somebody wrote.
        port: The port where none is named.
        any_port: Whether port 0, "pick one", is allowed.

    Raises:
        InvalidAddress: The text names no host, or no port that exists.

    >>> parse_address("10.0.0.5")
    ('10.0.0.5', 27380)
    >>> parse_address("[fd00::1]:4000")
    ('fd00::1', 4000)
    """
    host, digits = _split(text)
    if digits is not None:
        if not digits.isascii() or not digits.isdigit() or len(digits) > 5:
            raise InvalidAddress(text, f"{digits!r} is no port number")
        port = int(digits)
    if not (0 if any_port else 1) <= port <= 65535:
        raise InvalidAddress(text, f"port {port} does not exist; ports go from 1 to 65535")
    if not _is_host(host):
        raise InvalidAddress(text, f"{host!r} is neither an IP address nor a host name")
    return host, port


def _split(text: str) -> tuple[str, str | None]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")) or ":" not in host:
            raise InvalidAddress(text, "an IPv6 address with a port is written [address]:port")
        return host, rest[1:] if rest else None
    if text.count(":") > 1:
        return text, None
    host, colon, digits = text.partition(":")
    return host, digits if colon else None


def _is_host(host: str) -> bool:
    if is_ip(host):
        return True
    labels = host.removesuffix(".").split(".")
    # A last label of digits only is a mistyped IPv4 address, never a name (RFC 3696, section 2).
    return len(host) <= 253 and all(map(_LABEL.match, labels)) and not labels[-1].isdigit()


def is_ip(host: str) -> bool:
    """Tell an IP address, with or without a zone (``fe80::1%eth0``), from a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Tell whether nobody beyond this machine reaches ``host``; names but localhost may lead out.

    >>> is_loopback("127.0.0.3"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    return ipaddress.ip_address(host).is_loopback if is_ip(host) else host == "localhost"


def is_wildcard(host: str) -> bool:
    """Tell whether ``host`` stands for all addresses of this machine."""
    return is_ip(host) and ipaddress.ip_address(host).is_unspecified


def format_address(address: Address) -> str:
    """Write an address as `parse_address` reads it.

    >>> format_address(("fd00::1", 27380))
    '[fd00::1]:27380'
    """
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
