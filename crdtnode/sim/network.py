"""What the network does to each packet.

Rule of this file: a decision depends on the seed, the link and the packet's number on that link,
and on nothing else. Taking one event out of a plan does not re-roll the rest, which is what makes
a failing plan shrink. Who reaches whom is `reach`'s business.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from struct import Struct

from crdtnode.sim.agenda import SECOND, nanoseconds
from crdtnode.sim.faults import EVERYBODY, Relink
from crdtnode.sim.link import Between, Link, Network
from crdtnode.sim.reach import Reach

_DICE = Struct("<8I")
_LOT = Struct("<5I")
"""Of a datagram: is it lost, how late is it, is it doubled, overtaken, damaged?"""

_AT_ONCE = 3
"""Lots that are drawn together: one hash has no room for more."""

_SIDES = float(2**32)

RETRANSMIT = 0.2
"""Seconds after which a stream sends a lost packet again; doubles each time. (Linux's least.)"""

QUEUE_MOST = 1 * SECOND
"""Nanoseconds that a datagram waits for bandwidth before it is dropped."""

OVERTAKEN = 10
"""Latencies that a reordered datagram is kept back in addition to its own."""

LOT, DETAILS, TCP, SYN, CUT = 0, 1, 2, 3, 4
"""What chance is for; each use has its own numbers, so that one does not shift the others."""

Dice = tuple[int, int, int, int, int, int, int, int]
"""Eight numbers below 2**32."""

Copies = tuple[tuple[int, bytes], ...]
"""What arrives of a datagram: after how many nanoseconds, and which bytes."""


class Way:
    """One direction between two nodes: how it behaves, and how many packets went."""

    __slots__ = (
        "_corrupt",
        "_duplicate",
        "_least",
        "_link",
        "_loss",
        "_lots",
        "_plain",
        "_reorder",
        "_sent",
        "_spread",
        "_straight",
        "_stream",
        "busy_until",
        "ends",
    )

    def __init__(self, seed: int, ends: tuple[str, str], link: Link) -> None:
        self.ends = ends
        self.busy_until = 0
        """When all that was sent so far has left, where bandwidth is limited."""
        self._stream = f"{seed}/network/{ends[0]}/{ends[1]}".encode()
        self._sent = [0, 0, 0, 0, 0]
        self._lots: Iterator[tuple[int, ...]] = iter(())
        self.link = link

    @property
    def link(self) -> Link:
        """How it behaves now."""
        return self._link

    @link.setter
    def link(self, link: Link) -> None:
        self._link = link
        self._loss, self._duplicate = link.loss * _SIDES, link.duplicate * _SIDES
        self._reorder, self._corrupt = link.reorder * _SIDES, link.corrupt * _SIDES
        fates = (link.duplicate, link.reorder, link.corrupt, link.bandwidth, link.mtu)
        self._plain = not any(fates)
        """True where nothing but loss and latency can happen to a datagram."""
        latency = link.latency
        self._straight = latency.shape in ("uniform", "constant")
        self._least = latency.least * SECOND
        self._spread = (latency.most - latency.least) * SECOND / _SIDES

    def datagram(self, data: bytes, now: int) -> Copies:
        """What becomes of a datagram: nothing where it is lost, two copies where it doubles."""
        lost, late, twice, overtaken, damaged = next(self._lots, None) or self._next_lot()
        if lost < self._loss:
            return ()
        wait = round(self._least + self._spread * late) if self._straight else self._latency(late)
        if self._plain:
            return ((wait, data),)
        if self._link.mtu is not None and len(data) > self._link.mtu:
            return ()
        if self._link.bandwidth is not None:
            queued = self.queue(now, len(data))
            if queued > QUEUE_MOST:
                self.busy_until = now + QUEUE_MOST
                return ()
            wait += queued
        if overtaken < self._reorder:
            wait += OVERTAKEN * self._latency(self._details(late)[0])
        if damaged < self._corrupt:
            data = flipped(data, self._details(late)[1])
        if twice < self._duplicate:
            return (wait, data), (self._latency(self._details(late)[0]), data)
        return ((wait, data),)

    def _next_lot(self) -> tuple[int, ...]:
        """Draw some lots, and take the first one."""
        self._sent[LOT] += 1
        self._lots = _LOT.iter_unpack(self._draw(LOT, self._sent[LOT], _AT_ONCE * _LOT.size))
        return next(self._lots)

    def _details(self, late: int) -> Dice:
        """More numbers for a datagram, which its lot knows by how late it is."""
        return _DICE.unpack(self._draw(DETAILS, late, _DICE.size))

    def _latency(self, chance: int) -> int:
        """How long a packet takes, in nanoseconds."""
        return round(self._link.latency.sample(chance / _SIDES) * SECOND)

    def dice(self, use: int) -> Dice:
        """The numbers for the next packet of this use."""
        self._sent[use] = number = self._sent[use] + 1
        return _DICE.unpack(self._draw(use, number, _DICE.size))

    def _draw(self, use: int, number: int, size: int) -> bytes:
        return blake2b(self._stream + (number << 8 | use).to_bytes(8), digest_size=size).digest()

    def queue(self, now: int, size: int) -> int:
        """Nanoseconds until this many bytes have left, behind all that wait already."""
        if self.link.bandwidth is None:
            return 0
        self.busy_until = max(self.busy_until, now) + round(size / self.link.bandwidth * SECOND)
        return self.busy_until - now


class Links:
    """All links between nodes, both ways, with their dice. Nodes stand here by name.

    Attributes:
        reach: Who reaches whom.
    """

    def __init__(self, seed: int, network: Network) -> None:
        self.reach = Reach()
        self._seed = seed
        self._network = network
        self._changes: list[Relink] = []
        self._ways: dict[tuple[str, str], Way] = {}

    def way(self, source: str, target: str) -> Way:
        """The way from one node to another."""
        way = self._ways.get((source, target))
        if way is None:
            ends = (source, target)
            way = self._ways[ends] = Way(self._seed, ends, self._link(ends))
        return way

    def _link(self, ends: tuple[str, str]) -> Link:
        """How a way behaves now: the last rule that fits it says so."""
        rules: Iterable[Between | Relink] = (*self._network.links, *self._changes)
        fitting = [
            rule.link
            for rule in rules
            if rule.source in (EVERYBODY, ends[0]) and rule.target in (EVERYBODY, ends[1])
        ]
        return fitting[-1] if fitting else self._network

    def relink(self, change: Relink) -> None:
        """Let some ways behave otherwise."""
        self._changes.append(change)
        self._look_again()

    def restore(self) -> None:
        """Let all ways behave as the plan's network says."""
        if self._changes:
            self._changes.clear()
            self._look_again()

    def _look_again(self) -> None:
        for ends, way in self._ways.items():
            way.link = self._link(ends)

    @property
    def changed(self) -> bool:
        """True while some way does not behave as the plan's network says."""
        return bool(self._changes)

    # Packets of streams; results are moments to wait, in nanoseconds

    def segment(self, source: str, target: str, size: int, now: int) -> int:
        """Wait until the arrival of a piece of a stream, sent again as often as it is lost."""
        way = self.way(source, target)
        link = way.link
        wait, again = 0.0, RETRANSMIT
        while True:
            lost, late, *_ = way.dice(TCP)
            if lost >= link.loss * _SIDES or again > 60:
                latency = link.latency.sample(late / _SIDES)
                return way.queue(now, size) + nanoseconds(wait + latency)
            wait, again = wait + again, again * 2

    def cut(self, source: str, target: str, data: bytes) -> list[bytes]:
        """How the reader of a stream gets what was written: whole, in two, or damaged."""
        way = self.way(source, target)
        whether, where, damaged, place, *_ = way.dice(CUT)
        if way.link.corrupt and damaged < way.link.corrupt * _SIDES:
            data = flipped(data, place)
        if len(data) < 2 or whether % 4:
            return [data]
        middle = 1 + where % (len(data) - 1)
        return [data[:middle], data[middle:]]

    def connect(self, source: str, target: str) -> int | None:
        """Wait until one packet of a connect arrives; None where it is lost."""
        way = self.way(source, target)
        lost, late, *_ = way.dice(SYN)
        if lost < way.link.loss * _SIDES:
            return None
        return round(way.link.latency.sample(late / _SIDES) * SECOND)


def flipped(data: bytes, where: int) -> bytes:
    """The data with one to three bits turned over; all in one byte, so that none turns twice."""
    if not data:
        return data
    place, bits = where % len(data), (0x01, 0x80, 0x12, 0x49)[where >> 20 & 3]
    return data[:place] + bytes((data[place] ^ bits,)) + data[place + 1 :]
