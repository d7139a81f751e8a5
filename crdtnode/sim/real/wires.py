"""Hosts on this machine: network namespaces, each with one cable that ends in our hands.

Rule of this file: what is made is removed, whatever happens; nothing outside of these namespaces is
touched. A cable is a TUN device inside the namespace: what its host sends is read here as an IP
packet, and what is written here arrives there.
"""

import ctypes
import fcntl
import os
from pathlib import Path
import shutil
import struct
import subprocess
import threading

_TUN = "/dev/net/tun"
_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x1001
_CLONE_NEWNET = 0x40000000
_DEVICE = "crdt0"


def why_not() -> str | None:
    """Why hosts cannot be made on this machine; None where they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "the command ip is missing: install the Debian package iproute2"
    if not Path(_TUN).exists():
        return f"there is no {_TUN}: this kernel has no TUN devices"
    probe = Wire(f"crdtprobe{os.getpid()}", "10.78.0.1")
    try:
        probe.make()
    except OSError as error:
        return f"this machine allows no namespaces with TUN devices: {error}"
    finally:
        probe.remove()
    return None


class Wire:
    """One host and its cable.

    Attributes:
        namespace: The host's name for ``ip netns``.
        address: Its IPv4 address; all hosts are on one network of 16 bits.
        fd: The end of the cable, non-blocking; one read or write is one IP packet.
    """

    def __init__(self, namespace: str, address: str) -> None:
        self.namespace = namespace
        self.address = address
        self.fd = -1

    def make(self) -> None:
        """Make the host and plug the cable in.

        Raises:
            OSError: The machine does not allow it; the message says what failed.
        """
        _ip("netns", "add", self.namespace)
        self.fd = _cable_of(self.namespace)
        inside = ("-n", self.namespace)
        _ip(*inside, "address", "add", f"{self.address}/16", "dev", _DEVICE)
        _ip(*inside, "link", "set", _DEVICE, "up")
        _ip(*inside, "link", "set", "lo", "up")

    def within(self) -> list[str]:
        """The command under which a process runs on this host."""
        return ["ip", "netns", "exec", self.namespace]

    def remove(self) -> None:
        """Remove the host and all that was made for it."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        command = ["ip", "netns", "delete", self.namespace]
        subprocess.run(command, capture_output=True, check=False)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def _cable_of(namespace: str) -> int:
    """Make a device inside a namespace, in a thread that enters it and ends."""
    made: list[int | OSError] = []

    def enter() -> None:
        try:
            with open(f"/run/netns/{namespace}") as door:
                if ctypes.CDLL(None, use_errno=True).setns(door.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns failed")
            made.append(_open_tun())
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


def _open_tun() -> int:
    fd = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", _DEVICE.encode(), _IFF_TUN_NO_PI))
    except OSError:
        os.close(fd)
        raise
    return fd
