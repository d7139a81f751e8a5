"""What sequences of anchored items share: the state, its join, and its payload.

The state says of every id seen where it is anchored and what it holds, and of every deleted id that
it is deleted; a deletion wins over everything. Joining takes the union of both, so the sequence
that everybody reads is the same, whatever came first. Positions follow from the anchors alone; a
`Layout` remembers them once somebody asks.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Self

from crdt.causal.runs import Runs, decode_runs, encode_runs, last, runs_between, stretches
from crdt.errors import PayloadError
from crdt.packing import sized
from crdt.payloads import expect_dict, expect_list, expect_replica
from crdt.rows import Hash, Print
from crdt.sequences.blocks import block, blocks, bulk, numbers_of
from crdt.sequences.contests import agree, covers, winner
from crdt.sequences.contexts import context_of, decode_context, lacking
from crdt.sequences.editing import Cut, Editable, Put, T
from crdt.sequences.layout import Layout
from crdt.sequences.parts import parts_of
from crdt.sequences.spans import ADRIFT, RIGHT, Anchor, Content, Row, Span, in_turn
from crdt.tagged import decode_int, encode_int

_FEW = 8
"""Spans that a layout takes in one by one, however small it is."""


class Woven(Editable[T]):
    """A sequence of anchored items; the base of those types."""

    _fields = ("_rows", "_named")
    _rows: dict[str, Row]
    _named: dict[str, int]
    """The greatest counter that the state names, for each replica."""
    _cached: Layout | None = None
    _counted: dict[str, Runs] | None = None
    """The context of the map that the sequence lives in: its ids are dots of that."""
    _ageing: ClassVar[bool] = False
    """Whether an item's counter is greater than its anchor's, whoever made that."""

    # --- what a type brings --------------------------------------------------------------------

    @abstractmethod
    def _place(self, layout: Layout, index: int) -> tuple[Anchor, str]:
        """Return where an item is anchored that is to stand at ``index``."""

    @staticmethod
    @abstractmethod
    def _rank(span: Span) -> Any:
        """Return what a span is sorted by among its siblings."""

    @abstractmethod
    def _next_counter(self, replica: str) -> int:
        """Return the counter of this replica's next item."""

    @abstractmethod
    def _encode_place(self, anchor: Anchor, side: str) -> list[Any]:
        """Return the payload of a place."""

    @abstractmethod
    def _decode_place(self, payload: Any, place: str) -> tuple[Anchor, str]:
        """Return the place that ``payload`` spells, or raise PayloadError."""

    @abstractmethod
    def _encode_content(self, contents: list[Content]) -> Any:
        """Return the payload of items, sharing nothing."""

    @abstractmethod
    def _decode_content(self, payload: Any, place: str) -> Content:
        """Return the items that ``payload`` spells, or raise PayloadError."""

    # --- reading and editing -------------------------------------------------------------------

    def __len__(self) -> int:
        return self._layout().order.visible

    def _layout(self) -> Layout:
        layout = self._cached
        if layout is None:
            layout = self._cached = Layout(self._rows, self._rank)
        return layout

    def _contents(self) -> list[Content]:
        return list(self._layout().order.contents())

    def _between(self, start: int, stop: int) -> list[Content]:
        pieces = self._layout().order.pieces(start, stop)
        return [span.content[low:high] for span, low, high in pieces]

    def _edit(self, puts: list[Put], cuts: list[Cut]) -> Self:
        layout = self._layout()
        delta = self._blank()
        replica: str | None = None
        if puts:
            replica = self._candidate()
            counter = self._next_counter(replica)
            if self._counted is not None:
                counter = max(counter, last(self._counted.get(replica, 0)) + 1)
            for index, content in puts:
                end = counter + len(content)
                place = self._place(layout, index)
                delta._insert(Span(replica, counter, end, *place, content))
                counter = end
        for start, stop in cuts:
            for span, low, high in layout.order.pieces(start, stop):
                delta._bury(span.replica, span.first + low, span.first + high)
        return self._publish(delta, replica) if delta._rows else delta

    # --- joining -------------------------------------------------------------------------------

    def _join(self, other: Self) -> bool:
        coming = other._spans()
        if coming > _FEW and coming > self._spans() // 4:
            self._cached = None  # to make it again costs less than to keep it up to date
        grew = False
        for span in other._all_spans():
            grew |= self._take(span)
        return grew

    def _take(self, span: Span) -> bool:
        if not span.side:
            return self._bury(span.replica, span.first, span.end)
        return self._insert(span)

    def _insert(self, span: Span) -> bool:
        """Take in the ids of a span that are new here, and the deletion of those that are not."""
        grew = False
        row = self._row(span.replica, span.end - 1)
        if span.anchor is not None:
            self._name(*span.anchor)
        for start, end, mine in row.parts(span.first, span.end):
            if mine is None or not mine.side:
                self._weave(row, span.part(start, end), mine)
                grew = True
            elif not agree(mine, span, start, end):
                grew |= self._contest(row, mine, span.part(start, end))
            elif span.content is None and mine.content is not None:
                self._kill(row, mine, start, end)
                grew = True
        return grew

    def _contest(self, row: Row, mine: Span, theirs: Span) -> bool:
        """Settle what is to be held of ids of which somebody says something else."""
        if covers(mine, theirs, theirs.first, theirs.end):
            return False
        self._cached = None
        lost = self._isolated(row, mine, theirs.first, theirs.end)
        won = winner(lost, theirs)
        self._tell(lost, -1)
        self._tell(won, 1)
        row.remove(lost)
        row.add(won)
        return True

    def _weave(self, row: Row, new: Span, adrift: Span | None) -> None:
        """Give ids a place; ``adrift`` is the span that has them if they are deleted already."""
        if adrift is not None:
            isolated = self._isolated(row, adrift, new.first, new.end)
            self._tell(isolated, -1)
            row.remove(isolated)
            new.content = None
        self._tell(new, 1)
        layout = self._cached
        if layout is not None and layout.awaits(new):
            layout = self._cached = None
        before = row.ending_at(new.first)
        if before is not None and before.takes(new):
            before.content += new.content
            before.end = new.end
            if layout is not None and before.chunk is not None:
                layout.order.count(before, len(new.content))
            return
        row.add(new)
        if layout is not None:
            layout.attach(new)

    def _bury(self, replica: str, start: int, end: int) -> bool:
        """Delete ids, those that have not come yet as well."""
        grew = False
        row = self._row(replica, end - 1)
        for low, high, mine in row.parts(start, end):
            if mine is None:
                adrift = Span(replica, low, high, None, ADRIFT, None)
                self._tell(adrift, 1)
                row.add(adrift)
                grew = True
            elif mine.content is not None:
                self._kill(row, mine, low, high)
                grew = True
        return grew

    def _kill(self, row: Row, span: Span, start: int, end: int) -> None:
        span = self._isolated(row, span, start, end)
        layout = self._cached
        if layout is not None and span.chunk is not None:
            layout.order.count(span, start - end)
        self._tell(span, -1)
        span.content = None
        self._tell(span, 1)
        before, behind = row.neighbours(span)
        if behind is not None:
            self._fuse(row, span, behind)
        if before is not None:
            self._fuse(row, before, span)

    def _fuse(self, row: Row, before: Span, span: Span) -> None:
        """Make two deleted spans one if nothing stands between them."""
        dead = before.content is None and span.content is None and bool(before.side)
        if dead and before.end == span.first and span.continues(before):
            layout = self._cached
            if layout is None or layout.can_fuse(before, span):
                row.remove(span)
                before.end = span.end
                if layout is not None:
                    layout.fuse(before, span)

    def _isolated(self, row: Row, span: Span, start: int, end: int) -> Span:
        """Cut a span so that one of ``start`` to ``end - 1`` comes out, and return that."""
        cut = row.cut if self._cached is None or not span.side else self._cached.cut
        if start > span.first:
            span = cut(span, start)
        if end < span.end:
            cut(span, end)
        return span

    def _row(self, replica: str, last: int) -> Row:
        self._name(replica, last)
        row = self._rows.get(replica)
        if row is None:
            row = self._rows[replica] = Row()
        return row

    def _name(self, replica: str, counter: int) -> None:
        if counter > self._named.get(replica, 0):
            self._named[replica] = counter

    def compare(self, other: Self) -> bool:
        """Tell whether all items and deletions of this state are in ``other`` too."""
        other = self._same_type(other)
        return all(_within(span, other) for span in self._all_spans())

    # --- giving others what they lack ----------------------------------------------------------

    @property
    def context(self) -> dict[str, Any]:
        """What this state knows, in short, for the `delta_since` of somebody else; JSON-friendly.

        ``{replica: [runs, hash]}``: the ids with a place, as runs ``[skipped, taken...]``, and a
        hash of the deleted ones.
        """
        return context_of(self._rows)

    def delta_since(self, context: Any) -> Self:
        """Return a delta with all that a state with that context lacks.

        Joined there, it has the effect of joining this whole state.

        Args:
            context: Foreign data, from the `context` of another state.

        Raises:
            PayloadError: It is no context of this kind.
        """
        return self._made_of(lacking(self._rows, decode_context(context)))

    def _under(self, limit_bytes: int) -> Iterator[Self]:
        spans = self._all_spans()
        return map(self._made_of, parts_of(spans, self._bytes_of, limit_bytes))

    def _bytes_of(self, span: Span) -> int:
        """Return what a span takes at most in a payload, as JSON."""
        number_bytes = sized(encode_int(span.end))
        size_bytes = 0 if span.content is not None else 2 * number_bytes
        if span.side:
            contents = [] if span.content is None else [span.content]
            size_bytes += 2 * number_bytes + sized(self._encode_content(contents))
            size_bytes += sized(self._encode_place(span.anchor, span.side)) + len("[]")
        return size_bytes

    def _made_of(self, spans: Iterable[Span]) -> Self:
        delta = self._blank()
        for span in spans:
            delta._take(span)
        return delta

    # --- the fingerprint -----------------------------------------------------------------------

    def _hashed_rows(self, hash: Hash) -> Iterator[tuple[tuple[Any, ...], int]]:
        for replica, row in self._rows.items():
            for span in row.spans:
                yield from span.rows()
            for found in blocks(replica, row):
                yield found, 1

    def _bulk(self) -> int:
        return sum([bulk(row) for row in self._rows.values()])

    def _keep_print(self, made: Print) -> None:
        super()._keep_print(made)
        made.known = made.known or ({},)  # blocks as they were before they changed

    def _tell(self, span: Span, sign: int) -> None:
        """Tell the print of a span that is about to come or go."""
        held = self._print
        if held is None or held.hash is None:
            return
        for one, often in span.rows():
            held.count(one, sign * often)
        if span.content is not None:
            (before,) = held.known
            row = self._rows[span.replica]
            for number in numbers_of(span):
                if (span.replica, number) not in before:
                    before[span.replica, number] = block(span.replica, row, number)
            held.bound(before)

    def _catch_up(self, held: Print) -> None:
        (before,) = held.known
        for (replica, number), old in before.items():
            new = block(replica, self._rows[replica], number)
            if old is not None:
                held.leave(old)
            if new is not None:
                held.come(new)
        before.clear()

    # --- the hooks of a built-in type ----------------------------------------------------------

    def _empty(self) -> None:
        self._rows = {}
        self._named = {}

    def _copied(self) -> Self:
        new = self._blank()
        new._rows = {replica: row.copy() for replica, row in self._rows.items()}
        new._named = self._named.copy()
        return new

    def _take_over(self, source: Self) -> None:
        super()._take_over(source)
        self._cached = None

    def _all_spans(self) -> Iterator[Span]:
        for row in self._rows.values():
            yield from row.spans

    def _spans(self) -> int:
        return sum([len(row.spans) for row in self._rows.values()])

    def _size(self) -> tuple[int, int]:
        held = sum(span.end - span.first for span in self._all_spans())
        live = sum(len(span.content) for span in self._all_spans() if span.content is not None)
        return live, held - live

    def _replicas(self) -> set[str]:
        return set(self._named)

    def _shows_more(self, other: Self, replica: str) -> bool:
        if other._named.get(replica, 0) > self._named.get(replica, 0):
            return True
        mine, theirs = self._rows.get(replica), other._rows.get(replica)
        return theirs is not None and any(
            part is None or (part.side and span.side and not agree(part, span, start, end))
            for span in theirs.spans
            for start, end, part in (mine or Row()).parts(span.first, span.end)
        )

    @property
    def initial(self) -> bool:
        """Whether nothing has ever been written, as far as this state knows."""
        return not self._rows

    # --- the payload ---------------------------------------------------------------------------

    def _encode(self) -> dict[str, Any]:
        return {replica: self._encode_row(self._rows[replica]) for replica in sorted(self._rows)}

    def _encode_row(self, row: Row) -> list[Any]:
        runs: list[list[Any]] = []
        end = 1
        before: Span | None = None
        for span in row.spans:
            if span.side:
                chained = before is not None and end == span.first and span.continues(before)
                if not chained:
                    place = self._encode_place(span.anchor, span.side)
                    runs.append([span.first - end, 0, place, []])
                runs[-1][1] += span.end - span.first
                if span.content is not None:
                    runs[-1][3].append(span.content)
                before, end = span, span.end
        deleted = runs_between((s.first, s.end) for s in row.spans if s.content is None)
        return [
            [
                [encode_int(skipped), encode_int(taken), place, self._encode_content(contents)]
                for skipped, taken, place, contents in runs
            ],
            encode_runs(deleted),
        ]

    def _decode(self, payload: Any) -> None:
        for replica, parts in expect_dict(payload, "payload").items():
            expect_replica(replica, "payload")
            place = f"payload[{replica!r}]"
            runs, deleted = expect_list(parts, place, 2)
            gone = decode_runs(deleted, f"{place}[1]")
            borders = [border for pair in stretches(gone) for border in pair]
            at, done = 1, 0
            row = self._rows[replica] = Row()
            expect_list(runs, f"{place}[0]")
            try:
                for run in runs:
                    at = self._decode_run(replica, at, run, borders)
                    done += 1
            except PayloadError as error:
                raise PayloadError(error.reason, f"{place}[0][{done}]{error.place}") from None
            for start, end in stretches(gone):
                self._bury(replica, start, end)
            if not row.spans:
                raise PayloadError("a replica of which nothing was seen is left out", place)

    def _decode_run(self, replica: str, at: int, run: Any, borders: list[int]) -> int:
        """Add the spans of a run whose skipped ids begin at ``at``; return its end.

        Errors name the place within the run: there may be very many, and text takes time.
        """
        skipped, taken, where, items = expect_list(run, "", 4)
        start = at + decode_int(skipped, "[0]", at_least=0)
        end = start + decode_int(taken, "[1]", at_least=1)
        anchor, side = self._decode_place(where, "[2]")
        if anchor is not None:
            if anchor[1] >= start and (self._ageing or anchor[0] == replica):
                raise PayloadError("an item is anchored at an earlier one", "[2]")
            if start == at > 1 and side == RIGHT and anchor == (replica, start - 1):
                raise PayloadError("what continues a run is a part of it", "")
            self._name(*anchor)
        self._name(replica, end - 1)
        content = self._decode_content(items, "[3]")
        offset = 0
        row = self._rows[replica]
        for low, high, live in in_turn(start, end, borders):
            if live and offset + high - low > len(content):
                raise PayloadError("as many items as live ids are expected", "[3]")
            held = content[offset : offset + high - low] if live else None
            offset += high - low if live else 0
            place_now = (anchor, side) if low == start else ((replica, low - 1), RIGHT)
            row.add(Span(replica, low, high, *place_now, held))
        if offset != len(content):
            raise PayloadError("as many items as live ids are expected", "[3]")
        return end


def _within(span: Span, other: Woven[Any]) -> bool:
    """Tell whether ``other`` says all of a span's ids that this says, or what wins over it."""
    row = other._rows.get(span.replica)
    return row is not None and all(
        mine is not None and covers(mine, span, start, end)
        for start, end, mine in row.parts(span.first, span.end)
    )
