"""Dots with content in parts that each claim what they hold, and nothing else.

A part that claimed the whole context would remove what is in the others. So a part claims its own
live dots and some of the removed ones, and can be joined anywhere without the others. Its size is
estimated from above: a number takes no more than the last counter of its replica.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from crdt.causal.runs import Runs, last, minus
from crdt.causal.spans import Span, runs_of_spans, spans_of
from crdt.packing import sized
from crdt.tagged import encode_int

Piece = tuple[str, int, int, Any, Any]
"""``(replica, start, end, entry, leaf)``: a stretch of dots with their content."""

Size = Callable[[Piece, bool], int]
"""Returns the bytes of a piece as JSON; True if it stands behind one of the same entry."""

_BRACES_BYTES = 2
_BRACKETS_BYTES = len(":[[],[],[]]")


def portions_of(
    seen: Mapping[str, Runs],
    pieces_of: Callable[[str], Iterable[Piece]],
    size_of: Size,
    limit_bytes: int,
) -> Iterator[Portion]:
    """Yield parts of at most ``limit_bytes`` as JSON; a larger stretch stands alone.

    Args:
        seen: All dots seen, by replica.
        pieces_of: Returns the live dots of a replica, ascending.
        size_of: Returns what a piece takes.
        limit_bytes: What a part may take.
    """
    packer = _Packer(size_of, limit_bytes)
    for replica in sorted(seen):
        yield from packer.replica(replica, pieces_of(replica), seen[replica])
    if packer.portion.spans:
        yield packer.portion


@dataclass(slots=True)
class Portion:
    """Some stretches of dots with content, and all that it claims to have seen."""

    pieces: list[Piece] = field(default_factory=list)
    spans: dict[str, list[Span]] = field(default_factory=dict)
    size_bytes: int = _BRACES_BYTES

    def claims(self) -> dict[str, Runs]:
        """Return all dots that the portion claims to have seen, by replica."""
        return {replica: runs_of_spans(spans) for replica, spans in self.spans.items()}

    def continues(self, piece: Piece) -> bool:
        """Tell whether a piece would stand behind one of the same entry."""
        return bool(self.pieces) and self.pieces[-1][::3] == piece[::3]

    def extends(self, replica: str, start: int) -> bool:
        """Tell whether a dot would lengthen a run, or be the first one of its replica."""
        spans = self.spans.get(replica)
        return spans is None or spans[-1][1] == start


class _Packer:
    """Gathers stretches into portions."""

    def __init__(self, size_of: Size, limit_bytes: int) -> None:
        self._size_of = size_of
        self._limit_bytes = limit_bytes
        self.portion = Portion()

    def replica(self, replica: str, pieces: Iterable[Piece], seen: Runs) -> Iterator[Portion]:
        """Take in the dots of a replica; yield the portions that are full."""
        number_bytes = sized(encode_int(last(seen)))
        around_bytes = sized(replica) + _BRACKETS_BYTES + 4 * number_bytes  # and a first run
        live: list[Span] = []
        for piece in pieces:
            start = live.pop()[0] if live and live[-1][1] == piece[1] else piece[1]
            live.append((start, piece[2]))
            run_bytes = 0 if self.portion.extends(replica, piece[1]) else 4 * number_bytes
            alone_bytes = self._size_of(piece, False)
            behind = self.portion.continues(piece)
            needed_bytes = (self._size_of(piece, True) if behind else alone_bytes) + run_bytes
            yield from self._room(replica, needed_bytes, alone_bytes + around_bytes, around_bytes)
            self.portion.spans.setdefault(replica, []).append(piece[1:3])
            self.portion.pieces.append(piece)
        for span in spans_of(minus(seen, runs_of_spans(live))):
            run_bytes = 2 * number_bytes
            yield from self._room(replica, run_bytes, run_bytes + around_bytes, around_bytes)
            self.portion.spans.setdefault(replica, []).append(span)

    def _room(
        self, replica: str, needed_bytes: int, alone_bytes: int, around_bytes: int
    ) -> Iterator[Portion]:
        """Count a stretch, in a new portion if this one has no room; yield a full one."""
        begun = self.portion.spans
        if replica not in begun:
            needed_bytes += around_bytes
        if begun and self.portion.size_bytes + needed_bytes > self._limit_bytes:
            yield self.portion
            self.portion, needed_bytes = Portion(), alone_bytes
        self.portion.size_bytes += needed_bytes
