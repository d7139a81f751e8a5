"""The truth behind the pushes: whatever differs between two nodes that can talk is repaired.

*Theory of operation.* A probe carries the root and what changed lately. Where the roots differ,
the receiver answers WANT: the recent objects that it has otherwise, and its own recents. If these
explain the difference of the roots (the XOR of the versions on both sides is the XOR of the
roots), SYNC brings them and it is over. Else the tries are walked down (`descent`). An object that
both sides changed is sent by one, joined by the other, and answered once with what the first one
lacked: an answer to an answer is never answered.

A session has no state but the queue of what is still to be sent. Each message carries ``left``,
one less than the one that it answers; at 0 nobody answers, so that two nodes that can never agree
(a type whose merge does not converge) cost a bounded number of messages per probe.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import assert_never

from crdtnode.config import Settings
from crdtnode.metrics import Metrics
from crdtnode.protocol import descent
from crdtnode.protocol.descent import Ask, Give, GiveBelow, Show, Task
from crdtnode.protocol.mail import Send, to
from crdtnode.protocol.members import Member
from crdtnode.protocol.typesets import TypeSets
from crdtnode.registry import Registry
from crdtnode.wire import codec
from crdtnode.wire.messages import LEFT_MAX, Form, Item, Ping, Row, Sync, TrieNode, Want, Wanted

GIVEN_AT_ONCE = 256
"""Objects below a prefix that are taken into the queue at a time."""

TASKS_MOST = 32_768
"""Tasks that may wait for one peer; further ones wait for the next session."""

NODES_MOST = 128
"""Trie nodes in one message."""

WANTED_MOST = 1024
"""Objects asked for in one message."""

NODE_BYTES = 160
"""What a trie node with 16 sums takes, rather more than less."""

ROW_BYTES = 19
"""What a place and a version take, rather more than less."""

MARGIN_BYTES = 128
"""What a message takes beside its only item."""


@dataclass(slots=True)
class _Session:
    tasks: deque[Task] = field(default_factory=deque)
    left: int = 0


class Repair:
    """Compares with members, sends what they lack, asks for what we lack."""

    def __init__(
        self,
        registry: Registry,
        typesets: TypeSets,
        settings: Settings,
        metrics: Metrics,
        message_bytes_most: int,
    ) -> None:
        self._registry = registry
        self._fingerprints = registry.fingerprints
        self._typesets = typesets
        self._settings = settings
        self._metrics = metrics
        self._item_bytes_most = message_bytes_most - MARGIN_BYTES
        self._sessions: dict[bytes, _Session] = {}

    def recents(self, member: Member, now: float) -> tuple[Row, ...]:
        """What changed here lately, of the types that the member knows."""
        common = self._typesets.common(member)
        if common is None:
            return ()
        since, most = now - self._settings.recents_age, self._settings.recents_count
        return tuple(self._fingerprints.recents(since, most, common))

    def on_ping(self, member: Member, ping: Ping, now: float) -> list[Send]:
        """Begin a session where the member's root is not ours."""
        ours = self._typesets.root(member)
        if ping.root is None or ours is None or ping.root == ours:
            return []
        if member.boot in self._sessions:
            return []  # one is under way; the next probe looks again
        versions = (
            (place, self._fingerprints.get(place), theirs) for place, theirs in ping.recents
        )
        wanted = tuple((place, mine, ()) for place, mine, theirs in versions if mine != theirs)
        self._metrics.repairs.add("begun")
        return [to(member, Want(ours, wanted, self.recents(member, now), (), LEFT_MAX))]

    def on_want(self, member: Member, want: Want, now: float) -> list[Send]:
        """Send what is wanted, ask for what we lack, and descend where that is not all."""
        ours, common = self._typesets.root(member), self._typesets.common(member)
        if ours is None or common is None or not want.left:
            return []
        tasks: list[Task] = []
        theirs = dict(want.recents)
        theirs.update({place: version for place, version, _ in want.wanted})
        asked = frozenset(place for place, _, _ in want.wanted)
        explained = 0
        for place, version in theirs.items():
            mine = self._fingerprints.get(place)
            explained ^= mine ^ version
            if mine != version:
                tasks.append(Give(place) if mine and place in asked else Ask(place, mine))
        nodes: tuple[TrieNode, ...] = ()
        if ours ^ want.root != explained:
            self._metrics.repairs.add("trie")
            nodes = (descent.type_roots(self._fingerprints, sorted(common)),)
        return self._go_on(member, tasks, want.left - 1, now, nodes)

    def on_sync(self, member: Member, sync: Sync, now: float) -> list[Send]:
        """Answer a SYNC whose items are joined already."""
        common = self._typesets.common(member)
        if common is None or not sync.left:
            return []
        return self._go_on(member, self._answers(sync, sorted(common), now), sync.left - 1, now)

    def _answers(self, sync: Sync, tags: list[str], now: float) -> Iterator[Task]:
        for item in sync.items:
            place = self._fingerprints.place(item.tag, item.name)
            if not item.of and self._registry.refresh(place, now) != item.version:
                yield Give(place, item.version)
        for place, version, _ in sync.wanted:
            if self._fingerprints.get(place) != version:
                yield Give(place)
        for node in sync.nodes:
            yield from descent.compare(self._fingerprints, node, tags)

    def drained(self, member: Member, now: float) -> list[Send]:
        """The stream to this member has room again: send the next chunk."""
        session = self._sessions.get(member.boot)
        return [] if session is None else self._next(member, session, now)

    def forget(self, boot: bytes) -> None:
        """The stream to this process broke, or it is gone: the next probe begins anew."""
        self._sessions.pop(boot, None)

    # Chunks

    def _go_on(
        self,
        member: Member,
        tasks: Iterable[Task],
        left: int,
        now: float,
        nodes: tuple[TrieNode, ...] = (),
    ) -> list[Send]:
        session = self._sessions.setdefault(member.boot, _Session())
        under_way = bool(session.tasks)
        session.tasks.extend(islice(tasks, TASKS_MOST - len(session.tasks)))
        if under_way:
            session.left = max(left, session.left)
            return []  # the stream is busy; the new tasks go with its next chunks
        session.left = left
        return self._next(member, session, now, nodes)

    def _next(
        self, member: Member, session: _Session, now: float, nodes: tuple[TrieNode, ...] = ()
    ) -> list[Send]:
        sync = self._chunk(session, now, nodes)
        more = bool(session.tasks)
        if not more:
            del self._sessions[member.boot]
        if not (sync.items or sync.wanted or sync.nodes):
            return []
        return [to(member, sync, stream=more)]  # only a stream tells when it can take more

    def _chunk(self, session: _Session, now: float, nodes: tuple[TrieNode, ...]) -> Sync:
        """One message's worth of the tasks; a datagram where all of them fit one."""
        items: list[Item] = []
        wanted: list[Wanted] = []
        shown = list(nodes)
        size = 0
        while session.tasks and size < self._settings.chunk_bytes:
            if len(shown) >= NODES_MOST or len(wanted) >= WANTED_MOST:
                break
            task = session.tasks.popleft()
            match task:
                case Give(place, of):
                    item, item_bytes = self._item(place, of, now)
                    if item is None:
                        continue
                    if size and size + item_bytes > self._settings.chunk_bytes:
                        session.tasks.appendleft(task)  # a large one travels alone
                        break
                    items.append(item)
                    size += item_bytes
                case GiveBelow():
                    self._expand(session, task)
                case Ask(place, version):
                    wanted.append((place, version, ()))
                    size += ROW_BYTES
                case Show():
                    node = descent.shown(self._fingerprints, task)
                    shown.append(node)
                    size += max(NODE_BYTES, ROW_BYTES * len(node.leaves))
                case _:
                    assert_never(task)
        return Sync(tuple(items), tuple(wanted), tuple(shown), session.left)

    def _expand(self, session: _Session, task: GiveBelow) -> None:
        """Put the next objects below a prefix before the other tasks."""
        places = self._fingerprints.subtree(
            task.tag, task.depth, task.prefix, task.start, GIVEN_AT_ONCE
        )
        if len(places) == GIVEN_AT_ONCE:
            rest = GiveBelow(task.tag, task.depth, task.prefix, task.but, places[-1] + 1)
            session.tasks.appendleft(rest)
        session.tasks.extendleft(Give(p) for p in reversed(places) if p not in task.but)

    def _item(self, place: int, of: int, now: float) -> tuple[Item | None, int]:
        """One object's state as an item, and its bytes; None where there is nothing to send."""
        version = self._registry.refresh(place, now)
        state = self._registry.state(place)
        if state is None:
            return None, 0
        tag, name, life, payloads = state
        item = Item(
            tag=tag,
            name=name,
            life=life,
            base=0,
            form=Form.STATE,
            payloads=payloads,
            version=version,
            of=of,
        )
        item_bytes = codec.pack_size(item)
        if item_bytes > self._item_bytes_most:
            self._metrics.dropped.add("too large to send")
            return None, 0
        return item, item_bytes
