"""Messages that want an acknowledgement, sent again until it comes.

The time to wait follows the round trip, as TCP's does (RFC 6298), and grows by half with each try.
What is sent to the same member meanwhile waits longer too, until a first try is answered: else a
member that becomes slower would be sent everything twice from then on. After `retry_times` tries
the message is given up: repair carries what it held. While few messages wait for a member, tries
come more often, and there are more: a lone update gets through where most datagrams are lost.

Who was to relay a message and is silent after two tries relays nothing: what it should have done
falls back to us as an `Orphan`, and from then on the message is for itself alone. One that turns
out to be alive after all has then relayed too, and a few hear it twice.

A suspect is told no news but what concerns itself: should it live, it compares lists with others. In
a cluster that is cut in two everybody has news of everybody, and would repeat it to the other side.
For the same reason one message with news waits for a silent member: what comes meanwhile goes with its
next try, or when it answers.
"""

from collections.abc import Iterator
from dataclasses import field, replace
import heapq
from typing import TypeAlias

from crdtnode.config import Settings
from crdtnode.protocol.mail import Send, to
from crdtnode.protocol.member import Member
from crdtnode.protocol.roundtrip import smoothed
from crdtnode.protocol.spans import PLACES, alone
from crdtnode.values import struct, value
from crdtnode.wire.messages import Announce, Forget, Leave, MemberRecord, Push, State, Tell

Ranged: TypeAlias = Push | Tell | Forget | Announce
"""What is for a range of places, and to be relayed within it."""

NEWS = (Tell, Forget)
"""What tells of members."""

WAITING_MOST = 512
"""Unacknowledged messages to one member; further ones are not sent, repair carries them."""

SILENT_MOST = 32
"""The same for pushes to a member that has missed something: what is sent to the dead crowds out
the living. News of members goes on; it may be what the silent one has to hear."""

UNMET_MOST = 2
"""The same for all that is for a silent member which never said a word: it may be made up."""

AGAIN_MOST = 256
"""Messages that are sent again in one go; what is due beyond them is due at once."""

BY_STREAM = 6
"""The try that goes by stream: where so many datagrams are lost, TCP may still get through."""

FIRST_RETRY = 0.1
"""Seconds before the first retry while nobody's round trip is known yet."""

GROWTH = 1.5
"""How much longer each further try waits."""

SLOWER_MOST = 8.0
"""How many times longer than round trips tell a first try waits at most."""

LONGEST = 1.0
"""Most seconds between two tries: one round trip that took long must not put off all that follow."""

LATER_MOST = 12
"""Members of which one that is silent is told with the next try: what a datagram has room for. Of
more it hears when lists are compared."""

NEWS_LONGEST = 0.1
"""The same for news of members: while a suspicion runs, there is no time to wait longer. Who is
silent already has the usual time, unless it is concerned: a node that is cut off finds all silent."""

FEW = 16
"""Messages to one member for which tries may come often: they cost next to nothing, and where most
datagrams are lost only many tries get through. More would be a burden to whoever is only slow."""

FEW_LONGEST = 0.15
"""Most seconds between two tries while no more wait, or what round trips tell where that is more."""

FEW_TIMES = 2
"""How many times more tries there are while no more wait."""

ENTRUSTED = 2**32
"""Tries of what a stream carries: it is not sent again."""

TAKEN_OVER = 2
"""Silent tries after which others relay in a member's stead."""


_AS_ALWAYS = (1.0, float("-inf"))


@value
class Orphan:
    """A range that somebody was to relay, and has not."""

    message: Ranged
    place: int
    """Of who was to relay it: its own copy is not concerned."""


@struct
class _Later:
    """Further news for a silent member, until it answers or is told again."""

    lo: int
    hi: int
    records: dict[bytes, MemberRecord] = field(default_factory=dict)


@struct
class _Waiting:
    member: Member
    message: Ranged | Leave
    place: int | None
    """Where the member stands, while it is to relay the message."""
    sent: float
    wait: float
    longest: float
    """Most seconds between two tries."""
    brief: float
    """The same while few messages wait for the member."""
    eager: bool
    """Whether there are more tries while few messages wait for the member."""
    due: float
    tries: int = 1


class Deliveries:
    """What was sent and is not acknowledged yet, by receiver and id."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: dict[bytes, dict[int, _Waiting]] = {}
        self._receivers: dict[int, int] = {}
        self.ended: list[int] = []
        """What `over` tells next."""
        self.queue: list[tuple[float, int, bytes]] = []
        """When to look at what waits: a heap of moments, ids and receivers."""
        self._silent: set[bytes] = set()
        self._later: dict[bytes, _Later] = {}
        self._slower: dict[bytes, tuple[float, float]] = {}
        """How many times longer to wait for a member than round trips tell, and since when."""
        self.orphaned: list[Orphan] = []
        """What `orphans` gives next."""
        self._last_id = 0
        self._rtt: float | None = None
        self._rtt_varies = 0.0

    def new_id(self) -> int:
        """An id that no other message of this process has."""
        self._last_id += 1
        return self._last_id

    def silent(self, member: Member) -> bool:
        """True where something that was sent to this member is overdue."""
        return member.boot in self._silent

    def send(
        self, member: Member, message: Ranged | Leave, now: float, place: int | None = None
    ) -> list[Send]:
        """Send a message until it is acknowledged; nothing where too many wait already.

        Args:
            member: The receiver.
            message: What to send; its id is one of ours.
            now: Monotonic time.
            place: Where the receiver stands on the ring, if it is to relay the message.
        """
        boot, id_ = member.boot, message.id
        waiting = self._waiting.setdefault(boot, {})
        if len(waiting) >= self._most(member, message) or _idle_talk(member, message):
            return []
        if id_ in waiting:
            return []
        if place is None and type(message) is Tell and self._waits_with(boot, message):
            return []
        longest = NEWS_LONGEST if type(message) in NEWS else LONGEST
        patience = self._patience(member)
        brief, eager = min(longest, max(patience, FEW_LONGEST)), True
        wait = patience * self._slower.get(boot, _AS_ALWAYS)[0]
        wait = min(wait, brief if len(waiting) < FEW else longest)
        if type(message) is Tell and boot in self._silent and not _concerns(member, message):
            wait, longest, brief, eager = NEWS_LONGEST, LONGEST, LONGEST, False
        due = now + wait
        waiting[id_] = _Waiting(member, message, place, now, wait, longest, brief, eager, due)
        self._receivers[id_] = self._receivers.get(id_, 0) + 1
        heapq.heappush(self.queue, (due, id_, boot))
        return [to(member, message)]

    def _waits_with(self, boot: bytes, news: Tell) -> bool:
        """True where news for a silent member goes together with what it was told before."""
        if boot not in self._silent:
            return False
        if not any(type(entry.message) is Tell for entry in self._waiting[boot].values()):
            return False
        later = self._later.setdefault(boot, _Later(news.lo, news.hi))
        for record in news.records:
            if len(later.records) < LATER_MOST or record.boot in later.records:
                later.records[record.boot] = record
        return True

    def _most(self, member: Member, message: Ranged | Leave) -> int:
        if member.boot not in self._silent:
            return WAITING_MOST
        if not member.met:
            return UNMET_MOST
        return SILENT_MOST if type(message) is Push else WAITING_MOST

    def _patience(self, member: Member) -> float:
        """Seconds before the first retry to this member, as round trips tell."""
        rtt, varies = member.rtt, member.rtt_varies
        if rtt is None:  # it was never measured: it will be like the others
            rtt, varies = self._rtt, self._rtt_varies
        return FIRST_RETRY if rtt is None else max(self._settings.retry_least, rtt + 4 * varies)

    def acknowledged(self, member: Member, id_: int, now: float) -> bool:
        """True the first time that this member acknowledges this id."""
        entry = self._waiting.get(member.boot, {}).pop(id_, None)
        if entry is None:
            return False
        self._silent.discard(member.boot)
        self._less(id_)
        if self._later:
            self._tell_now(member.boot, ())
        if entry.tries == 1:  # a repeated message's round trip is ambiguous: Karn's algorithm
            self._slower.pop(member.boot, None)
            self.measured(member, now - entry.sent)
        return True

    def _tell_now(self, boot: bytes, before: tuple[MemberRecord, ...]) -> bool:
        """Tell a silent member what came meanwhile, and what was told before; False for nothing."""
        later = self._later.pop(boot, None)
        if later is None:
            return False
        newest = {record.boot: record for record in before} | later.records
        news = Tell(self.new_id(), later.lo, later.hi, tuple(newest.values())[-LATER_MOST:])
        self._receivers[news.id] = 1
        self.orphaned.append(Orphan(news, later.hi % PLACES))
        return True

    def measured(self, member: Member, rtt: float) -> None:
        """Take a round trip into what is known of this member, and of all."""
        member.measured(rtt)
        self._rtt, self._rtt_varies = smoothed(self._rtt, self._rtt_varies, rtt)

    def _less(self, id_: int) -> None:
        self._receivers[id_] -= 1
        if not self._receivers[id_]:
            del self._receivers[id_]
            self.ended.append(id_)

    def entrust(self, member: Member, id_: int, now: float) -> Ranged | Leave | None:
        """What was sent to this member under this id, if it waits: a stream takes it from here.

        It is not sent again, and given up after `stream_idle` seconds.
        """
        entry = self._waiting.get(member.boot, {}).get(id_)
        if entry is None or entry.tries == ENTRUSTED:
            return None
        self._silent.discard(member.boot)
        entry.tries = ENTRUSTED
        entry.due = now + self._settings.stream_idle
        heapq.heappush(self.queue, (entry.due, id_, member.boot))
        return entry.message

    def put_off(self, member: Member, id_: int, now: float) -> bool:
        """What a stream took goes on: wait for its end `stream_idle` seconds more.

        False where it waits for no such thing any more.
        """
        entry = self._waiting.get(member.boot, {}).get(id_)
        if entry is None or entry.tries < ENTRUSTED:
            return False
        entry.due = now + self._settings.stream_idle
        heapq.heappush(self.queue, (entry.due, id_, member.boot))
        return True

    def broke(self, boot: bytes, now: float) -> None:
        """The stream to this process broke: what it took is sent anew."""
        for id_, entry in self._waiting.get(boot, {}).items():
            if entry.tries == ENTRUSTED:
                entry.tries, entry.due = 1, now
                heapq.heappush(self.queue, (now, id_, boot))

    def waits(self, id_: int) -> bool:
        """True while somebody may still acknowledge this id."""
        return id_ in self._receivers

    def over(self) -> list[int]:
        """Ids, since the last call, that nobody will acknowledge any more."""
        ids, self.ended = self.ended, []
        return ids

    def forget(self, boot: bytes) -> None:
        """This process is gone: nothing waits for it, and what it was to relay falls back to us."""
        self._silent.discard(boot)
        self._slower.pop(boot, None)
        self._later.pop(boot, None)
        for entry in self._waiting.pop(boot, {}).values():
            self._orphan(entry)
            self._less(entry.message.id)

    def _orphan(self, entry: _Waiting) -> None:
        """The receiver relays nothing: its message is for itself alone."""
        message, place = entry.message, entry.place
        if place is None or isinstance(message, Leave):
            return
        entry.place = None
        lo, hi = alone(place)
        if (message.lo, message.hi) == (lo, hi):
            return
        entry.message = replace(message, lo=lo, hi=hi)
        self.orphaned.append(Orphan(message, place))
        self._receivers[message.id] += 1  # whoever relays it instead will acknowledge it

    def orphans(self) -> Iterator[Orphan]:
        """What falls back to us. Whoever takes one hands it to somebody else before the next."""
        while self.orphaned:
            orphan = self.orphaned.pop()
            yield orphan
            self._less(orphan.message.id)

    @property
    def deadline(self) -> float:
        """When the next message is to be sent again."""
        if self.orphaned:
            return 0.0
        while self.queue:
            at, id_, boot = self.queue[0]
            entry = self._waiting.get(boot, {}).get(id_)
            if entry is not None and entry.due == at:
                return at
            heapq.heappop(self.queue)  # acknowledged or put off meanwhile
        return float("inf")

    def wake(self, now: float) -> list[Send]:
        """Send again what is overdue."""
        again: list[Send] = []
        while self.queue and self.queue[0][0] <= now and len(again) < AGAIN_MOST:
            at, id_, boot = heapq.heappop(self.queue)
            entry = self._waiting.get(boot, {}).get(id_)
            if entry is None or entry.due != at:
                continue
            self._silent.add(boot)
            self._slow_down(entry, now)
            few = len(self._waiting[boot]) <= FEW
            if self._is_last(boot, entry, few):
                del self._waiting[boot][id_]
                self._less(id_)
                continue
            entry.tries += 1
            entry.wait = min(entry.wait * GROWTH, entry.brief if few else entry.longest)
            entry.due = now + entry.wait
            heapq.heappush(self.queue, (entry.due, id_, boot))
            again.append(to(entry.member, entry.message, stream=entry.tries == BY_STREAM))
        return again

    def _is_last(self, boot: bytes, entry: _Waiting, few: bool) -> bool:
        """Whether there are no more tries: others go on with it, or it has waited long enough."""
        news = entry.message if type(entry.message) is Tell else None
        entrusted = news is not None and entry.place is not None
        idle = _idle_talk(entry.member, entry.message)
        if idle or entry.tries >= TAKEN_OVER:
            self._orphan(entry)
            if idle or entrusted:
                return True  # another one takes the whole part over, the silent member in it too
        if news is not None and entry.place is None and self._tell_now(boot, news.records):
            return True  # the newer message says this as well
        times = self._settings.retry_times * (FEW_TIMES if few and entry.eager else 1)
        return entry.tries > times

    def _slow_down(self, entry: _Waiting, now: float) -> None:
        """A first try was not answered in time: the next ones get more, once for each round."""
        factor, since = self._slower.get(entry.member.boot, _AS_ALWAYS)
        if entry.tries == 1 and entry.sent >= since:
            self._slower[entry.member.boot] = (min(factor * GROWTH, SLOWER_MOST), now)


def _idle_talk(member: Member, message: Ranged | Leave) -> bool:
    """Whether this is news for a suspect that does not concern it."""
    return (
        member.state is State.SUSPECT
        and isinstance(message, NEWS)
        and not _concerns(member, message)
    )


def _concerns(member: Member, news: Tell | Forget) -> bool:
    """Whether some news is of the member itself."""
    return any(record.boot == member.boot for record in news.records)
