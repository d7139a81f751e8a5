"""News of members that goes to everybody at once, down the tree, and is acknowledged.

What is posted goes out at once, or, soon after something else did, together with what is posted
meanwhile: when fifty nodes join within a moment, each of them is not worth fifty messages of its
own. Nor can somebody who slanders us a thousand times a second make us answer as often. What others
posted, for us to relay, is treated the same.
"""

from collections.abc import Iterable
import random

from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.mail import Send
from crdtnode.protocol.members import Member, Members
from crdtnode.protocol.news import record_bytes
from crdtnode.protocol.spreading import DIRECT, Spreading
from crdtnode.wire.messages import Forget, MemberRecord, Tell

PERIOD = 0.05
"""Seconds between two mailings, more or less: two who have the same to tell shall not tell it at the
same time. Higher saves messages while many join or die, lower saves time."""

MAILED_MOST = 64
"""Members of which one mailing tells; further ones are found when lists are compared."""

MAIL_BYTES = 1110
"""Records in one message, so that it stays a datagram."""

NEVER = float("inf")


class Bulletin:
    """What everybody is to be told, and when."""

    def __init__(
        self,
        members: Members,
        spreading: Spreading,
        deliveries: Deliveries,
        chance: random.Random,
    ) -> None:
        self._members = members
        self._chance = chance
        self._spreading = spreading
        self._deliveries = deliveries
        self._posted: dict[bytes, Member] = {}
        self._relayed: dict[tuple[int, int], dict[bytes, MemberRecord]] = {}
        """What others posted, by the range in which it is to be relayed."""
        self._next = -NEVER
        """When the next mailing may be."""
        self.deadline = NEVER
        """When the next mailing is due."""

    def post(self, about: Iterable[Member], now: float) -> list[Send]:
        """Tell everybody of these members."""
        self._posted.update((member.boot, member) for member in about)
        self.deadline = self._next
        return self.wake(now)

    def relay(self, tell: Tell, now: float) -> list[Send]:
        """Hand on what somebody else posted, within its range."""
        waiting = self._relayed.setdefault((tell.lo, tell.hi), {})
        for record in tell.records:
            earlier = waiting.get(record.boot)
            if earlier is None or _rank(earlier) < _rank(record):
                waiting[record.boot] = record
        self.deadline = self._next
        return self.wake(now)

    def told(self, records: Iterable[MemberRecord]) -> None:
        """Somebody else tells everybody of these: what says the same needs no word of ours.

        Who joins through several seeds, or dies before many eyes, is told of once, not by each.
        """
        for record in records if self._posted else ():
            member = self._posted.get(record.boot)
            if member is not None and _same(member, record):
                del self._posted[record.boot]

    def forget(self, member: Member, now: float) -> list[Send]:
        """Tell everybody to forget a member that is gone."""
        forget = Forget(self._deliveries.new_id(), 0, 0, (member.record(),))
        return self._spreading.begin(forget, now, DIRECT)

    def wake(self, now: float) -> list[Send]:
        """Mail what was posted, if that is due."""
        if self.deadline > now:
            return []
        self.deadline = NEVER
        posted, self._posted = self._posted, {}
        relayed, self._relayed = self._relayed, {}
        if not posted and not relayed:
            return []
        known = [m for boot, m in posted.items() if self._members.booted(boot) is m]
        out: list[Send] = []
        for records in _messages(member.record() for member in known[:MAILED_MOST]):
            tell = Tell(self._deliveries.new_id(), 0, 0, records)
            out += self._spreading.tell(tell, now)
        for (lo, hi), news in relayed.items():
            for records in _messages(news.values()):
                tell = Tell(self._deliveries.new_id(), lo, hi, records)
                out += self._spreading.within(tell, now, DIRECT)
        self._next = now + PERIOD * self._chance.uniform(0.75, 1.25)
        return out


def _same(member: Member, record: MemberRecord) -> bool:
    return (member.incarnation, member.state, member.name) == (
        record.incarnation,
        record.state,
        record.name,
    )


def _rank(record: MemberRecord) -> tuple[int, int]:
    """The higher one is the later news of a process."""
    return record.incarnation, record.state


def _messages(records: Iterable[MemberRecord]) -> list[tuple[MemberRecord, ...]]:
    """Cut records into lists that fit a datagram each, if one can."""
    messages: list[tuple[MemberRecord, ...]] = []
    room = 0
    for record in records:
        size = record_bytes(record)
        if size > room:
            messages.append(())
            room = MAIL_BYTES
        messages[-1] += (record,)
        room -= size
    return messages
