"""What somebody lacks of dots with content: for maps and carts.

Theory of operation. A context tells of each replica which dots its owner has seen, a hash of those
among them that were removed, and, where there are any, a hash of those whose content was settled
since (a sum that took the place of amounts, a deleted item of a sequence). What it has not seen is
sent. Removed dots and settled ones are sent where their hashes differ from ours, cut to what the
owner has seen: the removed as runs, the settled with their content, which a dot gets only once.

A `Track` keeps the removed and the settled dots of a replica as runs, so that nothing looks through
the live ones. It is made when it is first asked for and fed from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crdt.causal.runs import Runs, common, encode_runs, last, minus, union
from crdt.causal.since import NOTHING_SEEN, decode_context, hash_of
from crdt.causal.spans import Span, runs_of_spans
from crdt.errors import PayloadError
from crdt.payloads import expect_dict, expect_list

Known = tuple[Runs, str, str]
"""What a context tells of a replica: the dots seen, and hashes of the removed and the settled."""

_SETTLED = 3
"""Length of what a context tells of a replica where dots were settled."""

_NO_HASH = hash_of(0)


class Track:
    """The removed and the settled dots of one replica.

    Args:
        seen: All dots seen.
        live: Those that are live.
        settled: Those of the live ones that are settled.
    """

    __slots__ = ("_hashes", "_removed", "_seen", "_settled", "_turns")

    def __init__(self, seen: Runs, live: Runs, settled: Runs) -> None:
        self._seen = seen
        self._removed = minus(seen, live)
        self._settled = settled
        self._turns: list[tuple[bool, bool, Span]] = []
        self._hashes: dict[Runs, str] = {}

    def cut(self, start: int, end: int) -> None:
        """Hear that dots are live no more."""
        self._turns.append((False, False, (start, end)))

    def put(self, start: int, end: int, *, settled: bool) -> None:
        """Hear that dots are live; new ones that are not settled need no word."""
        if settled or start <= last(self._seen):
            self._turns.append((True, settled, (start, end)))

    def upto(self, seen: Runs, live_among: Callable[[Runs], Runs]) -> tuple[Runs, Runs]:
        """Return the removed and the settled dots, when ``seen`` is all that was seen."""
        turns, self._turns = self._turns, []
        for live, settled, span in turns:
            dots = runs_of_spans([span])
            self._removed = (minus if live else union)(self._removed, dots)
            self._settled = (union if settled else minus)(self._settled, dots)
        if seen != self._seen:
            fresh = minus(seen, self._seen)
            self._removed = union(self._removed, minus(fresh, live_among(fresh)))
            self._seen = seen
        return self._removed, self._settled

    def hash(self, dots: Runs) -> str:
        """Return the hash of some dots, remembered from the last times."""
        known = self._hashes.get(dots)
        if known is None:
            if len(self._hashes) > _SETTLED:
                self._hashes.clear()
            known = self._hashes[dots] = hash_of(dots)
        return known


def context_part(track: Track, seen: Runs, removed: Runs, settled: Runs) -> list[Any]:
    """Return what a context tells of a replica: ``[seen, hash]``, or with another hash."""
    told = [encode_runs(seen), track.hash(removed)]
    return [*told, track.hash(settled)] if settled else told


def read_context(context: Any) -> dict[str, Known]:
    """Return what a context tells of each replica.

    Raises:
        PayloadError: It is none; the message names the place.
    """
    plain: dict[Any, Any] = {}
    hashes: dict[Any, str] = {}
    for replica, parts in expect_dict(context, "context").items():
        place = f"context[{replica!r:.80}]"
        plain[replica] = expect_list(parts, place)
        if len(parts) == _SETTLED:
            *plain[replica], hashes[replica] = parts
            if type(parts[-1]) is not str or len(parts[-1]) != len(_NO_HASH):
                raise PayloadError(f"expected {len(_NO_HASH)} hexadecimal digits", f"{place}[2]")
    seen = decode_context(plain)
    return {replica: (*told, hashes.get(replica, _NO_HASH)) for replica, told in seen.items()}


UNKNOWN: Known = (*NOTHING_SEEN, _NO_HASH)
"""What somebody knows of a replica that its context does not name."""


def lacking(
    track: Track, seen: Runs, removed: Runs, settled: Runs, known: Known
) -> tuple[Runs, Runs]:
    """Return the dots whose content somebody lacks, and all dots to tell it of."""
    theirs, removed_hash, settled_hash = known
    if track.hash(common(removed, theirs)) == removed_hash:
        removed = minus(removed, theirs)
    settled = common(settled, theirs)
    if track.hash(settled) == settled_hash:
        settled = 0
    sent = union(minus(seen, theirs), settled)
    return sent, union(sent, removed)
