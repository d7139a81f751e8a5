"""What the network does to each packet, and who reaches whom.

Rule of this file: a decision depends on the seed, the link and the packet's number on that link,
and on nothing else. Taking one event out of a plan does not re-roll the rest, which is what makes
a failing plan shrink.
"""

from collections import defaultdict
from hashlib import blake2b
from struct import Struct

from crdtnode.sim.agenda import SECOND
from crdtnode.sim.link import Network

_DICE = Struct("<4Q")
_SIDES = float(2**64)

RETRANSMIT = 0.2
"""Seconds after which a stream sends a lost packet again; doubles each time. (Linux's least.)"""


class Links:
    """All links between nodes, both ways, with their dice.

    Nodes stand here by name. Results are moments to wait, in nanoseconds.
    """

    def __init__(self, seed: int, network: Network) -> None:
        self._base = blake2b(f"{seed}/network".encode(), digest_size=32)
        self._network = network
        self._sent: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self._side: dict[str, int] | None = None

    def partition(self, groups: tuple[tuple[str, ...], ...]) -> None:
        """Let only nodes of one group reach each other; the unnamed are a group too."""
        self._side = {name: side for side, group in enumerate(groups, 1) for name in group}

    def heal(self) -> None:
        """Let everybody reach everybody."""
        self._side = None

    @property
    def whole(self) -> bool:
        """True while there is no partition."""
        return self._side is None

    def reaches(self, one: str, other: str) -> bool:
        """True where packets between these two arrive, loss aside."""
        side = self._side
        return side is None or side.get(one, 0) == side.get(other, 0)

    def dice(self, kind: str, source: str, target: str) -> tuple[int, int, int, int]:
        """Four numbers below 2**64 for the next packet of this kind on this link."""
        link = (kind, source, target)
        self._sent[link] = number = self._sent[link] + 1
        hashed = self._base.copy()
        hashed.update(f"{kind}/{source}/{target}/{number}".encode())
        one, two, three, four = _DICE.unpack(hashed.digest())
        return one, two, three, four

    def datagram(self, source: str, target: str) -> tuple[int, ...]:
        """Waits until the arrival of a datagram: none where it is lost, two where it doubles."""
        network = self._network
        lost, late, twice, later = self.dice("udp", source, target)
        if lost < network.loss * _SIDES:
            return ()
        wait = round(network.latency.sample(late / _SIDES) * SECOND)
        if twice < network.duplicate * _SIDES:
            return wait, round(network.latency.sample(later / _SIDES) * SECOND)
        return (wait,)

    def segment(self, source: str, target: str) -> int:
        """Wait until the arrival of a piece of a stream, sent again as often as it is lost."""
        wait, again = 0.0, RETRANSMIT
        while True:
            lost, late, _, _ = self.dice("tcp", source, target)
            if lost >= self._network.loss * _SIDES or again > 60:
                return round((wait + self._network.latency.sample(late / _SIDES)) * SECOND)
            wait, again = wait + again, again * 2

    def connect(self, source: str, target: str) -> int | None:
        """Wait until one packet of a connect arrives; None where it is lost."""
        lost, late, _, _ = self.dice("syn", source, target)
        if lost < self._network.loss * _SIDES:
            return None
        return round(self._network.latency.sample(late / _SIDES) * SECOND)
