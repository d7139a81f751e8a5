"""Sequences broken on purpose: the laws must catch each of them."""

from __future__ import annotations

from typing import Any

import pytest

from crdt import RGA, Logoot, Sequence, Text
from crdt.sequences.spans import RIGHT
from crdt.testing import LawBrokenError, check_laws


class RightSideOnly(Sequence[Any]):
    """Anchors everything right of the item before, so that runs typed backwards mix."""

    def _place(self, layout: Any, index: int) -> Any:
        span, counter = layout.before(index)
        return (span.replica, counter) if counter else None, RIGHT


class SiblingsByArrival(Sequence[Any]):
    """Leaves siblings in the order in which they came."""

    @staticmethod
    def _rank(span: Any) -> Any:
        return 0


class ForgetsEarlyDeletes(Text):
    """Ignores that something was deleted which has not come."""

    def _bury(self, replica: str, start: int, end: int) -> bool:
        row = self._rows.get(replica)
        known = row is not None and all(part[2] for part in row.parts(start, end))
        return (known or not self._rows) and super()._bury(replica, start, end)


class DropsWhatWaits(Sequence[Any]):
    """Forgets items whose anchor has not come."""

    def _insert(self, span: Any) -> bool:
        if span.anchor is not None and self._cached is not None:
            row = self._rows.get(span.anchor[0])
            if row is None or row.at(span.anchor[1]) is None:
                return False
        return super()._insert(span)


class Revives(Text):
    """Lets an item win over its deletion."""

    def _insert(self, span: Any) -> bool:
        grew = super()._insert(span)
        row = self._rows[span.replica]
        mine = row.at(span.first)
        if mine is not None and mine.content is None and span.content is not None:
            self._cached = None
            mine.content = "?" * (mine.end - mine.first)
            return True
        return grew


class SharedRows(Sequence[Any]):
    """Shares its spans with its copies."""

    def _copied(self) -> Any:
        new = super()._copied()
        new._rows = self._rows
        return new


class ComparesInsertsOnly(Sequence[Any]):
    """Does not look at deletions when comparing."""

    def compare(self, other: Any) -> bool:
        return all(replica in other._rows for replica in self._rows) and all(
            other._rows[r].at(span.end - 1) is not None
            for r in self._rows
            for span in self._rows[r].spans
        )


class OldestFirst(RGA[Any]):
    """Puts the oldest first of what stands behind one item."""

    @staticmethod
    def _rank(span: Any) -> Any:
        return span.first, span.replica


class CountsForItself(RGA[Any]):
    """Gives out counters that say nothing of what it has seen."""

    def _next_counter(self, replica: str) -> int:
        return self._named.get(replica, 0) + 1

    _ageing = False


class DeletesItsWholeContext(Logoot[Any]):
    """Puts all that it has seen into the delta of a deletion."""

    def _edit(self, puts: Any, cuts: Any) -> Any:
        delta = super()._edit(puts, cuts)
        if cuts and not puts and delta._seen:
            delta._seen = dict(self._seen)
        return delta


class PlacesByArrival(Logoot[Any]):
    """Shows items in the order in which they came."""

    def _changed(self, new: Any, gone: Any) -> None:
        if self._cached is not None:
            self._cached = [one for one in self._cached if one not in gone] + list(new)


MUTANTS = [
    RightSideOnly,
    SiblingsByArrival,
    ForgetsEarlyDeletes,
    DropsWhatWaits,
    Revives,
    SharedRows,
    ComparesInsertsOnly,
    OldestFirst,
    CountsForItself,
    DeletesItsWholeContext,
    PlacesByArrival,
]


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_laws_catch_a_broken_sequence(mutant: type[Any]) -> None:
    with pytest.raises(LawBrokenError, match=mutant.__name__):
        check_laws(mutant, examples=200)
