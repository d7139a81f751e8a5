"""The add-remove partial order: a monotonic DAG whose vertices can be removed."""

from __future__ import annotations

from typing import ClassVar, Self

from crdt.graphs.graph import V
from crdt.graphs.order import Order, Sentinel
from crdt.graphs.phases import Phases


class AddRemovePartialOrder(Order[V]):
    """A partial order whose vertices are added between others, and removed for ever.

    It starts with two sentinels, the class attributes ``START`` and ``END``, which stay. A removed
    vertex no longer shows, nor do its edges; what came before it still comes `before` what came
    after it.

    Args:
        replica: Taken as every type does; no mutator needs an identity, so none is ever drawn.

    Payload:
        ``{"vertices": [vertex...], "removed": [vertex...], "edges": [[from, to, rank]...]}``, each
        in canonical order, without what is empty; ``vertices`` leaves out what was removed. The
        sentinels are written ``["<"]`` and ``[">"]``. The rank of an edge is one more than the
        largest that its writer knew.

    Source:
        Shapiro et al., INRIA RR-7506 (2011), Specification 18; the ranks are ours.

    Example:
        >>> lines = AddRemovePartialOrder()
        >>> _ = lines.add_between(lines.START, "one", lines.END)
        >>> _ = lines.add_between("one", "two", lines.END)
        >>> _ = lines.add_between("two", "three", lines.END)
        >>> lines.remove_vertex("two").payload
        {'removed': ['two']}
        >>> "two" in lines, lines.has_edge("one", "three"), lines.before("one", "three")
        (False, False, True)
    """

    _parts: ClassVar[tuple[str, ...]] = ("vertices", "removed", "edges")

    def remove_vertex(self, vertex: V) -> Self:
        """Remove a vertex, for ever, and return the delta to gossip; the order of others stays.

        Raises:
            KeyError: It is not there; nothing has changed.
            ValueError: It is one of the sentinels; nothing has changed.
        """
        key = self._visible(vertex)
        if type(key) is Sentinel:
            raise ValueError(f"{vertex!r} is a sentinel, which stays")
        delta = self._blank()
        delta._vertices = Phases(gone=[key])
        return self._publish(delta)
