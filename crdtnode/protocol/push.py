"""The fast path: a change goes to every member at once, and each acknowledges it.

An idle node flushes a write immediately; a busy one gathers writes for a few milliseconds, so
that the deltas of one object travel as one. What a push does not reach, repair does: nothing here
has to succeed.
"""

from collections import OrderedDict

from crdtnode.config import Settings
from crdtnode.protocol.confirmations import Confirmations
from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.effects import Changed, Event
from crdtnode.protocol.mail import Outcome, to
from crdtnode.protocol.members import Member, Members
from crdtnode.registry import Change, Registry
from crdtnode.wire import codec
from crdtnode.wire.messages import Ack, Form, Item, Push

SEEN_MOST = 8192
"""Pushes remembered to recognise a repetition."""

ACKS_MOST = 64
"""Acknowledgements that travel in one message."""

BUSY_ITEMS = 32
"""Objects in one flush that double the time for which the next writes gather."""


class Pushes:
    """Local changes out, remote changes acknowledged."""

    def __init__(
        self,
        registry: Registry,
        members: Members,
        deliveries: Deliveries,
        confirmations: Confirmations,
        settings: Settings,
        message_bytes_most: int,
    ) -> None:
        self._registry = registry
        self._members = members
        self._deliveries = deliveries
        self._confirmations = confirmations
        self._settings = settings
        self._room = codec.body_room(settings.datagram_bytes) - codec.PUSH_HEAD_BYTES - 5
        self._item_bytes_most = message_bytes_most - codec.PUSH_HEAD_BYTES - 5
        self._flushed = float("-inf")
        self._window = settings.flush_window
        self._seen: OrderedDict[tuple[bytes, int], None] = OrderedDict()
        self._acks: dict[Member, list[int]] = {}
        self._acks_due = float("inf")

    @property
    def deadline(self) -> float:
        """When the next flush or the next bundle of acknowledgements is due."""
        flush_at = self._flushed + self._window if self._registry.dirty else float("inf")
        return min(flush_at, self._acks_due)

    def wake(self, now: float) -> list[Outcome]:
        """Flush what is due."""
        out: list[Outcome] = []
        if self._registry.dirty and self._flushed + self._window <= now:
            out += self.flush(now)
        if self._acks_due <= now:
            out += self._send_acks()
        return out

    def flush(self, now: float) -> list[Outcome]:
        """Push every local change since the last flush to all members."""
        changes = self._registry.flush(now)
        self._flushed = now
        gathers = self._settings.flush_window * (1 + len(changes) / BUSY_ITEMS)
        self._window = min(self._settings.flush_window_most, gathers)
        out: list[Outcome] = [Changed(c.type, c.name, c.delta, None) for c in changes]
        items = [_item(change) for change in changes]
        sized = [(item, codec.pack_size(item)) for item in items]
        for item, item_bytes in sized:
            if item_bytes > self._item_bytes_most:
                self._confirmations.untold()
                fields: dict[str, object] = {"type": item.tag, "name": item.name}
                out.append(Event("too-large-to-send", fields | {"bytes": item_bytes}))
        sendable = [(item, size) for item, size in sized if size <= self._item_bytes_most]
        for batch in self._batches(sendable):
            out += self._mail(batch, now)
        return out

    def _batches(self, sized: list[tuple[Item, int]]) -> list[bytes]:
        """Cut items into lists, encoded, each of which fits a datagram if one can."""
        batches: list[list[Item]] = []
        room = 0
        for item, size in sized:
            if size > room:
                batches.append([])
                room = self._room
            batches[-1].append(item)
            room -= size
        return [codec.encode_items(batch) for batch in batches]

    def _mail(self, items: bytes, now: float) -> list[Outcome]:
        id_ = self._deliveries.new_id()
        push = Push(id_, 0, 0, (), items)
        large = len(items) > self._room + 5
        out: list[Outcome] = []
        for member in self._members.talking():
            out += self._deliveries.send(member, id_, push, now, large=large)
        self._confirmations.sent(id_)
        return out

    # What comes in

    def is_new(self, sender: Member, push: Push, now: float) -> bool:
        """True the first time; a repetition is acknowledged again and not joined again."""
        if (sender.boot, push.id) in self._seen:
            self.acknowledge(sender, push.id, now)
            return False
        return True

    def acknowledge(self, sender: Member, id_: int, now: float) -> None:
        """Tell the sender, within a moment, that its push is joined here."""
        self._seen[sender.boot, id_] = None
        if len(self._seen) > SEEN_MOST:
            self._seen.popitem(last=False)
        self._acks.setdefault(sender, []).append(id_)
        self._acks_due = min(self._acks_due, now + self._settings.ack_delay)

    def _send_acks(self) -> list[Outcome]:
        out: list[Outcome] = []
        for member, ids in self._acks.items():
            bundles = (ids[at : at + ACKS_MOST] for at in range(0, len(ids), ACKS_MOST))
            out += [to(member, Ack(tuple(bundle), stored=False)) for bundle in bundles]
        self._acks.clear()
        self._acks_due = float("inf")
        return out


def _item(change: Change) -> Item:
    return Item(
        tag=change.type,
        name=change.name,
        life=change.life,
        base=change.before,
        form=Form.STATE if change.delta is None else Form.DELTAS,
        payloads=() if change.delta is None else (change.delta.payload,),
        version=change.version,
    )
