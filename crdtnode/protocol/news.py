"""News of members, riding on probes until enough others were told.

Each piece is told a few times the logarithm of the cluster's size, the least told first, which
reaches everybody with high probability; the roster digest in probes finds who was missed.
Source: SWIM (Das, Gupta, Motivala 2002), section 4.1.
"""

from crdtnode.protocol.members import Member, Members
from crdtnode.wire.messages import MemberRecord, State

ABOARD = 4
"""Records that ride on one probe: about 500 bytes."""

REPEATS = 3
"""Times the logarithm of the number of members that a piece of news is told."""


class News:
    """What is still to be told, and how often."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self._left: dict[str, int] = {}

    def spread(self, member: Member) -> None:
        """Tell others of this member's present record, from now on."""
        self._left[member.name] = REPEATS * max(1, len(self._members).bit_length())

    def aboard(self, peer: Member | None) -> tuple[MemberRecord, ...]:
        """Records for one probe to ``peer``; one that thinks ill of the peer always rides."""
        names: list[str] = []
        if peer is not None and peer.state is not State.ALIVE:
            names += [peer.name, self._members.me.name]
        for name in sorted(self._left, key=lambda n: -self._left[n])[: ABOARD - len(names)]:
            if name not in names:
                names.append(name)
            self._left[name] -= 1
            if self._left[name] <= 0:
                del self._left[name]
        members = (self._members.named(name) for name in names)
        return tuple(m.record() for m in members if m is not None)
