"""What is still to be sent to each peer, and the next message's worth of it.

A peer's queue is all the state that a repair has. What does not fit one message goes in chunks, a few
of them ahead of the peer, which answers each when it has joined it; so nothing piles up at either
end. One call makes one chunk; while more may go, `busy` says so, and `work` makes the next. Objects below a prefix are taken into the queue a few at a time, in order of place, so that a
fill that was cut off goes on where it stopped.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import field
from itertools import islice
from typing import assert_never

from crdtnode.config import Settings
from crdtnode.protocol import descent
from crdtnode.protocol.arriving import Arriving
from crdtnode.protocol.descent import (
    Ask,
    Differ,
    Give,
    GiveBelow,
    Meet,
    Show,
    ShowRows,
    ShowTypes,
    Task,
)
from crdtnode.protocol.division import Pieces
from crdtnode.protocol.mail import Send, to
from crdtnode.protocol.members import Member
from crdtnode.protocol.parcels import SMALL_BYTES, Parcels
from crdtnode.protocol.strikes import Strikes
from crdtnode.registry import Registry
from crdtnode.registry.histories import LOW
from crdtnode.values import struct
from crdtnode.wire.codec import Batch
from crdtnode.wire.messages import Asked, Ctx, Form, Item, Row, Sketch, Sync, TrieNode

GIVEN_AT_ONCE = 256
"""Objects below a prefix that are taken into the queue at a time."""

TASKS_MOST = 32_768
"""Tasks that may wait for one peer; further ones wait for the next session."""

NODES_MOST = 96
"""Trie nodes, and sketches, in one message: comparing as many takes some milliseconds."""

WANTED_MOST = 1024
"""Objects asked for in one message."""

AHEAD_MOST = 32
"""Chunks on their way that the peer has not answered yet: what a link of 100 ms needs to carry as much
as a peer can join. More would only wait there."""

UNASKED = 4
"""So many chunks begin a queue of which no answer is asked, unless they hold pieces of a large object:
most sessions are shorter."""

PIECES_AHEAD_MOST = 8
"""The same where a piece of a large object is next, which may go to many peers at once."""

STALLED = 10.0
"""Seconds without an answer after which a queue is given up: the next probe begins anew."""

SPREADING = 2.0
"""Seconds for which a large object that is announced, or of which a piece was taken, is not given
otherwise: who serves everybody at once serves nobody soon."""

NEVER = float("-inf")

NODE_BYTES = 32
"""What a trie node, or a sketch of one, takes beside its numbers, rather more than less."""

WORD_BYTES = 3
"""What a word of a sketch takes."""

ROW_BYTES = 19
"""What a place and a version take, rather more than less."""


@struct
class Rest:
    """What is still to be sent of one large object."""

    place: int
    pieces: Pieces
    at: int = 0
    """The next piece."""


@struct
class Queue:
    """What is still to be sent to one peer."""

    member: Member
    tasks: deque[Task | Rest] = field(default_factory=deque)
    left: int = 0
    unasked: int = UNASKED
    """Chunks that may go without asking for an answer."""
    ahead: int = 0
    """Chunks that are to be answered before the next ones."""
    moved: float = 0.0
    """When the last chunk was sent or answered."""
    going: set[int] = field(default_factory=set)
    """Places of large objects that are on their way."""
    stream: bool = False
    """Something went by stream: what follows must not overtake it."""

    @property
    def ready(self) -> bool:
        """Whether the next chunk may go."""
        if not self.tasks:
            return False
        most = PIECES_AHEAD_MOST if isinstance(self.tasks[0], Rest) else AHEAD_MOST
        return self.ahead < most


@struct
class _Chunk:
    """One message's worth of the tasks."""

    nodes: list[TrieNode] = field(default_factory=list)
    sketches: list[Sketch] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    batch: Batch = field(default_factory=Batch)
    """The items, encoded."""
    asked: list[Asked] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    size: int = 0
    pieces: bool = False
    """There are some of a large object."""

    def add(self, item: Item, packed: bytes) -> None:
        """Put an item in."""
        self.items.append(item)
        self.batch.add(packed)
        self.size += len(packed)

    @property
    def full(self) -> bool:
        shown = len(self.nodes) + len(self.sketches)
        return shown >= NODES_MOST or len(self.rows) >= WANTED_MOST


class Chunks:
    """The queues of all peers, by boot id."""

    def __init__(
        self,
        registry: Registry,
        parcels: Parcels,
        strikes: Strikes,
        arriving: Arriving,
        settings: Settings,
    ) -> None:
        self._registry = registry
        self._fingerprints = registry.fingerprints
        self._parcels = parcels
        self._strikes = strikes
        self._arriving = arriving
        self._settings = settings
        self.spreading: dict[int, float] = {}
        """When something moved last in the announcing of a large object, by place."""
        self.queues: dict[bytes, Queue] = {}
        """What is still to be sent, by boot id."""

    def waits(self, boot: bytes, now: float) -> bool:
        """True while something waits to be sent to this process."""
        queue = self.queues.get(boot)
        if queue is not None and now - queue.moved > STALLED:
            self.forget(boot)
        return boot in self.queues

    def forget(self, boot: bytes) -> list[int]:
        """The stream to this process broke, or it is gone: the next probe begins anew.

        Gives what was on its way from there.
        """
        self.queues.pop(boot, None)
        return self._arriving.forget(boot)

    def answered(self, boot: bytes, now: float) -> None:
        """The peer has joined a chunk."""
        queue = self.queues.get(boot)
        if queue is not None:
            queue.ahead = max(0, queue.ahead - 1)
            queue.moved = now

    @property
    def busy(self) -> bool:
        """True while a chunk may go to somebody."""
        return any(queue.ready for queue in self.queues.values())

    def work(self, now: float) -> list[Send]:
        """Make the next chunk for one of those to whom one may go; each has its turn."""
        for boot, queue in self.queues.items():
            if queue.ready:
                self.queues[boot] = self.queues.pop(boot)
                return self._next(queue, now)
        return []

    def add(
        self, member: Member, tasks: Iterable[Task | Rest], left: int, now: float
    ) -> list[Send]:
        """Put tasks behind those that wait, and give the messages that may be sent now."""
        under_way = self.waits(member.boot, now)
        queue = self.queues.setdefault(member.boot, Queue(member, moved=now))
        queue.tasks.extend(islice(tasks, TASKS_MOST - len(queue.tasks)))
        queue.left = max(left, queue.left) if under_way else left
        if queue.ready or not queue.tasks:
            return self._next(queue, now)
        return []

    def _next(self, queue: Queue, now: float) -> list[Send]:
        """Make a chunk; the queue is over with the last one."""
        member = queue.member
        chunk = self._chunk(member, queue, now) if queue.tasks else _Chunk()
        more = bool(queue.tasks)
        if more:
            queue.moved = now
            queue.stream = True
        else:
            del self.queues[member.boot]
        asks = more and (chunk.pieces or not queue.unasked)
        queue.ahead += asks
        queue.unasked -= more and not asks
        messages = self._messages(member, queue, chunk, asks)
        return [to(member, message, stream=queue.stream) for message in messages]

    def _messages(
        self, member: Member, queue: Queue, chunk: _Chunk, more: bool
    ) -> Iterator[Sync | Ctx]:
        if chunk.asked:
            yield Ctx(tuple(chunk.asked), queue.left)
        if more or chunk.items or chunk.rows or chunk.nodes or chunk.sketches:
            doubtful = [p for p, _ in chunk.rows if self._strikes.doubtful(member.boot, p)]
            wanted = self._parcels.wanted(chunk.rows, doubtful)
            yield Sync(
                tuple(chunk.items),
                tuple(wanted),
                tuple(chunk.nodes),
                queue.left,
                more,
                tuple(chunk.sketches),
                chunk.batch.encoded(),
            )

    def _chunk(self, member: Member, queue: Queue, now: float) -> _Chunk:
        alone = self._strikes.left_alone(member.boot, now)
        chunk, gone = _Chunk(), set[int]()
        while queue.tasks and chunk.size < self._settings.chunk_bytes and not chunk.full:
            task = queue.tasks.popleft()
            match task:
                case GiveBelow():
                    if self._give_below(chunk, queue, task, alone, now):
                        break
                case ShowTypes(tags):
                    chunk.nodes.append(descent.type_roots(self._fingerprints, tags))
                    chunk.size += NODE_BYTES
                case Show():
                    for sketch in descent.sketches(self._fingerprints, task):
                        chunk.sketches.append(sketch)
                        chunk.size += NODE_BYTES + WORD_BYTES * len(sketch.words)
                case ShowRows():
                    node = descent.listed(self._fingerprints, task)
                    chunk.nodes.append(node)
                    chunk.size += NODE_BYTES + ROW_BYTES * len(node.leaves)
                case _ if task.place in alone:
                    pass
                case Ask() | Meet() | Differ() | Give(of=0, context=None) if self._arriving.comes(
                    task.place, now
                ):
                    pass
                case Give(of=0, context=None) if task.place in queue.going or self._spreads(
                    task.place, now
                ):
                    pass
                case Meet():
                    queue.tasks.appendleft(self.towards(task.place, task.version))
                case Differ():
                    queue.tasks.appendleft(self._towards_word(task))
                case Ask(place, version):
                    chunk.rows.append((place, version))
                    chunk.size += ROW_BYTES
                case Rest():
                    queue.going.add(task.place)
                    chunk.pieces = True
                    if self._next_part(chunk, task):
                        queue.tasks.appendleft(task)
                        break  # one piece is enough for a message
                    gone.add(task.place)
                case Give():
                    rest = self._give(member, chunk, task, now)
                    if rest is not None:
                        queue.tasks.appendleft(rest)
                    if rest is task:
                        break  # it does not fit what is left of this chunk
                case _:
                    assert_never(task)
        queue.going -= gone
        return chunk

    def _spreads(self, place: int, now: float) -> bool:
        """Whether an object is being announced: all hear of it there, a few at a time."""
        return now - self.spreading.get(place, NEVER) < SPREADING

    def _next_part(self, chunk: _Chunk, rest: Rest) -> bool:
        """Put the next piece of a large object into a chunk; False where that was all."""
        item = rest.pieces.item(rest.at)
        if item is None:
            return False
        found, packed = self._parcels.packed(item)
        if chunk.size and chunk.size + len(packed) > self._settings.chunk_bytes:
            return True
        rest.at += 1
        if found is not None:
            chunk.add(found, packed)
        return item.form == Form.PART

    def _give(self, member: Member, chunk: _Chunk, give: Give, now: float) -> Give | Rest | None:
        """Put an object into a chunk; what is still to do where it does not fit."""
        whole = self._strikes.doubtful(member.boot, give.place)
        parcel, packed = self._parcels.parcel(give, now, whole=whole)
        if chunk.size and chunk.size + len(packed) > self._settings.chunk_bytes:
            return give
        match parcel:
            case None:
                return None
            case Item():
                chunk.add(parcel, packed)
                return None
            case Asked() if self._arriving.comes(parcel.place, now):
                return None
            case Asked():
                self._arriving.expect(parcel.place, member.boot, now)
                chunk.asked.append(parcel)
            case Pieces():
                return Rest(give.place, parcel)
            case _:
                assert_never(parcel)
        chunk.size += SMALL_BYTES
        return None

    def _give_below(
        self, chunk: _Chunk, queue: Queue, task: GiveBelow, alone: Collection[int], now: float
    ) -> bool:
        """Put the next objects below a prefix into a chunk; what is left comes before other tasks.

        An object that needs a closer look is a task of its own. True where the chunk is full.
        """
        places = self._fingerprints.subtree(
            task.tag, task.depth, task.prefix, task.start, GIVEN_AT_ONCE
        )
        start, close, full = task.start, None, False
        special = {*alone, *queue.going, *self._arriving.coming(now), *self.spreading}
        for place in places:
            if place not in task.but:
                small = None if place in special else self._parcels.small(place)
                if small is None:
                    start, close = place + 1, Give(place, lacking=True, claim=False)
                    break
                full = chunk.size > 0 and chunk.size + len(small[1]) > self._settings.chunk_bytes
                if full:
                    break
                chunk.add(*small)
            start = place + 1
        else:
            if len(places) < GIVEN_AT_ONCE:
                return False  # that was all
        queue.tasks.appendleft(task._replace(start=start))
        if close is not None:
            queue.tasks.appendleft(close)
        return full

    def _towards_word(self, differ: Differ) -> Give | Ask:
        """The same as `towards`, where but a word of the peer's version is known."""
        place = differ.place
        had = descent.with_word(self._registry.histories.versions(place), differ)
        return Give(place, (had & LOW,)) if had else Ask(place, self._fingerprints.get(place))

    def towards(
        self, place: int, version: int, lows: tuple[int, ...] = (), *, asked: bool = False
    ) -> Give | Ask:
        """What brings two unlike versions of an object together for the fewest bytes.

        Args:
            place: The object's.
            version: The peer's version, 0 where it lacks the object.
            lows: Low halves of versions that it had.
            asked: It wants ours; else it only told its own.
        """
        if not version:
            return Give(place, lacking=True)
        mine = self._fingerprints.get(place)
        had = (version & LOW, *lows)
        if any(v & LOW in had for v in self._registry.histories.versions(place)):
            return Give(place, had)
        if not mine or not asked or mine & LOW in lows:
            return Ask(place, mine)  # the peer is ahead, or has the history to tell
        return Give(place, had)
