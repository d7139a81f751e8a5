"""Messages that want an acknowledgement, sent again until it comes.

The time to wait follows the round trip, as TCP's does (RFC 6298, section 2), and grows by half
with each try. After `retry_times` tries the message is given up: repair carries what it held.
"""

from dataclasses import dataclass
import heapq

from crdtnode.config import Settings
from crdtnode.protocol.mail import Send, to
from crdtnode.protocol.members import Member
from crdtnode.wire.messages import Message

WAITING_MOST = 512
"""Unacknowledged messages to one member; further ones are not sent, repair carries them."""

FIRST_RETRY = 0.1
"""Seconds before the first retry to a member whose round trip is not known yet."""

GROWTH = 1.5
"""How much longer each further try waits."""

LONGEST = 1.0
"""Most seconds between two tries: one round trip that took long must not put off all that follow."""


@dataclass(slots=True)
class _Waiting:
    member: Member
    message: Message
    sent: float
    wait: float
    tries: int


class Deliveries:
    """What was sent and is not acknowledged yet, by receiver and id."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: dict[bytes, dict[int, _Waiting]] = {}
        self._receivers: dict[int, int] = {}
        self._given_up: list[int] = []
        self._due: list[tuple[float, int, bytes]] = []
        self._last_id = 0

    def new_id(self) -> int:
        """An id that no other message of this process has."""
        self._last_id += 1
        return self._last_id

    def send(
        self, member: Member, id_: int, message: Message, now: float, *, large: bool = False
    ) -> list[Send]:
        """Send a message until it is acknowledged; nothing where too many wait already.

        A large one goes by stream, which sees to its own repetitions: it is sent once.
        """
        waiting = self._waiting.setdefault(member.boot, {})
        if len(waiting) >= WAITING_MOST:
            return []
        if large:
            entry = _Waiting(
                member, message, now, self._settings.stream_idle, self._settings.retry_times
            )
        else:
            wait = FIRST_RETRY
            if member.rtt is not None:
                usual = member.rtt + 4 * member.rtt_varies
                wait = min(max(self._settings.retry_least, usual), LONGEST)
            entry = _Waiting(member, message, now, wait, 0)
        waiting[id_] = entry
        self._receivers[id_] = self._receivers.get(id_, 0) + 1
        heapq.heappush(self._due, (now + entry.wait, id_, member.boot))
        return [to(member, message, stream=large)]

    def acknowledged(self, member: Member, id_: int, now: float) -> bool:
        """True the first time that this member acknowledges this id."""
        entry = self._waiting.get(member.boot, {}).pop(id_, None)
        if entry is None:
            return False
        self._less(id_)
        if not entry.tries:  # a repeated message's round trip is ambiguous: Karn's algorithm
            member.measured(now - entry.sent)
        return True

    def _less(self, id_: int) -> None:
        self._receivers[id_] -= 1
        if not self._receivers[id_]:
            del self._receivers[id_]

    def waits(self, id_: int) -> bool:
        """True while somebody may still acknowledge this id."""
        return id_ in self._receivers

    def forget(self, boot: bytes) -> None:
        """This process is gone: nothing waits for it."""
        for id_ in self._waiting.pop(boot, ()):
            self._give_up(id_)

    def _give_up(self, id_: int) -> None:
        self._less(id_)
        if id_ not in self._receivers:
            self._given_up.append(id_)

    def given_up(self) -> list[int]:
        """Ids, since the last call, whose last receiver was given up."""
        ids, self._given_up = self._given_up, []
        return ids

    @property
    def deadline(self) -> float:
        """When the next message is to be sent again."""
        while self._due:
            at, id_, boot = self._due[0]
            if id_ in self._waiting.get(boot, ()):
                return at
            heapq.heappop(self._due)  # acknowledged meanwhile
        return float("inf")

    def wake(self, now: float) -> list[Send]:
        """Send again what is overdue."""
        again: list[Send] = []
        while self._due and self._due[0][0] <= now:
            _, id_, boot = heapq.heappop(self._due)
            entry = self._waiting.get(boot, {}).get(id_)
            if entry is None:
                continue
            if entry.tries >= self._settings.retry_times:
                del self._waiting[boot][id_]
                self._give_up(id_)
                continue
            entry.tries += 1
            entry.wait = min(entry.wait * GROWTH, LONGEST)
            heapq.heappush(self._due, (now + entry.wait, id_, boot))
            again.append(to(entry.member, entry.message))
        return again
