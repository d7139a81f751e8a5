"""Joins what arrives into the registry, and says what that changed.

An item is joined or dropped as a whole; whatever is wrong with one is counted and concerns no
other.
"""

from crdt import PayloadError
from crdtnode.errors import InvalidName, UnknownType
from crdtnode.metrics import Metrics
from crdtnode.protocol.effects import Changed
from crdtnode.registry import Registry
from crdtnode.wire.messages import Item


class Joins:
    """The one way by which remote state gets into the registry."""

    def __init__(self, registry: Registry, metrics: Metrics) -> None:
        self._registry = registry
        self._metrics = metrics

    def take(self, item: Item, source: str, now: float) -> list[Changed]:
        """Join one item that came from the member ``source``."""
        try:
            absorbed = self._registry.absorb(item.tag, item.name, item.life, item.payloads, now)
        except UnknownType:
            self._metrics.dropped.add("unknown type")
            return []
        except (PayloadError, InvalidName):
            self._metrics.dropped.add("payload")
            return []
        grew = "changed" if absorbed.changed else "unchanged"
        self._metrics.joins.add(f"{item.tag}/{grew}")
        if not absorbed.changed or absorbed.delta is None:
            return []
        return [Changed(item.tag, item.name, absorbed.delta, source)]
