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
from crdtnode.wire.messages import Item

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


class Joins:
    """The one way by which remote state gets into the registry."""

    def __init__(self, registry: Registry, metrics: Metrics) -> None:
        self._registry = registry
        self._metrics = metrics

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
