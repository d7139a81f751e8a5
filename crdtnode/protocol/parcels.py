"""How one object travels: as deltas since a version that both had, as what a context lacks, or whole.

If a version that the peer names stands in our history, both passed through that very state, and the
deltas since then suffice. Else a large state whose type can tell what it has seen is asked for by
its context (CTX), and answered by ``delta_since`` with the answerer's context aboard, so that what
comes back is a delta, too. Only types without contexts travel whole.

Source: Almeida, Shoker, Baquero, "Delta state replicated data types" (2018), section 6; the anchor
is the merge base of version control.
"""

from collections.abc import Sequence
from weakref import WeakValueDictionary

from crdtnode.metrics import Metrics
from crdtnode.protocol.descent import Give
from crdtnode.protocol.division import Division, Pieces
from crdtnode.registry import Registry
from crdtnode.registry.histories import LOW
from crdtnode.wire import codec
from crdtnode.wire.messages import Asked, Ctx, Form, Item, Wanted

SMALL_BYTES = 2048
"""States up to this size travel whole rather than cost another round trip."""

MARGIN_BYTES = 128
"""What a message takes beside its only item."""

PART_BYTES = 32_768
"""Larger states travel in parts of this size, so that nobody is busy with one for long."""

CONTEXT_BYTES_MOST = 65_536
"""Longest context that is told; a map of very many children has one for each of them."""

LOWS_MOST = 16
"""Low halves of versions that are named for one object."""

NO_BYTES = b""
"""Of what is no item."""

LOWS_IN_ALL = 160
"""About so many low halves are shared among the objects asked for in one message."""


class Parcels:
    """Makes items, and asks for them."""

    def __init__(self, registry: Registry, metrics: Metrics, message_bytes_most: int) -> None:
        self._registry = registry
        self._metrics = metrics
        self._divisions: WeakValueDictionary[tuple[int, int], Division] = WeakValueDictionary()
        self._item_bytes_most = message_bytes_most - MARGIN_BYTES

    def wanted(self, rows: Sequence[tuple[int, int]], whole: Sequence[int] = ()) -> list[Wanted]:
        """Ask for objects, of which we have these versions; for some of them whole."""
        share = LOWS_IN_ALL // max(1, len(rows))
        most = min(LOWS_MOST, max(1, share))
        versions = self._registry.histories.versions
        return [
            (
                place,
                version,
                () if place in whole else tuple(v & LOW for v in versions(place)[:most]),
            )
            for place, version in rows
        ]

    def parcel(
        self, give: Give, now: float, *, whole: bool
    ) -> tuple[Item | Asked | Pieces | None, bytes]:
        """The item that carries an object, with its bytes; or the question to ask first.

        In pieces where it is large, which are made while they are taken. None where we have
        nothing of it, where no message can carry it, or where it is large and its version is not
        known yet.
        """
        version = self._registry.refresh(give.place, now, at_once=False)
        entry = self._registry.entry(give.place)
        if entry is None or not version or entry.stale:
            return None, NO_BYTES
        item = Item(
            entry.tag,
            entry.name,
            entry.life,
            0,
            Form.STATE,
            (),
            version if give.claim else 0,
            give.of,
        )
        delta = None if whole or give.lacking else self._delta(item, give)
        if isinstance(delta, Pieces):
            if delta.item(1) is not None:
                return delta, NO_BYTES
            delta = delta.item(0)
        if delta is not None:
            # What a history tells is never divided: it is no more than a history holds, and the
            # answer to it is told from the same version.
            return self.packed(delta)
        ask = entry.alive and entry.kind.contextual and not (whole or give.lacking)
        if ask and self._registry.crowded(give.place):
            asked = self._asked(item, give.place)
            if asked is not None:
                return asked, NO_BYTES
            ask = False
        division = self._division(give.place, version)
        if division is not None:
            asked = self._asked(item, give.place) if ask else None
            return asked or Pieces(item, division), NO_BYTES
        state = self._registry.state(give.place)
        if state is None:
            return None, NO_BYTES
        found, packed = self.packed(item._replace(payloads=state[3]))
        asked = self._asked(item, give.place) if ask and len(packed) > SMALL_BYTES else None
        return (found, packed) if asked is None else (asked, NO_BYTES)

    def small(self, place: int) -> tuple[Item, bytes] | None:
        """The whole of a small object, for somebody who has nothing of it; it claims no version.

        This is what fills a new node. None where `parcel` has to look closer.
        """
        entry = self._registry.entry(place)
        if (
            entry is None
            or entry.stale
            or entry.most_bytes > PART_BYTES
            or entry.kind.foreign
            or not entry.alive
            or (state := self._registry.state(place)) is None
        ):
            return None
        tag, name, life, payloads = state
        item = Item(tag, name, life, 0, Form.STATE, payloads, 0)
        packed = codec.pack_item(item, small=True)
        return (item, packed) if len(packed) <= self._item_bytes_most else None

    def _division(self, place: int, version: int) -> Division | None:
        """The state in parts, the same ones for all who get this version of it at a time."""
        division = self._divisions.get((place, version))
        if division is None:
            parts = self._registry.parts(place, PART_BYTES)
            if parts is None:
                return None
            division = self._divisions[place, version] = Division(parts)
        return division

    def _delta(self, item: Item, give: Give) -> Item | Pieces | None:
        """What the peer lacks, as far as that can be told; None where it cannot."""
        trail = give.trail if give.of and item.version == give.after else None
        since = self._registry.histories.since(give.place, give.lows, trail)
        if since is not None:
            base, payloads = since
            return item._replace(base=base, form=Form.DELTAS, payloads=payloads)
        if give.context is None:
            return None
        parts = self._registry.parts_since(give.place, give.context, PART_BYTES)
        if parts is None:
            return None
        context = self._registry.context(give.place) if give.mutual else None
        return Pieces(item._replace(form=Form.DELTAS, context=context), Division(parts))

    def _asked(self, item: Item, place: int) -> Asked | None:
        """Ask for an object by its context; None where that is too long to be worth it."""
        asked = Asked(place, item.life, item.version, self._registry.context(place))
        size = len(codec.encode(Ctx((asked,), 0)))
        return asked if size <= CONTEXT_BYTES_MOST else None

    def packed(self, item: Item) -> tuple[Item | None, bytes]:
        """An item and its bytes; None where no message can carry it."""
        try:
            packed = codec.pack_item(item)
        except ValueError:  # a hand-written type's
            self._metrics.dropped.add("not encodable")
            return None, NO_BYTES
        if len(packed) > self._item_bytes_most:
            self._metrics.dropped.add("too large to send")
            return None, NO_BYTES
        return item, packed
