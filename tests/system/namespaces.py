"""Hosts on one machine: network namespaces on a bridge, which can be cut and healed.

Cuts drop packets where they come in: dropping them where they go out would tell the sender.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import itertools
import os
from pathlib import Path
import shutil
import subprocess

_numbers = itertools.count()

_NEIGHBOURS = Path("/proc/sys/net/ipv4/neigh/default")
"""The table of neighbours (ARP), which all namespaces of a machine share."""


def missing() -> str | None:
    """Why namespaces cannot be made here; None where they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for tool, package in (("ip", "iproute2"), ("iptables", "iptables")):
        if shutil.which(tool) is None:
            return f"the command {tool} is missing: install the Debian package {package}"
    probe = f"crdtnode-probe-{os.getpid()}"
    done = subprocess.run(["ip", "netns", "add", probe], capture_output=True, check=False)
    if done.returncode != 0:
        return f"this machine allows no network namespaces: {done.stderr.decode().strip()}"
    subprocess.run(["ip", "netns", "delete", probe], check=False)
    return None


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


class Hosts:
    """So many hosts on one LAN, with the addresses 10.77.0.1 and fd77::1, and on."""

    def __init__(self, count: int) -> None:
        tag = f"cn{os.getpid() % 10000}{next(_numbers)}"
        self._thresholds: dict[Path, str] = {}
        self._switch = f"{tag}-sw"
        self.names = [f"{tag}-{number}" for number in range(count)]
        self.addresses = [f"10.77.0.{number + 1}" for number in range(count)]
        self.addresses_v6 = [f"fd77::{number + 1:x}" for number in range(count)]

    def make(self) -> None:
        """Make the namespaces, the bridge between them, and their addresses."""
        self._make_room()
        _do("ip", "netns", "add", self._switch)
        self._within(self._switch, "ip", "link", "add", "br0", "type", "bridge")
        self._within(self._switch, "ip", "link", "set", "br0", "up")
        for number, name in enumerate(self.names):
            _do("ip", "netns", "add", name)
            port = f"p{number}"
            link = ("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0")
            self._within(self._switch, *link, "netns", name)
            self._within(self._switch, "ip", "link", "set", port, "master", "br0", "up")
            for address in (f"{self.addresses[number]}/24", f"{self.addresses_v6[number]}/64"):
                # nodad: an IPv6 address is usable at once, not after a second of looking around
                nodad = ("nodad",) if ":" in address else ()
                self._within(name, "ip", "address", "add", address, "dev", "eth0", *nodad)
            self._within(name, "ip", "link", "set", "eth0", "up")
            self._within(name, "ip", "link", "set", "lo", "up")

    def remove(self) -> None:
        """Delete everything that `make` made."""
        for name in (*self.names, self._switch):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
        for path, before in self._thresholds.items():
            path.write_text(before)

    def _make_room(self) -> None:
        """Let the table of neighbours hold all pairs: more than 32 hosts would fill the usual one."""
        for number, room in ((3, 4), (2, 3), (1, 2)):
            path = _NEIGHBOURS / f"gc_thresh{number}"
            before, wanted = path.read_text(), len(self.names) ** 2 * room
            if int(before) < wanted:
                self._thresholds[path] = before
                path.write_text(str(wanted))

    def within(self, number: int) -> list[str]:
        """The command under which a process runs on this host."""
        return ["ip", "netns", "exec", self.names[number]]

    def cut(self, *groups: Sequence[int]) -> None:
        """Let hosts hear only hosts of their own group."""
        for group in groups:
            others = [n for other in groups if other is not group for n in other]
            for host in group:
                for other in others:
                    source = self.addresses[other]
                    self._within(
                        self.names[host], "iptables", "-A", "INPUT", "-s", source, "-j", "DROP"
                    )

    def lose(self, share: float) -> None:
        """Let each host lose this share of the datagrams that reach it, until `heal`."""
        chance = ("-m", "statistic", "--mode", "random", "--probability", str(share))
        for name in self.names:
            self._within(name, "iptables", "-A", "INPUT", "-p", "udp", *chance, "-j", "DROP")

    def unplug(self, host: int) -> None:
        """Pull the cable of a host, at the switch: it does not notice."""
        self._within(self._switch, "ip", "link", "set", f"p{host}", "down")

    def plug(self, host: int) -> None:
        """Put the cable back."""
        self._within(self._switch, "ip", "link", "set", f"p{host}", "up")

    def sent(self, host: int) -> tuple[int, int]:
        """Packets and bytes that a host has sent so far, Ethernet headers included."""
        counters = "/sys/class/net/eth0/statistics/tx_"
        command = [*self.within(host), "cat", f"{counters}packets", f"{counters}bytes"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        packets, size = done.stdout.split()
        return int(packets), int(size)

    def heal(self) -> None:
        """Let everybody hear everybody."""
        for name in self.names:
            self._within(name, "iptables", "-F", "INPUT")

    def _within(self, name: str, *command: str) -> None:
        _do("ip", "netns", "exec", name, *command)


@contextmanager
def hosts(count: int) -> Iterator[Hosts]:
    """So many hosts, removed at the end."""
    lan = Hosts(count)
    try:
        lan.make()
        yield lan
    finally:
        lan.remove()
