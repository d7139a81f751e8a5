"""Nodes that know each other in part, and what becomes of a push among them: no time, no bytes."""

from collections import Counter, deque
from dataclasses import dataclass, field
import random

from crdtnode.config import Settings
from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.mail import Send
from crdtnode.protocol.members import Member, Members
from crdtnode.protocol.ring import Ring
from crdtnode.protocol.spans import PLACES
from crdtnode.protocol.spreading import Spreading
from crdtnode.wire.messages import Push
from tests.protocol.people import member, record

NOW = 10.0


def holds(lo: int, hi: int, place: int) -> bool:
    """Whether a range covers a place."""
    return (place - lo) % PLACES < ((hi - lo) % PLACES or PLACES)


@dataclass
class Grove:
    """A few nodes, and whom each knows.

    Args:
        places: Where each node stands.
        knows: For each node the numbers of those that it knows.
        fanout: Parts into which each divides.
        seed: Of all chance.
    """

    places: list[int]
    knows: list[set[int]]
    fanout: int = 16
    seed: int = 0
    received: Counter[int] = field(default_factory=Counter)
    covering: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    """The ranges that each node was to cover, by number."""
    steps: int = 0

    def __post_init__(self) -> None:
        self.names = [f"n{number}" for number in range(len(self.places))]
        self.numbers = {member(name).boot: n for n, name in enumerate(self.names)}
        at = dict(zip(self.names, self.places, strict=True))
        self.nodes: list[tuple[Spreading, Deliveries]] = []
        for number, known in enumerate(self.knows):
            members = Members(member(self.names[number]))
            members.hear([record(self.names[other]) for other in known - {number}], 0.0)
            deliveries = Deliveries(Settings())
            ring = Ring(lambda members=members: [m.name for m in members], at.__getitem__)
            chance = random.Random(f"{self.seed}/{number}")
            self.nodes.append((Spreading(members, ring, deliveries, chance), deliveries))

    def push(self, root: int, dead: set[int] = frozenset()) -> None:
        """One node pushes, and everybody relays; the dead neither hear nor answer."""
        self.covering[root] = [(0, 0)]
        spreading, deliveries = self.nodes[root]
        message = Push(deliveries.new_id(), 0, 0, ())
        self._carry(root, spreading.begin(message, NOW, self.fanout), dead)
        for number, (spreading, deliveries) in enumerate(self.nodes):
            while number not in dead and deliveries.deadline < NOW + 100:
                self._carry(number, spreading.wake(max(NOW, deliveries.deadline)), dead)

    def _carry(self, sender: int, sends: list[Send], dead: set[int]) -> None:
        queue = deque((sender, send) for send in sends)
        while queue:
            self.steps += 1
            assert self.steps < 50 * len(self.places) ** 2, "it goes round and round"
            sender, send = queue.popleft()
            receiver, push = self.numbers[send.boot], send.message
            assert isinstance(push, Push)
            assert holds(push.lo, push.hi, self.places[receiver]), "it is not in its own range"
            if receiver in dead:
                continue
            self.received[receiver] += 1
            self.covering.setdefault(receiver, []).append((push.lo, push.hi))
            spreading, _ = self.nodes[receiver]
            relayed = spreading.relay(push, NOW, self.fanout)
            queue.extend((receiver, further) for further in relayed)
            theirs = self._known(sender, self.names[receiver])
            self.nodes[sender][1].acknowledged(theirs, push.id, NOW)

    def _known(self, number: int, name: str) -> Member:
        found = self.nodes[number][0]._members.named(name)
        assert found is not None
        return found


def covered_once(grove: Grove, root: int) -> None:
    """Without loss everybody gets it once, but whom somebody on the way there does not know."""
    grove.push(root)
    assert max(grove.received.values(), default=0) <= 1, "somebody got it twice"
    assert not grove.received[root], "it came back"
    for number, place in enumerate(grove.places):
        if number == root or grove.received[number]:
            continue
        last = [
            node
            for node, spans in grove.covering.items()
            if any(holds(lo, hi, place) for lo, hi in spans)
        ]
        assert any(number not in grove.knows[node] for node in last), "somebody was skipped"


def survivors_covered(grove: Grove, root: int, dead: set[int]) -> None:
    """Where all know each other, everybody who lives gets it, whoever is dead on the way."""
    grove.push(root, dead)
    missed = set(range(len(grove.places))) - dead - set(grove.received) - {root}
    assert not missed, "somebody was missed"
    assert not grove.received[root], "it came back"


def draw(seed: int, size: int, *, partly: bool) -> Grove:
    """A grove made by chance."""
    chance = random.Random(seed)
    places = [chance.getrandbits(64) for _ in range(size)]
    everybody = set(range(size))
    knows = [
        {n for n in everybody if not partly or chance.random() < 0.8} | {number}
        for number in range(size)
    ]
    return Grove(places, knows, fanout=chance.choice((2, 3, 16)), seed=seed)
