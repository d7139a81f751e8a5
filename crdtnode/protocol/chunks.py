"""What is still to be sent to each peer, and the next message's worth of it.

A peer's queue is all the state that a repair has. What does not fit one message goes in chunks, a few
of them ahead of the peer, which answers each when it has joined it; so nothing piles up at either
end. Objects below a prefix are taken into the queue a few at a time, in order of place, so that a
fill that was cut off goes on where it stopped.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import assert_never

from crdtnode.config import Settings
from crdtnode.protocol import descent
from crdtnode.protocol.arriving import Arriving
from crdtnode.protocol.descent import Ask, Give, GiveBelow, Meet, Show, ShowTypes, Task
from crdtnode.protocol.mail import Send, to
from crdtnode.protocol.members import Member
from crdtnode.protocol.parcels import Parcels
from crdtnode.protocol.strikes import Strikes
from crdtnode.registry import Registry
from crdtnode.registry.histories import LOW
from crdtnode.wire.messages import Asked, Ctx, Item, Row, Sync, TrieNode

GIVEN_AT_ONCE = 256
"""Objects below a prefix that are taken into the queue at a time."""

TASKS_MOST = 32_768
"""Tasks that may wait for one peer; further ones wait for the next session."""

NODES_MOST = 128
"""Trie nodes in one message."""

WANTED_MOST = 1024
"""Objects asked for in one message."""

AHEAD_MOST = 8
"""Chunks on their way that the peer has not answered yet."""

AT_ONCE = 2
"""Chunks that are made in one call, lest it takes long: each answer lets two more go, up to those."""

STALLED = 10.0
"""Seconds without an answer after which a queue is given up: the next probe begins anew."""

NODE_BYTES = 160
"""What a trie node with 16 sums takes, rather more than less."""

ROW_BYTES = 19
"""What a place and a version take, rather more than less."""


@dataclass(slots=True)
class Rest:
    """What is still to be sent of one large object."""

    place: int
    items: Iterator[Item]
    next: Item | None = None
    """Taken already, and found no room in the last chunk."""


@dataclass(slots=True)
class Queue:
    """What is still to be sent to one peer."""

    tasks: deque[Task | Rest] = field(default_factory=deque)
    left: int = 0
    ahead: int = 0
    """Chunks that are to be answered before the next ones."""
    moved: float = 0.0
    """When the last chunk was sent or answered."""


@dataclass(slots=True)
class _Chunk:
    """One message's worth of the tasks."""

    nodes: list[TrieNode] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    size: int = 0

    @property
    def full(self) -> bool:
        return len(self.nodes) >= NODES_MOST or len(self.rows) >= WANTED_MOST


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
        self._queues: dict[bytes, Queue] = {}

    def waits(self, boot: bytes, now: float) -> bool:
        """True while something waits to be sent to this process."""
        queue = self._queues.get(boot)
        if queue is not None and now - queue.moved > STALLED:
            self.forget(boot)
        return boot in self._queues

    def forget(self, boot: bytes) -> None:
        """The stream to this process broke, or it is gone: the next probe begins anew."""
        self._queues.pop(boot, None)
        self._arriving.forget(boot)

    def answered(self, boot: bytes, now: float) -> None:
        """The peer has joined a chunk."""
        queue = self._queues.get(boot)
        if queue is not None:
            queue.ahead = max(0, queue.ahead - 1)
            queue.moved = now

    def add(self, member: Member, tasks: Iterable[Task], left: int, now: float) -> list[Send]:
        """Put tasks behind those that wait, and give the messages that may be sent now."""
        under_way = self.waits(member.boot, now)
        queue = self._queues.setdefault(member.boot, Queue(moved=now))
        queue.tasks.extend(islice(tasks, TASKS_MOST - len(queue.tasks)))
        queue.left = max(left, queue.left) if under_way else left
        sends: list[Send] = []
        for _ in range(AT_ONCE):
            if not queue.tasks or queue.ahead >= AHEAD_MOST:
                break
            chunk = self._chunk(member, queue, now)
            more = bool(queue.tasks)
            queue.ahead += more
            queue.moved = now
            sends += [
                to(member, m, stream=more) for m in self._messages(member, queue, chunk, more)
            ]
        if not queue.tasks:
            del self._queues[member.boot]
        return sends

    def _messages(
        self, member: Member, queue: Queue, chunk: _Chunk, more: bool
    ) -> Iterator[Sync | Ctx]:
        if chunk.asked:
            yield Ctx(tuple(chunk.asked), queue.left)
        if more or chunk.items or chunk.rows or chunk.nodes:
            doubtful = [p for p, _ in chunk.rows if self._strikes.doubtful(member.boot, p)]
            wanted = self._parcels.wanted(chunk.rows, doubtful)
            items, nodes = tuple(chunk.items), tuple(chunk.nodes)
            yield Sync(items, tuple(wanted), nodes, queue.left, more)

    def _chunk(self, member: Member, queue: Queue, now: float) -> _Chunk:
        alone = self._strikes.left_alone(member.boot, now)
        chunk = _Chunk()
        while queue.tasks and chunk.size < self._settings.chunk_bytes and not chunk.full:
            task = queue.tasks.popleft()
            match task:
                case GiveBelow():
                    self._expand(queue, task)
                case ShowTypes(tags):
                    chunk.nodes.append(descent.type_roots(self._fingerprints, tags))
                    chunk.size += NODE_BYTES
                case Show():
                    node = descent.shown(self._fingerprints, task)
                    chunk.nodes.append(node)
                    chunk.size += max(NODE_BYTES, ROW_BYTES * len(node.leaves))
                case _ if task.place in alone:
                    pass
                case Ask() | Meet() | Give(lacking=True, of=0) if self._arriving.comes(
                    task.place, now
                ):
                    pass
                case Meet():
                    queue.tasks.appendleft(self.towards(task.place, task.version))
                case Ask(place, version):
                    chunk.rows.append((place, version))
                    chunk.size += ROW_BYTES
                case Rest():
                    if self._next_part(chunk, task):
                        queue.tasks.appendleft(task)
                    if task.next is not None:
                        break
                case Give():
                    rest = self._give(member, chunk, task, now)
                    if rest is not None:
                        queue.tasks.appendleft(rest)
                    if rest is task:
                        break  # it does not fit what is left of this chunk
                case _:
                    assert_never(task)
        return chunk

    def _next_part(self, chunk: _Chunk, rest: Rest) -> bool:
        """Put the next part of a large object into a chunk; False where that was all."""
        item = rest.next or next(rest.items, None)
        if item is None:
            return False
        found, size = self._parcels.sized(item)
        full = bool(chunk.size) and chunk.size + size > self._settings.chunk_bytes
        rest.next = found if full else None
        if found is not None and not full:
            chunk.items.append(found)
            chunk.size += size
        return True

    def _give(self, member: Member, chunk: _Chunk, give: Give, now: float) -> Give | Rest | None:
        """Put an object into a chunk; what is still to do where it does not fit."""
        whole = self._strikes.doubtful(member.boot, give.place)
        parcel, size = self._parcels.parcel(give, now, whole=whole)
        if chunk.size and chunk.size + size > self._settings.chunk_bytes:
            return give
        match parcel:
            case None:
                return None
            case Item():
                chunk.items.append(parcel)
            case Asked() if self._arriving.comes(parcel.place, now):
                return None
            case Asked():
                self._arriving.expect(parcel.place, member.boot, now)
                chunk.asked.append(parcel)
            case _:
                return Rest(give.place, parcel)
        chunk.size += size
        return None

    def _expand(self, queue: Queue, task: GiveBelow) -> None:
        """Put the next objects below a prefix before the other tasks."""
        places = self._fingerprints.subtree(
            task.tag, task.depth, task.prefix, task.start, GIVEN_AT_ONCE
        )
        if len(places) == GIVEN_AT_ONCE:
            rest = GiveBelow(task.tag, task.depth, task.prefix, task.but, places[-1] + 1)
            queue.tasks.appendleft(rest)
        given = (Give(p, lacking=True, claim=False) for p in reversed(places) if p not in task.but)
        queue.tasks.extendleft(given)

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
