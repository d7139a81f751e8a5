"""The fast path: a change goes to every member at once, and each acknowledges it.

An idle node flushes a write immediately; a busy one gathers writes for a few milliseconds, so
that the deltas of one object travel as one. What a push does not reach, repair does: nothing here
has to succeed.
"""

from collections import OrderedDict

from crdtnode.config import Settings
from crdtnode.protocol.confirmations import Confirmations
from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.effects import Changed
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
    ) -> None:
        self._registry = registry
        self._members = members
        self._deliveries = deliveries
        self._confirmations = confirmations
        self._settings = settings
        self._room = codec.body_room(settings.datagram_bytes) - codec.PUSH_HEAD_BYTES - 5
        self._flushed = float("-inf")
        self._window = settings.flush_window
        self._seen: OrderedDict[tuple[bytes, int], None] = OrderedDict()
        self._acks: dict[bytes, list[int]] = {}
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
        for batch in self._batches(changes):
            out += self._mail(batch, now)
        return out

    def _batches(self, changes: list[Change]) -> list[bytes]:
        """Cut changes into lists of items, encoded, each of which fits a datagram if one can."""
        batches: list[bytes] = []
        batch: list[Item] = []
        size = 0
        for change in changes:
            item = Item(
                tag=change.type,
                name=change.name,
                life=1,
                base=change.before,
                form=Form.DELTAS,
                payloads=(change.delta.payload,),
                version=change.version,
            )
            item_size = codec.pack_size(item)
            if batch and size + item_size > self._room:
                batches.append(codec.encode_items(batch))
                batch, size = [], 0
            batch.append(item)
            size += item_size
        if batch:
            batches.append(codec.encode_items(batch))
        return batches

    def _mail(self, items: bytes, now: float) -> list[Outcome]:
        id_ = self._deliveries.new_id()
        push = Push(id_, 0, 0, (), items)
        out: list[Outcome] = []
        receivers = self._members.talking()
        for member in receivers:
            out += self._deliveries.send(member, id_, push, now)
        self._confirmations.sent(id_, len(receivers))
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
        self._acks.setdefault(sender.boot, []).append(id_)
        self._acks_due = min(self._acks_due, now + self._settings.ack_delay)

    def _send_acks(self) -> list[Outcome]:
        out: list[Outcome] = []
        for boot, ids in self._acks.items():
            member = self._members.booted(boot)
            if member is None:
                continue
            bundles = (ids[at : at + ACKS_MOST] for at in range(0, len(ids), ACKS_MOST))
            out += [to(member, Ack(tuple(bundle), stored=False)) for bundle in bundles]
        self._acks.clear()
        self._acks_due = float("inf")
        return out
