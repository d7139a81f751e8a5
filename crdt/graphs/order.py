"""Vertices in a growing order: edges are added along paths that are there, so no cycle shows.

Theory of operation. Between two sentinels, `Sentinel.START` before everything and `Sentinel.END`
after it, `add_between` and `add_edge` follow an existing path. That alone keeps a cycle away as
long as every vertex is added once. If two replicas add the same vertex at different places, though,
their edges together may go round. Therefore each edge has a *rank*, one more than the largest rank
that its writer had seen, and edges take effect by (rank, canonical order); one that would close a
cycle is void. So what was there before stands, and every replica with the same edges leaves out
the same ones. An edge that was added twice has the smaller rank.

Source: Shapiro et al., INRIA RR-7506 (2011), Specifications 17 and 18, which assume that nobody
adds a vertex twice; void edges after the moves of Kleppmann et al., "A highly-available move
operation for replicated trees" (IEEE TPDS 2021).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, ClassVar, Self

from crdt.atoms import Key, identify, lookup
from crdt.errors import PayloadError
from crdt.graphs.arrows import Arrows, Edge
from crdt.graphs.graph import Graph, V
from crdt.graphs.phases import Phases
from crdt.payloads import decode_keys, encode_keys, expect_fields, expect_list
from crdt.rows import Hash, Row
from crdt.tagged import canonical_text, decode, decode_int, encode, encode_int

Ranks = dict[Edge, int]

_PATCH_UP_TO = 64
"""New edges up to which the edges in effect are patched instead of found anew."""


class Sentinel(Enum):
    """The two vertices that every order starts with, which are no elements.

    Payloads write them as ``["<"]`` and ``[">"]``.
    """

    START = "<"
    END = ">"

    def __repr__(self) -> str:
        return str(self)


class Order(Graph[V]):
    """What `MonotonicDAG` and `AddRemovePartialOrder` share."""

    START: ClassVar = Sentinel.START
    END: ClassVar = Sentinel.END

    _fields = ("_vertices", "_ranks", "_top")
    _resettable = True
    _parts: ClassVar[tuple[str, ...]] = ("vertices", "edges")
    _vertices: Phases
    _ranks: Ranks
    _top: int  # the largest rank ever seen
    _cached: Arrows | None = None  # the edges in effect, once asked for

    # --- reading -------------------------------------------------------------------------------

    def before(self, start: object, end: object) -> bool:
        """Tell whether a path leads from ``start`` to ``end``, also through removed vertices."""
        return self._is_before(self._find(start), self._find(end))

    def has_edge(self, start: object, end: object) -> bool:
        """Tell whether an edge from ``start`` to ``end`` shows, or joins or leaves a sentinel."""
        if start is Sentinel.START and end is Sentinel.END:
            return True
        return super().has_edge(start, end)

    def _is_before(self, start: Key, end: Key) -> bool:
        if not self._knows(start) or not self._knows(end) or start == end:
            return False
        if start is Sentinel.START or end is Sentinel.END:
            return True
        return self._arrows().reaches(start, end)

    def _knows(self, key: Key) -> bool:
        """Tell whether a vertex is a sentinel, or was ever added."""
        return type(key) is Sentinel or key in self._vertices

    def _shown(self) -> Mapping[Key, None]:
        return self._vertices.live

    def _has(self, key: Key) -> bool:
        return type(key) is Sentinel or key in self._vertices.live

    def _find(self, vertex: object) -> Key:
        return vertex if type(vertex) is Sentinel else lookup(vertex)

    def _arrows(self) -> Arrows:
        if self._cached is None:
            known = [edge for edge in self._ranks if self._has_both(edge)]
            self._cached = _in_effect(known, self._ranks)
        return self._cached

    def _has_both(self, edge: Edge) -> bool:
        return self._knows(edge[0]) and self._knows(edge[1])

    # --- changing ------------------------------------------------------------------------------

    def add_between(self, start: V | Sentinel, vertex: V, end: V | Sentinel) -> Self:
        """Add a vertex after ``start`` and before ``end``, and return the delta to gossip.

        Args:
            start: A vertex that is there, or ``START``.
            vertex: A new one.
            end: A vertex that is there, or ``END``.

        Raises:
            KeyError: ``start`` or ``end`` is not there; nothing has changed.
            TypeError: ``vertex`` is of a type that cannot be an element.
            ValueError: ``vertex`` was added before; or no path leads from ``start`` to ``end``;
                or ``vertex`` is NaN, an infinity, or nested too deep. Nothing has changed.
        """
        low, high = self._visible(start), self._visible(end)
        key = vertex if type(vertex) is Sentinel else identify(vertex)
        if self._knows(key):
            raise ValueError(f"{vertex!r} was added before; a vertex is added once")
        self._check_before(low, high)
        return self._apply([key], [(low, key), (key, high)])

    def add_edge(self, start: V | Sentinel, end: V | Sentinel) -> Self:
        """Add an edge where a path leads already, and return the delta to gossip.

        The delta is empty if the edge was there.

        Raises:
            KeyError: ``start`` or ``end`` is not there; nothing has changed.
            ValueError: No path leads from ``start`` to ``end``; nothing has changed.
        """
        edge = self._visible(start), self._visible(end)
        self._check_before(*edge)
        if edge in self._ranks or edge == (Sentinel.START, Sentinel.END):
            return self._blank()
        return self._apply([], [edge])

    def _check_before(self, start: Key, end: Key) -> None:
        if not self._is_before(start, end):
            raise ValueError(f"no path leads from {start!r} to {end!r}")

    def _apply(self, vertices: list[Key], edges: list[Edge]) -> Self:
        delta = self._blank()
        delta._vertices = Phases(vertices)
        delta._top = self._top + 1
        delta._ranks = dict.fromkeys(edges, delta._top)
        return self._publish(delta)

    # --- the lattice ---------------------------------------------------------------------------

    def compare(self, other: Self) -> bool:
        """Tell whether every vertex, removal and edge here is in ``other`` too."""
        other = self._same_type(other)
        return self._vertices.covered_by(other._vertices) and all(
            edge in other._ranks and other._ranks[edge] <= rank
            for edge, rank in self._ranks.items()
        )

    def _join(self, other: Self) -> bool:
        if self._print is not None:
            self._vertices.tell(self._print, "vertices", other._vertices)
        grown = self._vertices.join(other._vertices)
        lower = {
            edge: rank
            for edge, rank in other._ranks.items()
            if edge not in self._ranks or rank < self._ranks[edge]
        }
        new = [edge for edge in lower if edge not in self._ranks]
        if self._print is not None:
            for edge, rank in lower.items():
                before = self._ranks.get(edge)
                self._print.swap(None if before is None else _row(edge, before), _row(edge, rank))
        whole = self._cached is not None and len(self._cached) == len(self._ranks)
        self._ranks.update(lower)
        self._top = max(self._top, other._top)
        if any((*grown, lower)) and not (whole and self._patch(new)):
            self._cached = None
        return any((*grown, lower))

    def _patch(self, new: list[Edge]) -> bool:
        """Add to the edges in effect, which were all there are, if none of ``new`` is void."""
        arrows = self._arrows()
        if len(new) > _PATCH_UP_TO:
            return False
        for edge in new:
            if not self._has_both(edge) or not _is_safe(arrows, edge):
                return False
            arrows.add(edge)
        return True

    # --- what the base asks for ----------------------------------------------------------------

    def _empty(self) -> None:
        self._vertices = Phases()
        self._ranks = {}
        self._top = 0

    @property
    def initial(self) -> bool:
        """Whether there is nothing but the sentinels."""
        return not self._vertices and not self._ranks

    def _copied(self) -> Self:
        new = self._blank()
        new._vertices = self._vertices.copy()
        new._ranks = self._ranks.copy()
        new._top = self._top
        return new

    def _take_over(self, source: Self) -> None:
        super()._take_over(source)
        self._cached = None

    def _bulk(self) -> int:
        return len(self._vertices) + len(self._ranks)

    def _hashed_rows(self, hash: Hash) -> Iterator[tuple[Row, int]]:
        yield from self._vertices.rows("vertices")
        for edge, rank in self._ranks.items():
            yield _row(edge, rank), 1

    def _encode(self) -> dict[str, Any]:
        parts = {
            "vertices": encode_keys(self._vertices.live),
            "removed": encode_keys(self._vertices.gone),
            "edges": [
                [_encode_vertex(start), _encode_vertex(end), encode_int(self._ranks[start, end])]
                for start, end in sorted(self._ranks, key=_texts)
            ],
        }
        return {name: part for name, part in parts.items() if part}

    def _decode(self, payload: Any) -> None:
        fields = expect_fields(payload, "payload", self._parts)
        for name, part in fields.items():
            if not expect_list(part, f"payload[{name!r}]"):
                raise PayloadError("what is empty is left out", f"payload[{name!r}]")
        live = decode_keys(fields.get("vertices", []), "payload['vertices']")
        gone = decode_keys(fields.get("removed", []), "payload['removed']")
        if not live.keys().isdisjoint(gone):
            raise PayloadError("what was removed is left out", "payload['vertices']")
        self._vertices = Phases(live, gone)
        self._ranks = _decode_ranks(fields.get("edges", []), "payload['edges']")
        self._top = max(self._ranks.values(), default=0)

    def _size(self) -> tuple[int, int]:
        live = self._vertices.live
        # Void ones count, too: whoever looks at a dashboard should not search for cycles.
        edges = sum(start in live and end in live for start, end in self._ranks)
        return len(live) + edges, len(self._vertices.gone)


def _in_effect(edges: Iterable[Edge], ranks: Ranks) -> Arrows:
    """Return those edges that close no cycle when added by (rank, canonical order)."""
    arrows = Arrows(edges)
    tangled = arrows.tangled()  # no other edge can close a cycle, or be part of one
    for edge in tangled:
        arrows.drop(edge)
    for edge in sorted(tangled, key=lambda edge: (ranks[edge], _texts(edge))):
        if not arrows.reaches(edge[1], edge[0]):
            arrows.add(edge)
    return arrows


def _is_safe(arrows: Arrows, edge: Edge) -> bool:
    """Tell whether an edge closes no cycle.

    If it leads where all that precede its start lead, as for a vertex put between two neighbours,
    a cycle through it would have been there without it.
    """
    start, end = edge
    if all((before, end) in arrows for before in arrows.behind(start)):
        return True
    return not arrows.reaches(end, start)


def _row(edge: Edge, rank: int) -> Row:
    return "edges", *_texts(edge), rank


def _texts(edge: Edge) -> tuple[str, str]:
    return _text(edge[0]), _text(edge[1])


def _text(key: Key) -> str:
    return f'["{key.value}"]' if type(key) is Sentinel else canonical_text(key)


def _encode_vertex(key: Key) -> Any:
    return [key.value] if type(key) is Sentinel else encode(key)


def vertex_of(payload: Any, place: str) -> Key:
    """Return the key of the vertex, a sentinel or an element, that ``payload`` spells.

    Raises:
        PayloadError: It spells none.
    """
    if type(payload) is list and len(payload) == 1:
        for sentinel in Sentinel:
            if type(payload[0]) is str and payload[0] == sentinel.value:
                return sentinel
    return decode(payload, place)


def _decode_ranks(payload: Any, place: str) -> Ranks:
    ranks: Ranks = {}
    before = ("", "")
    for i, item in enumerate(expect_list(payload, place)):
        here = f"{place}[{i}]"
        start, end, rank = expect_list(item, here, 3)
        edge = vertex_of(start, f"{here}[0]"), vertex_of(end, f"{here}[1]")
        _check_edge(edge, here)
        if _texts(edge) <= before:
            raise PayloadError("edges stand in canonical order, each once", here)
        before = _texts(edge)
        ranks[edge] = decode_int(rank, f"{here}[2]", at_least=1)
    return ranks


def _check_edge(edge: Edge, place: str) -> None:
    start, end = edge
    if start is Sentinel.END or end is Sentinel.START or start == end:
        raise PayloadError("an edge leads from one vertex to a later one", place)
    if start is Sentinel.START and end is Sentinel.END:
        raise PayloadError("the edge between the sentinels is left out", place)
