"""Messages that want an acknowledgement, sent again until it comes.

The time to wait follows the round trip, as TCP's does (RFC 6298, section 2), and grows by half
with each try. After `retry_times` tries the message is given up: repair carries what it held.
"""

from dataclasses import dataclass
import heapq

from crdtnode.config import Settings
from crdtnode.protocol.mail import Send, to
from crdtnode.protocol.members import Member, Members
from crdtnode.wire.messages import Message

WAITING_MOST = 512
"""Unacknowledged messages to one member; further ones are not sent, repair carries them."""

FIRST_RETRY = 0.1
"""Seconds before the first retry to a member whose round trip is not known yet."""

GROWTH = 1.5
"""How much longer each further try waits."""


@dataclass(slots=True)
class _Waiting:
    message: Message
    sent: float
    wait: float
    tries: int = 0


class Deliveries:
    """What was sent and is not acknowledged yet, by receiver and id."""

    def __init__(self, members: Members, settings: Settings) -> None:
        self._members = members
        self._settings = settings
        self._waiting: dict[bytes, dict[int, _Waiting]] = {}
        self._due: list[tuple[float, int, bytes]] = []
        self._last_id = 0

    def new_id(self) -> int:
        """An id that no other message of this process has."""
        self._last_id += 1
        return self._last_id

    def send(self, member: Member, id_: int, message: Message, now: float) -> list[Send]:
        """Send a message until it is acknowledged; nothing where too many wait already."""
        waiting = self._waiting.setdefault(member.boot, {})
        if len(waiting) >= WAITING_MOST:
            return []
        wait = FIRST_RETRY
        if member.rtt is not None:
            wait = max(self._settings.retry_least, member.rtt + 4 * member.rtt_varies)
        waiting[id_] = _Waiting(message, now, wait)
        heapq.heappush(self._due, (now + wait, id_, member.boot))
        return [to(member, message)]

    def acknowledged(self, member: Member, id_: int, now: float) -> bool:
        """True the first time that this member acknowledges this id."""
        entry = self._waiting.get(member.boot, {}).pop(id_, None)
        if entry is None:
            return False
        if not entry.tries:  # a repeated message's round trip is ambiguous: Karn's algorithm
            member.measured(now - entry.sent)
        return True

    def waits(self, id_: int) -> bool:
        """True while somebody may still acknowledge this id."""
        return any(id_ in waiting for waiting in self._waiting.values())

    def forget(self, boot: bytes) -> None:
        """This process is gone: nothing waits for it."""
        self._waiting.pop(boot, None)

    @property
    def deadline(self) -> float:
        """When the next message is to be sent again."""
        return self._due[0][0] if self._due else float("inf")

    def wake(self, now: float) -> list[Send]:
        """Send again what is overdue."""
        again: list[Send] = []
        while self._due and self._due[0][0] <= now:
            _, id_, boot = heapq.heappop(self._due)
            entry = self._waiting.get(boot, {}).get(id_)
            member = self._members.booted(boot)
            if entry is None:
                continue
            if member is None or not member.talks or entry.tries >= self._settings.retry_times:
                del self._waiting[boot][id_]
                continue
            entry.tries += 1
            entry.wait *= GROWTH
            heapq.heappush(self._due, (now + entry.wait, id_, boot))
            again.append(to(member, entry.message))
        return again
