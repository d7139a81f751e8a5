"""The fast path: a change goes down the tree to every member at once, and each acknowledges it.

An idle node flushes a write immediately; a busy one gathers writes for a few milliseconds, so
that the deltas of one object travel as one. What arrives is relayed first, then joined, then
acknowledged, and goes no further than the range for which it came. What a push does not reach,
repair does: nothing here has to succeed.
"""

from collections.abc import Iterable

from crdtnode.config import Settings
from crdtnode.metrics import Metrics
from crdtnode.protocol.announcing import Announcing
from crdtnode.protocol.confirmations import Confirmations
from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.division import Division, Pieces
from crdtnode.protocol.effects import Changed, Event
from crdtnode.protocol.mail import Outcome, Send
from crdtnode.protocol.parcels import PART_BYTES
from crdtnode.protocol.receipts import Receipts
from crdtnode.protocol.shedding import Bucket
from crdtnode.protocol.spreading import Spreading
from crdtnode.registry import Change, Registry
from crdtnode.wire import codec
from crdtnode.wire.messages import Form, Item, Push

BUSY_ITEMS = 32
"""Objects in one flush that double the time for which the next writes gather."""

FLUSHED_BYTES = 65_536
"""What one call hashes of what changed, an object counting as 256 bytes more."""

ROW_BYTES = 64
"""What a row of a large change is taken to keep, while it waits to be pulled."""

PUSH_SECONDS = 75e-6
"""What a push costs its sender, and its receiver, in processor time, with its acknowledgement.
Measured; only the order of magnitude counts."""

SHARE_COUNTS = 2.0
"""The share of its time with pushes, times this, is how far a node goes from the least to the most
time for which writes gather."""

LAG_COUNTS = 4.0
"""By how many times our own lateness writes gather longer: who has no time to spare sends fewer
packets, each of which costs every receiver about as much as the ten changes that it may hold."""

NEVER = float("inf")


class Pushes:
    """Local changes out, remote changes on."""

    def __init__(
        self,
        registry: Registry,
        spreading: Spreading,
        announcing: Announcing,
        receipts: Receipts,
        deliveries: Deliveries,
        confirmations: Confirmations,
        settings: Settings,
        metrics: Metrics,
        message_bytes_most: int,
    ) -> None:
        self._registry = registry
        self._spreading = spreading
        self._announcing = announcing
        self._receipts = receipts
        self._deliveries = deliveries
        self._confirmations = confirmations
        self._settings = settings
        self._metrics = metrics
        self._room = codec.body_room(settings.datagram_bytes) - codec.PUSH_HEAD_BYTES - 5
        self._item_bytes_most = message_bytes_most - codec.PUSH_HEAD_BYTES - 5
        self._flushed = -NEVER
        self._window = settings.flush_window
        self._changes = 0
        self._handled = 0
        self._share = 0.0
        self._lag = 0.0
        self._bucket = Bucket(settings.push_items)

    @property
    def deadline(self) -> float:
        """When the next flush is due: soon after a write, or when what arrived is acknowledged.

        At once where the last one did only a part of what there was to do.
        """
        if not self._registry.dirty:
            return NEVER
        if self._registry.unfinished:
            return 0.0
        due = self._flushed + self._window
        if self._registry.untold or self._receipts.deadline == NEVER:
            return due
        return max(due, self._receipts.deadline)

    def late(self, seconds: float) -> None:
        """A step was taken so much later than it was due: this process is busy, or starved."""
        self._lag += (min(seconds, self._settings.flush_window_most) - self._lag) / 8

    def wake(self, now: float) -> list[Outcome]:
        """Flush, if that is due."""
        return self.flush(now) if self.deadline <= now else []

    def flush(self, now: float) -> list[Outcome]:
        """Push local changes since the last flush to all members: as many as one call may take.

        What is left is due at once.
        """
        changes = self._registry.flush(now, FLUSHED_BYTES)
        self._changes += len(changes)
        if not self._registry.unfinished:
            self._gather(now)
        out: list[Outcome] = [Changed(c.type, c.name, c.delta, None) for c in changes]
        packed: list[tuple[Change, bytes]] = []
        for change in changes:
            item = _item(change)
            body = b"" if change.large else codec.pack_item(item)
            parts = None if 0 < len(body) <= PART_BYTES else change.parts(PART_BYTES)
            if parts is not None:
                size = len(body) or change.rows * ROW_BYTES
                out += self._announce(change, Pieces(item, Division(parts)), size, now)
            elif len(body) <= self._item_bytes_most:
                packed.append((change, body))
            else:
                self._confirmations.untold(change.type)
                fields: dict[str, object] = {"type": change.type, "name": change.name}
                out.append(Event("too-large-to-send", fields | {"bytes": len(body)}))
        for told, batch in _batches(packed, self._room):
            sends = self._push(told, batch, now)
            self._handled += len(sends)
            out += sends
        return out

    def flush_all(self, now: float) -> list[Outcome]:
        """Push every local change until now, however much that is."""
        out = self.flush(now)
        while self._registry.unfinished:
            out += self.flush(now)
        return out

    def _announce(self, change: Change, pieces: Pieces, size: int, now: float) -> list[Send]:
        """Announce a change that goes in pieces to whoever pulls it."""
        id_ = self._deliveries.new_id()
        out = self._announcing.begin(id_, change.hn, change.version, pieces, size, now)
        self._confirmations.sent(id_, (change.type,))
        return out

    def _gather(self, now: float) -> None:
        """See how long the next writes are to gather, now that so many objects are flushed."""
        least, most = self._settings.flush_window, self._settings.flush_window_most
        share = min(1.0, self._handled * PUSH_SECONDS / max(now - self._flushed, least))
        self._share += (share - self._share) / 4
        changes, self._changes = self._changes, 0
        self._handled, self._flushed = 0, now
        busy = (most - least) * SHARE_COUNTS * self._share + LAG_COUNTS * self._lag
        self._window = min(most, least * (1 + changes / BUSY_ITEMS) + busy)

    def _push(self, changes: list[Change], batch: codec.Batch, now: float) -> list[Send]:
        tags = frozenset(change.type for change in changes)
        if not self._bucket.take(batch.count, now):
            self._metrics.dropped.add("push shed", batch.count)
            for tag in tags:
                self._confirmations.untold(tag)
            return []
        id_ = self._deliveries.new_id()
        items = batch.encoded()
        if self._large(items):
            (change,) = changes
            out = self._announcing.begin(id_, change.hn, change.version, items, len(items), now)
        else:
            out = self._spreading.begin(Push(id_, 0, 0, (), items), now)
        self._confirmations.sent(id_, tags)
        return out

    def _large(self, items: bytes) -> bool:
        return len(items) > self._room + 5

    def relay(self, push: Push, now: float) -> list[Send]:
        """Hand on what arrived, within its range; what is large only when it is joined."""
        self._handled += 1
        if self._large(push.items_bytes):
            return []
        if not self._bucket.take(max(1, len(push.items)), now):
            self._metrics.dropped.add("push shed", len(push.items))
            return []
        return self._spreading.relay(push, now)

    def joined(self, push: Push, now: float) -> list[Send]:
        """What arrived is joined."""
        return self._announcing.relay(push, now) if self._large(push.items_bytes) else []


def _batches(
    packed: Iterable[tuple[Change, bytes]], room: int
) -> list[tuple[list[Change], codec.Batch]]:
    """Cut changes into lists, each of which fits a datagram if one can."""
    batches: list[tuple[list[Change], codec.Batch]] = []
    for change, item in packed:
        if not batches or batches[-1][1].size_with(item) > room:
            batches.append(([], codec.Batch()))
        changes, batch = batches[-1]
        changes.append(change)
        batch.add(item)
    return batches


def _item(change: Change) -> Item:
    return Item(
        tag=change.type,
        name=change.name,
        life=change.life,
        base=change.before,
        form=Form.STATE if change.delta is None else Form.DELTAS,
        payloads=() if change.delta is None else (change.payload,),
        version=change.version,
    )
