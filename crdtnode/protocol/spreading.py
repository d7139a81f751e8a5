"""Down the tree: a message is handed to a few, who each hand it on within their part of the ring.

Everybody on the ring gets it once if nothing is lost, after about log_k(n) hops. Nobody sends to
more than k, and nobody has to know the whole ring: what one relay does not know, the next may.

News of many members goes another way where there are many: each arc of the ring has one relay for a
round, the same for whoever has news, so that what comes from many goes on together. In a cluster
that is cut in two everybody has news of everybody, and no piece of it is worth a message to each.
"""

from collections.abc import Callable
from dataclasses import replace
import random

from crdtnode.protocol.deliveries import Deliveries, Ranged
from crdtnode.protocol.mail import Send
from crdtnode.protocol.members import Member, Members
from crdtnode.protocol.ring import Ring
from crdtnode.protocol.spans import PLACES, Part, arcs
from crdtnode.wire.messages import Push, State, Tell

FANOUT = 16
"""Parts into which a range is divided. More make the tree flatter and its root busier."""

TRIES = 4
"""Times that chance may pick a relay that will not do before all are looked at."""

DIRECT = 64
"""Members up to which news goes to each of them directly. While a cluster forms, relays know few
members yet; and most that a relay of an arc sends to."""

ARCS = 16
"""Arcs of the ring, each of which has one relay for news. More cost who has news, fewer the relays."""

GOLDEN = 0.6180339887498949
"""By this share of an arc the place of its relay goes on each round: none is near one of before."""

SETTLED = 2.0
"""Seconds for which a relay should be a member: until then it may not know whom to relay to."""


class Spreading:
    """Hands messages to relays, and to others in the stead of those who are silent.

    Args:
        members: Everybody.
        ring: Where they stand.
        deliveries: What waits for acknowledgement.
        chance: Picks the relays.
        turn: Tells the round, about the same for all members.
    """

    def __init__(
        self,
        members: Members,
        ring: Ring,
        deliveries: Deliveries,
        chance: random.Random,
        turn: Callable[[], int] = lambda: 0,
    ) -> None:
        self._members = members
        self._ring = ring
        self._deliveries = deliveries
        self._chance = chance
        self._turn = turn

    def begin(self, message: Ranged, now: float, fanout: int = FANOUT) -> list[Send]:
        """Send a message of ours, whatever its range says, to everybody."""
        return self._hand(message, message.id, (0, 0), self._own_place, now, fanout)

    def relay(self, message: Ranged, now: float, fanout: int = FANOUT) -> list[Send]:
        """Hand on what we received, within its range and under an id of ours."""
        id_ = self._deliveries.new_id()
        return self._hand(message, id_, (message.lo, message.hi), self._own_place, now, fanout)

    def within(self, message: Ranged, now: float, fanout: int = FANOUT) -> list[Send]:
        """Send a message of ours to everybody in its range."""
        span = (message.lo, message.hi)
        return self._hand(message, message.id, span, self._own_place, now, fanout)

    def tell(self, news: Tell, now: float) -> list[Send]:
        """Send news of ours to everybody: to each, or where they are many to the relays of arcs."""
        if len(self._ring) <= DIRECT:
            return self.begin(news, now, DIRECT)
        out: list[Send] = []
        for lo, hi in arcs(ARCS):
            out += self._entrust(Tell(news.id, lo, hi, news.records), self._own_place, now)
        return out

    def _entrust(self, news: Tell, hole: int, now: float) -> list[Send]:
        """Hand news for an arc to its relay, or to many where nobody there will do."""
        span = (news.lo, news.hi)
        relay = self._usual(span, now)
        if relay is self._members.me:
            return self._hand(news, news.id, span, self._own_place, now, DIRECT)
        place = hole if relay is None else self._ring.place(relay.name)
        if relay is None or place == hole:
            return self._hand(news, news.id, span, hole, now, DIRECT // ARCS)
        sends = self._deliveries.send(relay, news, now, place)
        return sends or self._hand(news, news.id, span, place, now, DIRECT // ARCS)

    def _usual(self, span: tuple[int, int], now: float) -> Member | None:
        """The relay that everybody takes for an arc in this round, as far as they know the same."""
        lo, hi = span
        width = (hi - lo) % PLACES or PLACES
        first = (lo + int(width * (GOLDEN * self._turn() % 1.0))) % PLACES
        after = self._ring.within(first, hi) if first != hi else []
        for _, name in (*after, *self._ring.within(lo, hi)):
            member = self._members.named(name)
            if member is not None and self._will_do(member, now):
                return member
        return None

    def wake(self, now: float) -> list[Send]:
        """Send again what is overdue, and relay what silent members should have relayed."""
        out = self._deliveries.wake(now)
        for orphan in self._deliveries.orphans():
            message = orphan.message
            if type(message) is Tell:
                out += self._entrust(message, orphan.place, now)
                continue
            span = (message.lo, message.hi)
            out += self._hand(message, message.id, span, orphan.place, now, FANOUT)
        return out

    @property
    def _own_place(self) -> int:
        return self._ring.place(self._members.me.name)

    def _hand(
        self,
        message: Ranged,
        id_: int,
        span: tuple[int, int],
        hole: int,
        now: float,
        fanout: int,
    ) -> list[Send]:
        out: list[Send] = []
        for part in self._ring.parts(span, hole, fanout):
            relay = self._relay(part, now)
            if relay is None:
                continue
            place = self._ring.place(relay.name)
            theirs = _addressed(message, id_, part.lo, part.hi)
            relays = place if len(part.names) > 1 or type(message) is not Tell else None
            sends = self._deliveries.send(relay, theirs, now, relays)
            out += sends or self._hand(message, id_, (part.lo, part.hi), place, now, fanout)
        return out

    def _relay(self, part: Part, now: float) -> Member | None:
        """A random member of a part, if possible one that will relay."""
        if len(part.names) == 1:
            member = self._members.named(part.names[0])
        else:
            member = self._members.named(self._chance.choice(part.names))
            for _ in range(TRIES):
                if member is not None and self._will_do(member, now):
                    break
                member = self._members.named(self._chance.choice(part.names))
            else:
                member = self._rare(part, now) or member
        return None if member is self._members.me else member

    def _rare(self, part: Part, now: float) -> Member | None:
        """A random one of those who will do, where hardly any member of a part does."""
        members = map(self._members.named, part.names)
        able = [m for m in members if m is not None and self._will_do(m, now)]
        return self._chance.choice(able) if able else None

    def _will_do(self, member: Member, now: float) -> bool:
        """True for a member that probably lives, and knows others."""
        lives = member.state is State.ALIVE and not self._deliveries.silent(member)
        return lives and now - member.since >= SETTLED


def _addressed(message: Ranged, id_: int, lo: int, hi: int) -> Ranged:
    """The same message for another range."""
    if type(message) is Push:  # nearly always, and a tenth of the price
        return Push(id_, lo, hi, message.items, message.items_bytes)
    if type(message) is Tell:  # the same while a cluster forms
        return Tell(id_, lo, hi, message.records)
    return replace(message, id=id_, lo=lo, hi=hi)
