"""What a peer lacks, found from a few words about what it has.

A context names, for each replica, the ids whose place is known, as runs, and a 64-bit hash of all
that are deleted, those without a place as well. Where the hash is that of the ids deleted here
among those that the peer has, and of those without a place here, it lacks no deletion of them;
otherwise it gets all of these, as runs without content. (A sum of ids would not do: 1 and 4 have
the sum of 2 and 3.)
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from crdt.causal.runs import Runs, decode_runs, encode_runs, last, runs_between, stretches
from crdt.errors import PayloadError
from crdt.payloads import expect_dict, expect_list, expect_replica
from crdt.sequences.spans import ADRIFT, Row, Span, in_turn
from crdt.tagged import canonical_json

Known = dict[str, tuple[Runs, str]]
"""The ids that a peer has of each replica, and the hash of the deleted ones."""

_MARK_BYTES = 8


def context_of(rows: dict[str, Row]) -> dict[str, Any]:
    """Return the context of a state, JSON-friendly."""
    context = {}
    for replica in sorted(rows):
        spans = rows[replica].spans
        known = runs_between((span.first, span.end) for span in spans if span.side)
        deleted = runs_between((span.first, span.end) for span in spans if span.content is None)
        context[replica] = [encode_runs(known), _mark(deleted)]
    return context


def decode_context(context: Any) -> Known:
    """Return what a context says.

    Raises:
        PayloadError: It is none.
    """
    known: Known = {}
    for replica, parts in expect_dict(context, "context").items():
        place = f"context[{replica!r:.80}]"
        runs, mark = expect_list(parts, place, 2)
        if type(mark) is not str:
            raise PayloadError("expected a hash", f"{place}[1]")
        known[expect_replica(replica, "context")] = decode_runs(runs, f"{place}[0]"), mark
    return known


def lacking(rows: dict[str, Row], known: Known) -> Iterator[Span]:
    """Yield spans with all that somebody lacks who has what ``known`` says."""
    for replica, row in rows.items():
        seen, mark = known.get(replica, (0, _mark(0)))
        yield from _deletions(replica, row, seen, mark)
        start = 1
        for low, high in [*stretches(seen), (max(last(seen), row.spans[-1].end), 0)]:
            yield from [
                span.part(first, end)
                for first, end, span in row.parts(start, low)
                if span is not None and span.side
            ]
            start = high


def _deletions(replica: str, row: Row, seen: Runs, mark: str) -> list[Span]:
    """Return the deletions of ids in ``seen`` or without a place; none if ``mark`` tells these."""
    borders = [border for pair in stretches(seen) for border in pair]
    deleted = [
        (low, high)
        for span in row.spans
        if span.content is None
        for low, high, outside in in_turn(span.first, span.end, borders)
        if not (outside and span.side)
    ]
    if _mark(runs_between(deleted)) == mark:
        return []
    return [Span(replica, low, high, None, ADRIFT, None) for low, high in deleted]


def _mark(deleted: Runs) -> str:
    told = canonical_json(encode_runs(deleted)).encode("ascii")
    return blake2b(told, digest_size=_MARK_BYTES).hexdigest()
