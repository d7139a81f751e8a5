"""What arrived once already, and acknowledgements on their way.

An id counts for its sender. What comes again is acknowledged again, and neither relayed nor joined
again. Who acknowledged nothing for a while does so at once, with whatever else it wakes for; who
just did waits a moment, so that acknowledgements travel together.
"""

from collections import OrderedDict

from crdtnode.config import Settings
from crdtnode.protocol.mail import Send, to
from crdtnode.protocol.members import Member
from crdtnode.wire.messages import Ack

SEEN_MOST = 8192
"""Messages remembered to recognise a repetition."""

ACKS_MOST = 64
"""Acknowledgements that travel in one message."""

NEVER = float("inf")


class Receipts:
    """Acknowledges, each time that it comes, what was taken once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seen: OrderedDict[tuple[bytes, int], bool | None] = OrderedDict()
        self._acks: dict[tuple[Member, bool], list[int]] = {}
        self._sent = -NEVER
        self.deadline = NEVER
        """When the next bundle is due."""

    def is_new(self, sender: Member, id_: int, now: float) -> bool:
        """True the first time; a repetition is acknowledged if what it repeats was."""
        if self.repeats(sender, id_, now):
            return False
        self._note(sender, id_, None)
        return True

    def repeats(self, sender: Member, id_: int, now: float) -> bool:
        """True for a repetition; it is acknowledged if what it repeats was."""
        if (sender.boot, id_) not in self._seen:
            return False
        kept = self._seen[sender.boot, id_]
        if kept is not None:
            self.acknowledge(sender, id_, now, kept=kept)
        return True

    def acknowledge(self, sender: Member, id_: int, now: float, *, kept: bool = True) -> None:
        """Tell the sender, within a moment, that this was taken, and whether we keep all of it."""
        self._note(sender, id_, kept)
        self._acks.setdefault((sender, kept), []).append(id_)
        self.deadline = min(self.deadline, max(now, self._sent + self._settings.ack_delay))

    def _note(self, sender: Member, id_: int, kept: bool | None) -> None:
        self._seen[sender.boot, id_] = kept
        if len(self._seen) > SEEN_MOST:
            self._seen.popitem(last=False)

    def wake(self, now: float) -> list[Send]:
        """Send what is due."""
        if self.deadline > now:
            return []
        out: list[Send] = []
        for (member, kept), ids in self._acks.items():
            starts = range(0, len(ids), ACKS_MOST)
            out += [to(member, Ack(tuple(ids[at : at + ACKS_MOST]), kept)) for at in starts]
        self._acks.clear()
        self._sent = now
        self.deadline = NEVER
        return out
