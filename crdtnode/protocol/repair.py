"""The truth behind the pushes: whatever differs between two nodes that can talk is repaired.

*Theory of operation.* A probe carries the root and what changed lately. Where the roots differ,
the receiver answers WANT: the recent objects that it has otherwise, and its own recents. If these
explain the difference of the roots (the XOR of the versions on both sides is the XOR of the
roots), SYNC brings them and it is over. Else AGAIN, over a stream, widens the view to all that
changed since the two roots were equal last, and where that is not known or does not explain the
difference, the tries are walked down (`descent`). An object that both sides changed is sent by one,
joined by the other, and answered once with what the first one lacked: an answer is never answered.

A session has no state but the queue of what is still to be sent. Each message carries ``left``,
one less than the one that it answers; at 0 nobody answers, so that two nodes that can never agree
(a type whose merge does not converge) cost a bounded number of messages per probe. What they cannot
agree on is set aside (`strikes`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from crdtnode.config import Settings
from crdtnode.fingerprints import RECENTS_MOST
from crdtnode.metrics import Metrics
from crdtnode.protocol import descent
from crdtnode.protocol.arriving import Arriving
from crdtnode.protocol.chunks import ROW_BYTES, Chunks, Rest
from crdtnode.protocol.deep import WAIT_MS, Deep
from crdtnode.protocol.descent import NOTHING, Ask, Give, GiveBelow, Meet, ShowTypes, Task
from crdtnode.protocol.division import Pieces
from crdtnode.protocol.effects import Event
from crdtnode.protocol.joins import Repaired
from crdtnode.protocol.mail import Outcome, Send, to
from crdtnode.protocol.members import Member
from crdtnode.protocol.parcels import Parcels
from crdtnode.protocol.strikes import HELD_MOST, Strikes
from crdtnode.protocol.typesets import TypeSets
from crdtnode.registry import Registry
from crdtnode.registry.histories import LOW, Step
from crdtnode.wire import codec
from crdtnode.wire.messages import (
    LEFT_MAX,
    Again,
    Busy,
    Ctx,
    Ping,
    Row,
    Sketch,
    Sync,
    TrieNode,
    Want,
    Wanted,
)

WANT_BYTES = 64
"""What the first WANT takes beside its rows, rather more than less."""

CROSSING = 0.2
"""Seconds within which a question may cross the peer's."""

NEVER = float("-inf")


class Repair:
    """Compares with members, sends what they lack, asks for what we lack."""

    def __init__(
        self,
        registry: Registry,
        typesets: TypeSets,
        settings: Settings,
        metrics: Metrics,
        message_bytes_most: int,
        boot: Callable[[], bytes] = bytes,
    ) -> None:
        self._fingerprints = registry.fingerprints
        self._registry = registry
        self._typesets = typesets
        self._settings = settings
        self._metrics = metrics
        self._boot = boot
        self._room = codec.body_room(settings.datagram_bytes) - WANT_BYTES
        self._asked: dict[bytes, tuple[float, frozenset[int]]] = {}
        self._turns: dict[bytes, int] = {}
        self._strikes = Strikes()
        self._deep = Deep()
        self._parcels = Parcels(registry, metrics, message_bytes_most)
        self._arriving = Arriving()
        self._chunks = Chunks(registry, self._parcels, self._strikes, self._arriving, settings)
        self.spreading = self._chunks.spreading
        """When something moved last in the announcing of a large object, by place."""
        self.queues = self._chunks.queues
        """What is still to be sent to others; mostly nothing."""

    # What probes say

    def recents(self, member: Member, now: float) -> tuple[Row, ...]:
        """What changed here lately, of the types that the member knows."""
        common = self._typesets.common(member)
        if common is None:
            return ()
        since, most = now - self._settings.recents_age, self._settings.recents_count
        return tuple(self._fingerprints.recents(since, most, common))

    def held(self, member: Member, now: float) -> tuple[Row, ...]:
        """What is set aside with this member, with our versions."""
        places = self._strikes.aside(member.boot, now)[:HELD_MOST]
        if not places:  # nearly always
            return ()
        return tuple((place, self._fingerprints.get(place)) for place in places)

    def explains(self, member: Member, ping: Ping) -> int:
        """How many objects that the member has set aside explain that our roots differ; else 0."""
        ours = self._typesets.root(member) if ping.held else None
        if ping.root is None or ours is None or ours == ping.root:
            return 0
        return len(ping.held) if self._apart(ping.held) == ours ^ ping.root else 0

    def _apart(self, rows: Iterable[Row]) -> int:
        """The XOR by which these rows differ from ours."""
        difference = 0
        for place, version in rows:
            difference ^= self._fingerprints.get(place) ^ version
        return difference

    def set_aside(self, member: Member, now: float) -> list[tuple[str, str]]:
        """Type and name of the objects that are set aside with a member."""
        entries = map(self._registry.entry, self._strikes.aside(member.boot, now))
        return [(entry.tag, entry.name) for entry in entries if entry is not None]

    # What the probed one answers

    def on_ping(self, member: Member, ping: Ping, now: float) -> list[Send]:
        """Begin a session where the member's root is not ours."""
        ours = self._typesets.root(member)
        self._strikes.hear(member.boot, (place for place, _ in ping.held))
        if ping.root is None or ours is None:
            return []
        if ping.root == ours:
            self._deep.leave(member.boot)
            return []
        if self._chunks.waits(member.boot, now) or self.explains(member, ping):
            return []  # one is under way, and the next probe looks again; or none would help
        alone = self._strikes.left_alone(member.boot, now)
        differ = [
            (place, mine)
            for place, theirs in ping.recents
            if (mine := self._fingerprints.get(place)) != theirs
            and place not in alone
            and not self._arriving.comes(place, now)
        ]
        wanted = self._wanted(member, differ)
        room = self._room - sum(ROW_BYTES + 5 * len(lows) for _, _, lows in wanted)
        places = {place for place, _ in differ}
        rows = [row for row in self.recents(member, now) if row[0] not in places]
        self._metrics.repairs.add("begun")
        recents = tuple(rows[: max(0, room // ROW_BYTES)])
        want = Want(ours, tuple(wanted), recents, self.held(member, now), LEFT_MAX)
        self._asked[member.boot] = (now + CROSSING, frozenset(places))
        return [to(member, want)]

    def _wanted(self, member: Member, rows: Sequence[Row]) -> list[Wanted]:
        doubtful = [place for place, _ in rows if self._strikes.doubtful(member.boot, place)]
        return self._parcels.wanted(rows, doubtful)

    def on_want(self, member: Member, want: Want, now: float) -> list[Send]:
        """Send what is wanted, ask for what we lack, and look deeper where that is not all."""
        ours, common = self._typesets.root(member), self._typesets.common(member)
        self._strikes.hear(member.boot, (place for place, _ in want.held))
        if ours is None or common is None or not want.left:
            return []
        tasks: list[Task] = []
        theirs = dict(want.held)
        theirs.update(want.recents)
        theirs.update((place, version) for place, version, _ in want.wanted)
        asked = {place: lows for place, _, lows in want.wanted}
        crossed = self._crossed(member, now) if want.left == LEFT_MAX else NOTHING
        for place, version in theirs.items():
            if self._fingerprints.get(place) != version and place not in crossed:
                lows = asked.get(place, ())
                tasks.append(self._chunks.towards(place, version, lows, asked=place in asked))
        if ours ^ want.root == self._apart(theirs.items()):
            return self._go_on(member, tasks, want.left - 1, now)
        if want.left < LEFT_MAX:  # it answers our AGAIN already
            return self._descend(member, tasks, sorted(common), want.left - 1, now)
        if not self._deep.enter(member.boot, now, ours=True):
            return [*self._go_on(member, tasks, want.left - 1, now), to(member, Busy(WAIT_MS))]
        self._metrics.repairs.add("deep")
        return self._again(member, want.root, sorted(common), want.left - 1, now)

    def _crossed(self, member: Member, now: float) -> frozenset[int]:
        """What the member asks for while we ask it for the same: it goes one way and comes back.

        Where both ask at once, only the question of the lower boot id is answered.
        """
        until, places = self._asked.pop(member.boot, (NEVER, NOTHING))
        return places if now < until and self._boot() < member.boot else NOTHING

    # Deeper

    def _again(
        self, member: Member, theirs: int, tags: list[str], left: int, now: float
    ) -> list[Send]:
        """Widen the view, or give everything to whom has nothing."""
        if not theirs:
            return self._go_on(member, [GiveBelow(tag, 0, 0) for tag in tags], left, now)
        rows = self._since_equal(member)
        nodes: tuple[TrieNode, ...] = ()
        if rows is None:
            self._metrics.repairs.add("trie")
            nodes = (descent.type_roots(self._fingerprints, tags),)
        ours = self._typesets.root(member) or 0
        again = Again(ours, tuple(rows or ()), nodes, self.held(member, now), left)
        return [to(member, again, stream=True)]

    def _since_equal(self, member: Member) -> list[Row] | None:
        """All that changed here since the roots were equal; None where that cannot be told."""
        common = self._typesets.common(member)
        if member.equal_at == NEVER:
            return None
        rows = self._fingerprints.recents(member.equal_at, RECENTS_MOST, common)
        return rows if len(rows) < RECENTS_MOST else None

    def on_again(self, member: Member, again: Again, now: float) -> list[Send]:
        """Compare the wide view with ours."""
        ours, common = self._typesets.root(member), self._typesets.common(member)
        self._strikes.hear(member.boot, (place for place, _ in again.held))
        if ours is None or common is None or not again.left:
            return []
        if self._deep.began(member.boot, now) and self._boot() < member.boot:
            return []  # both began at once, and ours goes on
        if not self._deep.enter(member.boot, now, ours=False):
            return [to(member, Busy(WAIT_MS))]
        tags, left = sorted(common), again.left - 1
        if not again.root:
            return self._again(member, 0, tags, left, now)
        if again.nodes:
            return self._go_on(member, self._compared(member, again.nodes, tags), left, now)
        differ = [row for row in again.recents if self._fingerprints.get(row[0]) != row[1]]
        theirs = dict(again.held) | dict(again.recents)
        if self._apart(theirs.items()) == ours ^ again.root:
            return self._go_on(member, [Meet(*row) for row in differ], left, now)
        rows = self._since_equal(member)
        if rows is None:
            return self._descend(member, [Meet(*row) for row in differ], tags, left, now)
        places = {place for place, _ in differ}
        wanted = self._wanted(member, [(p, self._fingerprints.get(p)) for p in places])
        recents = tuple(row for row in rows if row[0] not in places)
        want = Want(ours, tuple(wanted), recents, self.held(member, now), left)
        return [to(member, want, stream=True)]

    def on_busy(self, member: Member) -> None:
        """The member is deep in a session with somebody else."""
        self._deep.leave(member.boot)
        self._metrics.repairs.add("busy")

    def _descend(
        self, member: Member, tasks: Iterable[Task], tags: list[str], left: int, now: float
    ) -> list[Send]:
        self._metrics.repairs.add("trie")
        return self._go_on(member, [*tasks, ShowTypes(tuple(tags))], left, now)

    def _compared(
        self, member: Member, shown: Sequence[TrieNode | Sketch], tags: list[str]
    ) -> Iterator[Task]:
        """What to do about what a member shows of its trie; each descent tells other words."""
        if any(not node.tag for node in shown):
            self._turns[member.boot] = (self._turns.get(member.boot, -1) + 1) % descent.TURNS
        turn = self._turns.get(member.boot, 0)
        for node in shown:
            yield from descent.compare(self._fingerprints, node, tags, turn)

    # Objects

    def on_sync(
        self, member: Member, sync: Sync, repaired: Sequence[Repaired], now: float
    ) -> list[Outcome]:
        """Answer a SYNC whose items are joined already."""
        common = self._typesets.common(member)
        out: list[Outcome] = []
        for one in repaired:
            if one.part:
                self._arriving.expect(one.place, member.boot, now)
            else:
                self._arriving.done(one.place)
        repaired = [one for one in repaired if not one.part]
        for one in repaired:
            out += self._judge(member, one, now)
        if common is None or not sync.left:
            return out
        self._deep.renew(member.boot, now)
        self._chunks.answered(member.boot, now)
        answers = self._answers(member, sync, repaired, sorted(common))
        sends = self._go_on(member, answers, sync.left - 1, now)
        if sync.more and not sends:
            sends = [to(member, Sync((), (), (), sync.left - 1), stream=True)]
        return out + sends

    def _judge(self, member: Member, one: Repaired, now: float) -> list[Outcome]:
        """Give a strike where an answer should have made us equal and did not."""
        if one.refused or (one.of and one.before == one.of and one.after != one.version):
            aside = self._strikes.strike(member.boot, one.place, now)
            self._metrics.repairs.add("strike")
            if aside:
                fields: dict[str, object] = {"member": member.name, "type": one.tag}
                return [Event("set-aside", fields | {"name": one.name, "seconds": aside})]
        elif one.of and one.after == one.version:
            self._strikes.agree(member.boot, one.place)
        return []

    def _answers(
        self, member: Member, sync: Sync, repaired: Sequence[Repaired], tags: list[str]
    ) -> Iterator[Task]:
        for one in repaired:
            if one.version and not (one.of or one.refused) and one.after != one.version:
                yield self._answer(one)
        for place, version, lows in sync.wanted:
            if self._fingerprints.get(place) != version:
                yield self._chunks.towards(place, version, lows, asked=True)
        yield from self._compared(member, (*sync.nodes, *sync.sketches), tags)

    def _answer(self, one: Repaired) -> Give:
        """What the sender of an item lacks, who has what it sent and where that began."""
        entry = self._registry.entry(one.place)
        if entry is not None and entry.life != one.life:
            return Give(one.place, lacking=True, of=one.version)
        lows = tuple(v & LOW for v in (one.base, one.version) if v)
        return Give(
            one.place,
            lows,
            of=one.version,
            after=one.after,
            trail=(*one.trail, Step(one.before, b"")),
            context=one.context,
        )

    def on_ctx(self, member: Member, ctx: Ctx, now: float) -> list[Send]:
        """Send what the member lacks of objects of which it told what it has seen."""
        if self._typesets.common(member) is None or not ctx.left:
            return []
        self._chunks.answered(member.boot, now)
        tasks: list[Task] = []
        for place, life, version, context in ctx.asked:
            mine = self._fingerprints.get(place)
            entry = self._registry.entry(place)
            if not mine or entry is None or entry.life < life:
                tasks.append(Ask(place, mine))
            elif self._boot() < member.boot and self._arriving.comes_from(place, member.boot, now):
                pass  # both asked at once, and ours goes on: what answers it asks us in turn
            elif mine != version:
                same = entry.life == life
                give = Give(place, context=context, mutual=True)
                tasks.append(give if same else Give(place, lacking=True))
        return self._go_on(member, tasks, ctx.left - 1, now)

    def is_deep(self, member: Member, now: float) -> bool:
        """Whether a session that went past the recents is under way with this member."""
        return self._deep.with_(member.boot, now)

    def broke(self, boot: bytes) -> list[int]:
        """The stream to this process broke: the next probe begins anew.

        Gives the places of what was on its way from there.
        """
        self._deep.leave(boot)
        return self._chunks.forget(boot)

    def ask(self, member: Member, place: int, now: float) -> list[Send]:
        """Ask a member for what we lack of an object."""
        return self._go_on(member, [Ask(place, self._fingerprints.get(place))], LEFT_MAX, now)

    def comes(self, place: int, now: float) -> bool:
        """Whether an object is on its way to us."""
        return self._arriving.comes(place, now)

    def forget(self, boot: bytes) -> None:
        """This process is gone."""
        self.broke(boot)
        self._strikes.forget(boot)
        self._asked.pop(boot, None)
        self._turns.pop(boot, None)

    @property
    def busy(self) -> bool:
        """True while something may be sent that is not made yet."""
        return self._chunks.busy

    def work(self, now: float) -> list[Send]:
        """Make the next message of those that may be sent."""
        return self._chunks.work(now)

    def hand(self, member: Member, place: int, pieces: Pieces, now: float) -> list[Send]:
        """Send a large change to a member who asked for it."""
        return self._chunks.add(member, [Rest(place, pieces)], LEFT_MAX - 2, now)

    def _go_on(self, member: Member, tasks: Iterable[Task], left: int, now: float) -> list[Send]:
        sends = self._chunks.add(member, tasks, left, now)
        if self.is_deep(member, now):
            return [replace(send, stream=True) for send in sends]
        return sends
