"""News of members, riding on probes until a few others were told.

What matters is mailed to everybody and acknowledged (`bulletin`); this is for those whom that
missed, and costs nothing extra. The least told goes first; who is missed even so, the roster
digest in probes finds. Source: SWIM (Das, Gupta, Motivala 2002), section 4.1, where nothing else
spreads news, so that each piece is told a few times the logarithm of the number of members.
"""

from collections import OrderedDict

from crdtnode.protocol.members import Member, Members
from crdtnode.wire.messages import MemberRecord, State

ABOARD = 4
"""Records that ride on one probe."""

ABOARD_BYTES = 480
"""What they may take together, so that a probe stays one datagram."""

REPEATS = 3
"""Times that each member tells a piece of news. More keep probes long after many have joined."""


class News:
    """What is still to be told, and how often."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self._told: list[OrderedDict[str, None]] = [OrderedDict() for _ in range(REPEATS)]
        """Names by how often each was told, those that wait longest first."""

    def spread(self, member: Member) -> None:
        """Tell others of this member's present record, from now on."""
        self.forget(member)
        self._told[0][member.name] = None

    def forget(self, member: Member) -> None:
        """This member is off the list."""
        for names in self._told:
            names.pop(member.name, None)

    def aboard(self, peer: Member) -> tuple[MemberRecord, ...]:
        """Records for one probe to ``peer``; one that thinks ill of the peer always rides."""
        names = self._next()
        records: list[MemberRecord] = []
        if peer.state is not State.ALIVE:
            records.append(_bare(peer))
            names = [self._members.me.name, *(n for n in names if n != self._members.me.name)]
        if not names:
            return tuple(records)
        room = ABOARD_BYTES - sum(map(record_bytes, records))
        for name in names[: ABOARD - len(records)]:
            member = self._members.named(name)
            if member is None or (member is peer and records):
                continue  # its name is another one now, or it has been told already
            record = member.record()
            if not member.told_bytes:
                member.told_bytes = record_bytes(record)
            if member.told_bytes <= room:
                room -= member.told_bytes
                records.append(record)
        return tuple(records)

    def _next(self) -> list[str]:
        """The least told names, which have been told once more now."""
        if not any(self._told):  # nearly always
            return []
        names: list[str] = []
        again: list[tuple[int, str]] = []
        for times, waiting in enumerate(self._told, 1):
            if not waiting:
                continue
            for _ in range(min(ABOARD - len(names), len(waiting))):
                name = waiting.popitem(last=False)[0]
                names.append(name)
                again.append((times, name))
            if not waiting:
                waiting.clear()  # gives back the room that many names took
        for times, name in again:
            if times < REPEATS:
                self._told[times][name] = None
        return names


def _bare(member: Member) -> MemberRecord:
    """What a member has to hear of itself: at which incarnation somebody doubts it."""
    return MemberRecord(
        member.name,
        member.boot,
        member.incarnation,
        member.state,
        member.addresses[:1],
        member.types,
        member.protocol,
        {},
    )


def record_bytes(record: MemberRecord) -> int:
    """The most bytes that a record of this name, these addresses and tags takes."""
    size = 52 + len(record.name.encode())
    for host, _ in record.addresses:
        size += len(host.encode()) + 6
    for key, word in record.tags.items():
        size += len(key.encode()) + len(word.encode()) + 6
    return size
