"""Joins what arrives into the registry, and says what that changed.

An item is joined or dropped as a whole; whatever is wrong with one is counted and concerns no
other.
"""

from typing import NamedTuple

from crdt import PayloadError, StateCRDT
from crdtnode.errors import InvalidName, UnknownType
from crdtnode.metrics import Metrics
from crdtnode.protocol.effects import Changed, Event
from crdtnode.registry import Registry
from crdtnode.registry.histories import Trail
from crdtnode.registry.lives import FIRST
from crdtnode.wire.messages import Form, Item

SHOWN_BYTES = 65_536
"""What an object held is shown up to this size when somebody else removes it."""


class Joined(NamedTuple):
    """What became of an item."""

    kept: bool
    """True where all that it holds is here now."""
    news: tuple[Changed | Event, ...]
    """What that changed."""


REFUSED = Joined(False, ())
UNCHANGED = Joined(True, ())


class Repaired(NamedTuple):
    """What became of one item of a repair."""

    place: int
    tag: str
    name: str
    life: int
    """The sender's."""
    of: int
    """The version of ours that it answered, 0 for none."""
    base: int
    """The version that its deltas lead from, 0 for none."""
    version: int
    """What our version should be now, had we nothing that the sender lacks; 0 if it does not say."""
    before: int
    """Our version before."""
    trail: Trail
    """What had led to our version before."""
    after: int
    """Our version now."""
    context: object
    """What the sender has seen of it, None where it does not tell."""
    part: bool
    """More of it follows: nothing is claimed yet."""
    refused: bool
    """It was no state of its type, so that nothing was joined."""
    item: Item
    """What came."""


class Joins:
    """The one way by which remote state gets into the registry."""

    def __init__(self, registry: Registry, metrics: Metrics) -> None:
        self._registry = registry
        self._metrics = metrics
        self._parted: set[int] = set()
        """Places of objects of which a part came last: of large ones, which are never many."""

    def repair(self, item: Item, source: str, now: float) -> tuple[Joined, Repaired | None]:
        """Join one item of a repair, and see what version that leads to.

        The versions are computed right before and right after, and what had led there is kept, so
        that an answer can tell what the sender lacks without what it sent.
        """
        if item.form == Form.STATE and item.life == FIRST:
            admitted = self._admitted(item, source, now)
            if admitted is not None:
                return admitted
        place = self._registry.fingerprints.place(item.tag, item.name)
        before = self._registry.refresh(place, now, at_once=False)
        trail = self._registry.histories.trail(place)
        joined = self.take(item, source, now)
        if item.form == Form.PART:
            self._parted.add(place)
            self._registry.parted(place, more=True)
        elif place in self._parted:
            self._parted.remove(place)
            self._registry.parted(place, more=False)
        if item.tag not in self._registry.types:
            return joined, None
        # What is since an anchor that we have is little to hash, however large the object is:
        # without the version that it leads to, no answer could be told from that anchor.
        after = self._registry.refresh(place, now, at_once=bool(item.base and trail))
        return joined, _repaired(item, place, before, trail, after, refused=not joined.kept)

    def _admitted(
        self, item: Item, source: str, now: float
    ) -> tuple[Joined, Repaired | None] | None:
        """Take in an object that is not here, as most of what a new node gets; else None.

        Where nobody wants to know what became of it, nothing is said of that.
        """
        try:
            admitted = self._registry.admit(item.tag, item.name, item.payloads, now)
        except (UnknownType, PayloadError, InvalidName):
            return None  # the longer way counts what is wrong
        if admitted is None or not admitted[1]:
            return None
        delta, version = admitted
        self._metrics.joins.add(f"{item.tag}/changed")
        joined = Joined(True, (Changed(item.tag, item.name, delta, source),))
        if not (item.version or item.of):
            return joined, None
        place = self._registry.fingerprints.place(item.tag, item.name)
        return joined, _repaired(item, place, 0, (), version, refused=False)

    def take(self, item: Item, source: str, now: float) -> Joined:
        """Join one item that came from the member ``source``."""
        try:
            absorbed = self._registry.absorb(item.tag, item.name, item.life, item.payloads, now)
        except UnknownType:
            self._metrics.dropped.add("unknown type")
            return REFUSED
        except (PayloadError, InvalidName):
            self._metrics.dropped.add("payload")
            return REFUSED
        grew = "changed" if absorbed.changed else "unchanged"
        self._metrics.joins.add(f"{item.tag}/{grew}")
        if not absorbed.changed:
            return UNCHANGED
        changed = Changed(item.tag, item.name, absorbed.delta, source)
        if absorbed.lost is None:
            return Joined(True, (changed,))
        return Joined(True, (changed, _removed(changed, absorbed.lost)))


def _removed(changed: Changed, lost: StateCRDT) -> Event:
    """Say that what was written here is gone, and what it was where that is short enough."""
    fields: dict[str, object] = {"type": changed.type, "name": changed.name, "by": changed.source}
    size = len(lost.canonical())
    what: dict[str, object] = (
        {"payload": lost.payload} if size <= SHOWN_BYTES else {"payload_bytes": size}
    )
    return Event("removed", fields | what)


def _repaired(
    item: Item, place: int, before: int, trail: Trail, after: int, *, refused: bool
) -> Repaired:
    return Repaired(
        place=place,
        tag=item.tag,
        name=item.name,
        life=item.life,
        of=item.of,
        base=item.base,
        version=item.version,
        before=before,
        trail=trail,
        after=after,
        context=item.context,
        part=item.form == Form.PART,
        refused=refused,
        item=item,
    )
