"""The 2P2P graph: vertices and edges are added once and removed for ever."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from crdt.atoms import Key, identify
from crdt.errors import PayloadError
from crdt.graphs.arrows import Arrows, Edge
from crdt.graphs.graph import Graph, V, edge_texts
from crdt.graphs.phases import Phases
from crdt.payloads import decode_keys, encode_keys, expect_fields, expect_list
from crdt.rows import Hash, Row
from crdt.tagged import decode, encode


class TwoPTwoPGraph(Graph[V]):
    """A directed graph whose vertices and edges are added once and removed for ever.

    An edge shows only while both its vertices do: one that was added while elsewhere a vertex of
    it was removed is not seen, and one whose vertex has not arrived waits unseen.

    Args:
        replica: Taken as every type does; no mutator needs an identity, so none is ever drawn.

    Payload:
        ``{"vertices": [vertex...], "removed_vertices": [vertex...], "edges": [[from, to]...],
        "removed_edges": [[from, to]...]}``, each in canonical order, without what is empty; what
        was removed is left out of ``vertices`` and ``edges``.

    Source:
        Shapiro et al., INRIA RR-7506 (2011), Specification 16.

    Example:
        >>> links = TwoPTwoPGraph()
        >>> for page in ("home", "about", "old"):
        ...     _ = links.add_vertex(page)
        >>> links.add_edge("home", "about").payload
        {'edges': [['home', 'about']]}
        >>> _ = links.remove_vertex("old")
        >>> links.successors("home"), "old" in links
        (['about'], False)
        >>> links.remove_vertex("about")
        Traceback (most recent call last):
            ...
        ValueError: 'about' still has edges; remove them first
    """

    _fields = ("_vertices", "_edges")
    _resettable = True
    _vertices: Phases
    _edges: Phases
    _cached: Arrows | None = None  # the live edges from both ends, once asked for

    def add_vertex(self, vertex: V) -> Self:
        """Add a vertex and return the delta to gossip, empty if it was there.

        Raises:
            TypeError: It is of a type that cannot be an element; the message names a conversion.
            ValueError: It was removed; or NaN, an infinity, or nested too deep. Nothing changed.
        """
        key = identify(vertex)
        if key in self._vertices.gone:
            raise ValueError(f"{vertex!r} was removed; a two-phase graph never takes it back")
        return self._apply(vertices=Phases([] if key in self._vertices.live else [key]))

    def remove_vertex(self, vertex: V) -> Self:
        """Remove a vertex that has no edges, for ever, and return the delta to gossip.

        Raises:
            KeyError: It is not there; nothing has changed.
            ValueError: An edge starts or ends at it; nothing has changed.
        """
        key = self._visible(vertex)
        arrows = self._arrows()
        if any(self._has(end) for ends in (arrows.ahead(key), arrows.behind(key)) for end in ends):
            raise ValueError(f"{vertex!r} still has edges; remove them first")
        return self._apply(vertices=Phases(gone=[key]))

    def add_edge(self, start: V, end: V) -> Self:
        """Add an edge between two vertices and return the delta to gossip, empty if it was there.

        Raises:
            KeyError: One of the vertices is not there; nothing has changed.
            ValueError: The edge was removed; nothing has changed.
        """
        edge = self._visible(start), self._visible(end)
        if edge in self._edges.gone:
            raise ValueError(
                f"the edge {start!r} -> {end!r} was removed; a two-phase graph never takes it back"
            )
        return self._apply(edges=Phases([] if edge in self._edges.live else [edge]))

    def remove_edge(self, start: V, end: V) -> Self:
        """Remove an edge, for ever, and return the delta to gossip.

        Raises:
            KeyError: It is not there; nothing has changed.
        """
        if not self.has_edge(start, end):
            raise KeyError((start, end))
        return self._apply(edges=Phases(gone=[(self._find(start), self._find(end))]))

    def _apply(self, vertices: Phases | None = None, edges: Phases | None = None) -> Self:
        delta = self._blank()
        delta._vertices = vertices or Phases()
        delta._edges = edges or Phases()
        return delta if delta.initial else self._publish(delta)

    def _supersedes(self, before: Self) -> bool:
        return bool(self._vertices.gone or self._edges.gone)  # what a delta adds was nowhere here

    def compare(self, other: Self) -> bool:
        """Tell whether all that was added or removed here was so in ``other`` too."""
        other = self._same_type(other)
        return self._vertices.covered_by(other._vertices) and self._edges.covered_by(other._edges)

    def _shown(self) -> Mapping[Key, None]:
        return self._vertices.live

    def has_edge(self, start: object, end: object) -> bool:
        """Tell whether an edge from ``start`` to ``end`` shows."""
        edge = self._find(start), self._find(end)
        return edge in self._edges.live and self._has(edge[0]) and self._has(edge[1])

    def _arrows(self) -> Arrows:
        if self._cached is None:
            self._cached = Arrows(self._edges.live)
        return self._cached

    def _empty(self) -> None:
        self._vertices = Phases()
        self._edges = Phases()

    @property
    def initial(self) -> bool:
        """Whether nothing was ever added or removed."""
        return not self._vertices and not self._edges

    def _copied(self) -> Self:
        new = self._blank()
        new._vertices = self._vertices.copy()
        new._edges = self._edges.copy()
        return new

    def _take_over(self, source: Self) -> None:
        super()._take_over(source)
        self._cached = None

    def _join(self, other: Self) -> bool:
        if self._print is not None:
            self._vertices.tell(self._print, "vertices", other._vertices)
            self._edges.tell(self._print, "edges", other._edges)
        vertices = self._vertices.join(other._vertices)
        seen = self._edges.live
        gone_live = [edge for edge in other._edges.gone if edge in seen]
        new, gone = self._edges.join(other._edges)
        if self._cached is not None:
            for edge in gone_live:
                self._cached.drop(edge)
            for edge in new:
                self._cached.add(edge)
        return any((*vertices, new, gone))

    def _bulk(self) -> int:
        return len(self._vertices) + len(self._edges)

    def _hashed_rows(self, hash: Hash) -> Iterator[tuple[Row, int]]:
        yield from self._vertices.rows("vertices")
        yield from self._edges.rows("edges")

    def _encode(self) -> dict[str, Any]:
        parts = {
            "vertices": encode_keys(self._vertices.live),
            "removed_vertices": encode_keys(self._vertices.gone),
            "edges": _encode_edges(self._edges.live),
            "removed_edges": _encode_edges(self._edges.gone),
        }
        return {name: part for name, part in parts.items() if part}

    def _decode(self, payload: Any) -> None:
        names = ("vertices", "removed_vertices", "edges", "removed_edges")
        fields = expect_fields(payload, "payload", names)
        keys: dict[str, dict[Key, None]] = {}
        for name, part in fields.items():
            place = f"payload[{name!r}]"
            keys[name] = (_decode_edges if name.endswith("edges") else decode_keys)(part, place)
            if not keys[name]:
                raise PayloadError("what is empty is left out", place)
        self._vertices = Phases(*_two_phases(keys, "vertices"))
        self._edges = Phases(*_two_phases(keys, "edges"))

    def _size(self) -> tuple[int, int]:
        elements = len(self._vertices.live) + len(self._shown_edges())
        return elements, len(self._vertices) + len(self._edges) - elements


def _two_phases(
    keys: Mapping[str, dict[Key, None]], name: str
) -> tuple[dict[Key, None], dict[Key, None]]:
    live, gone = keys.get(name, {}), keys.get(f"removed_{name}", {})
    if not live.keys().isdisjoint(gone):
        raise PayloadError("what was removed is left out", f"payload[{name!r}]")
    return live, gone


def _encode_edges(edges: Iterable[Edge]) -> list[Any]:
    return [[encode(start), encode(end)] for start, end in sorted(edges, key=edge_texts)]


def _decode_edges(payload: Any, place: str) -> dict[Edge, None]:
    edges: dict[Edge, None] = {}
    before = ("", "")
    for i, item in enumerate(expect_list(payload, place)):
        here = f"{place}[{i}]"
        start, end = expect_list(item, here, 2)
        edge = decode(start, f"{here}[0]"), decode(end, f"{here}[1]")
        texts = edge_texts(edge)
        if texts <= before:
            raise PayloadError("edges stand in canonical order, each once", here)
        before = texts
        edges[edge] = None
    return edges
