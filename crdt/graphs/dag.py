"""The monotonic DAG: vertices and edges are added along paths, and stay."""

from __future__ import annotations

from crdt.graphs.graph import V
from crdt.graphs.order import Order


class MonotonicDAG(Order[V]):
    """A directed graph that only grows and never shows a cycle.

    It starts with two sentinels, the class attributes ``START`` and ``END``; everything else comes
    between them. Vertices and edges follow a path that is there, so none of them can close a
    cycle. Only if one vertex is added at two places at once may their edges contradict each other:
    then those that were added later, by their writers' knowledge, do not show.

    Args:
        replica: Taken as every type does; no mutator needs an identity, so none is ever drawn.

    Payload:
        ``{"vertices": [vertex...], "edges": [[from, to, rank]...]}``, each in canonical order,
        without what is empty; the sentinels are written ``["<"]`` and ``[">"]``. The rank of an
        edge is one more than the largest that its writer knew.

    Source:
        Shapiro et al., INRIA RR-7506 (2011), Specification 17; the ranks are ours.

    Example:
        >>> steps = MonotonicDAG()
        >>> _ = steps.add_between(steps.START, "build", steps.END)
        >>> _ = steps.add_between("build", "ship", steps.END)
        >>> steps.add_between("build", "test", "ship").payload
        {'vertices': ['test'], 'edges': [['build', 'test', 3], ['test', 'ship', 3]]}
        >>> steps.successors("build"), steps.before("test", "ship")
        (['ship', 'test'], True)
        >>> steps.add_edge("ship", "build")
        Traceback (most recent call last):
            ...
        ValueError: no path leads from 'ship' to 'build'
    """
