"""One id of which two states say different things.

That never happens as long as a replica id is one process's own. Where somebody broke this promise,
say by starting anew under an old id without the old state, everybody must still end with the same
sequence: of two places and of two items the greater one wins, each by itself, and a deletion wins
over both items.
"""

from __future__ import annotations

from typing import Any

from crdt.sequences.spans import RIGHT, Anchor, Content, Span
from crdt.tagged import canonical_text

Place = tuple[str, Anchor]


def agree(one: Span, other: Span, start: int, end: int) -> bool:
    """Tell whether two spans say the same of ``start`` to ``end - 1``, deletions aside."""
    if _place_of(one, start) != _place_of(other, start):
        return False
    mine, theirs = one.content, other.content
    if mine is None or theirs is None:
        return True
    return bool(
        mine[start - one.first : end - one.first] == theirs[start - other.first : end - other.first]
    )


def covers(one: Span, other: Span, start: int, end: int) -> bool:
    """Tell whether what ``one`` says of ``start`` to ``end - 1`` wins over what ``other`` says."""
    if one.content is not None and other.content is None:
        return False
    if not other.side or agree(one, other, start, end):
        return bool(one.side) or not other.side
    part = one.part(start, end)
    won = winner(part, other.part(start, end))
    return (won.side, won.anchor, won.content) == (part.side, part.anchor, part.content)


def winner(one: Span, other: Span) -> Span:
    """Return what is to be held of ids of which two spans say different things."""
    side, anchor = max(_place_of(one, one.first), _place_of(other, one.first), key=_order)
    content = _items(one.content, other.content)
    return Span(one.replica, one.first, one.end, anchor, side, content)


def _place_of(span: Span, counter: int) -> Place:
    """Return where an id of a span is anchored."""
    if counter == span.first:
        return span.side, span.anchor
    return RIGHT, (span.replica, counter - 1)


def _order(place: Place) -> Any:
    side, anchor = place
    return side, anchor or ("", 0)


def _items(mine: Content, theirs: Content) -> Content:
    if mine is None or theirs is None:
        return None
    pairs = zip(mine, theirs, strict=True)
    items = [max(pair, key=canonical_text) for pair in pairs]
    return "".join(items) if isinstance(mine, str) else items
