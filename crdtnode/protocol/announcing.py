"""Changes that no datagram holds: announced down a narrow tree, sent to whoever pulls them.

An announcement is a datagram like any other push: acknowledged, repeated, taken over. Who lacks
that version of the object pulls it from the announcer, by stream, and announces it to its own part
of the ring when it holds it. So nobody uploads a large change more than a few times, none is sent
to where it is already, and none waits in a queue for the dead.
"""

from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.mail import Send, to
from crdtnode.protocol.members import Member
from crdtnode.protocol.receipts import Receipts
from crdtnode.protocol.spreading import Spreading
from crdtnode.registry import Registry
from crdtnode.wire.messages import Announce, Pull, Push

FANOUT = 4
"""Parts of the ring. More make the tree flatter, and everybody in it upload more often."""

HELD_BYTES = 64 * 1024 * 1024
"""Changes that wait to be pulled; further ones are not announced, repair carries them."""

PATIENCE = 1.0
"""Seconds for which an object that is being pulled from one member is not pulled from another."""

PULLS_MOST = 1024
"""Pulls that are remembered."""


class Announcing:
    """What we announce, and what we pull."""

    def __init__(
        self,
        registry: Registry,
        spreading: Spreading,
        deliveries: Deliveries,
        receipts: Receipts,
    ) -> None:
        self._registry = registry
        self._spreading = spreading
        self._deliveries = deliveries
        self._receipts = receipts
        self._announced: dict[int, int] = {}
        self._pulled: dict[tuple[int, int], tuple[bytes, float]] = {}

    def begin(self, id_: int, place: int, version: int, items: bytes, now: float) -> list[Send]:
        """Announce a change of ours to everybody, if not too much waits already."""
        if not self._room(id_, len(items)):
            return []
        announce = Announce(id_, 0, 0, place, version, items)
        return self._spreading.begin(announce, now, FANOUT)

    def relay(self, push: Push, now: float) -> list[Send]:
        """Announce within its range what we pulled and have joined."""
        id_ = self._deliveries.new_id()
        if not push.items or not self._room(id_, len(push.items_bytes)):
            return []
        item = push.items[0]
        place = self._registry.fingerprints.place(item.tag, item.name)
        version = self._registry.refresh(place, now) or item.version
        announce = Announce(id_, push.lo, push.hi, place, version, push.items_bytes)
        return self._spreading.within(announce, now, FANOUT)

    def _room(self, id_: int, size: int) -> bool:
        waiting = {
            one: held for one, held in self._announced.items() if self._deliveries.waits(one)
        }
        self._announced = waiting
        if sum(waiting.values()) + size > HELD_BYTES:
            return False
        waiting[id_] = size
        return True

    def hear(self, member: Member, announce: Announce, now: float) -> list[Send]:
        """Pull what we lack, once; acknowledge what we hold."""
        if self._receipts.repeats(member, announce.id, now):
            return []
        change = (announce.place, announce.version)
        if self._registry.refresh(announce.place, now) == announce.version:
            self._receipts.acknowledge(member, announce.id, now)
            return []
        source, since = self._pulled.get(change, (member.boot, now))
        if source != member.boot and now - since < PATIENCE:
            return []
        self._pulled[change] = (member.boot, now)
        if len(self._pulled) > PULLS_MOST:
            del self._pulled[next(iter(self._pulled))]
        return [to(member, Pull((announce.id,)))]

    def pull(self, member: Member, pull: Pull, now: float) -> list[Send]:
        """Send what a member wants of what we announced to it; what is under way goes once."""
        out: list[Send] = []
        for id_ in pull.ids:
            told = self._deliveries.entrust(member, id_, now)
            if isinstance(told, Announce):
                push = Push(id_, told.lo, told.hi, (), told.items_bytes)
                out.append(to(member, push, stream=True))
        return out
