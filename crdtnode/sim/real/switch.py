"""What is between real hosts: every packet passes through here, and meets the plan's network.

Rule of this file: it decides nothing. `Links` and `Reach` say what becomes of a packet, as they do
in the other engines; here it is read, waits, and is written. UDP meets all that a link does; TCP
is delayed, lost, doubled and reordered, and repairs that itself.
"""

from collections.abc import Sequence
from contextlib import suppress
from heapq import heappop, heappush
import itertools
import os
import selectors
import socket
import threading
from time import monotonic_ns

from crdtnode.sim.network import Links
from crdtnode.sim.real.wires import Wire

_HEADERS = 28
"""Bytes of the headers of IPv4 without options and of UDP."""

_UDP = 17
_PACKET_MOST = 65_536
_BURST = 64


class Switch:
    """Carries packets between wires, in a thread of its own.

    Attributes:
        links: What becomes of packets; change it under `lock`.
        carried: Number of packets that were written.
        carried_bytes: Bytes of those, with their headers.
        lost: Number of packets that were not, for whatever reason.
    """

    def __init__(self, wires: dict[str, Wire], links: Links) -> None:
        self.links = links
        self.lock = threading.Lock()
        self.carried = 0
        self.carried_bytes = 0
        self.lost = 0
        self._wires = wires
        self._names = {socket.inet_aton(wire.address): name for name, wire in wires.items()}
        self._waiting: list[tuple[int, int, int, bytes]] = []
        self._numbers = itertools.count()
        self._over = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to carry."""
        self._thread.start()

    def stop(self) -> None:
        """Carry no more."""
        self._over = True
        self._thread.join()

    def _run(self) -> None:
        selector = selectors.DefaultSelector()
        for name, wire in self._wires.items():
            selector.register(wire.fd, selectors.EVENT_READ, name)
        with selector:
            while not self._over:
                for key, _ in selector.select(self._patience()):
                    self._drain(key.fd, key.data)
                self._write_due()

    def _patience(self) -> float:
        """Seconds until the next packet is due, at most until somebody may want us to stop."""
        if not self._waiting:
            return 0.05
        return min(0.05, max(0.0, (self._waiting[0][0] - monotonic_ns()) / 1e9))

    def _drain(self, fd: int, source: str) -> None:
        with suppress(BlockingIOError):
            for _ in range(_BURST):
                packet = os.read(fd, _PACKET_MOST)
                target = self._names.get(packet[16:20])
                if packet[0] >> 4 == 4 and target is not None and target != source:
                    with self.lock:
                        self._pass(source, target, packet)

    def _pass(self, source: str, target: str, packet: bytes) -> None:
        """Let the network decide about a packet."""
        reach, fd = self.links.reach, self._wires[target].fd
        if not reach(source, target):
            self.lost += 1
        elif reach.holds(source, target):
            reach.keep(source, target, lambda: self._later(0, fd, packet))
        else:
            copies = self._decide(source, target, packet)
            self.lost += not copies
            for wait, copy in copies:
                self._later(wait, fd, copy)

    def _decide(self, source: str, target: str, packet: bytes) -> Sequence[tuple[int, bytes]]:
        now = monotonic_ns()
        if packet[9] != _UDP:
            copies = self.links.way(source, target).datagram(b"", now)
            return [(wait, packet) for wait, _ in copies]
        headers, data = packet[:_HEADERS], packet[_HEADERS:]
        copies = self.links.way(source, target).datagram(data, now)
        return [
            (wait, packet if came is data else _unsummed(headers) + came) for wait, came in copies
        ]

    def _later(self, wait: int, fd: int, packet: bytes) -> None:
        heappush(self._waiting, (monotonic_ns() + wait, next(self._numbers), fd, packet))

    def _write_due(self) -> None:
        while self._waiting and self._waiting[0][0] <= monotonic_ns():
            with self.lock:
                _, _, fd, packet = heappop(self._waiting)
            try:
                os.write(fd, packet)
                self.carried += 1
                self.carried_bytes += len(packet)
            except OSError:  # its host takes no more, or is being removed
                self.lost += 1


def _unsummed(headers: bytes) -> bytes:
    """Take the checksum out of UDP: damage shall reach the process, not stop at its kernel."""
    return headers[:-2] + b"\0\0"
