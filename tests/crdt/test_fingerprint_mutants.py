"""Types whose fingerprint goes wrong on purpose: the laws must catch each of them."""

from __future__ import annotations

from typing import Any

import pytest

from crdt import BoundedCounter, GCounter, GMap, LWWMap, LWWSet, ORMap, ORSet, RWSet, Text, Tree
from crdt.rows import Print
from crdt.testing import LawBrokenError, check_laws


class ForgetsRemovals(ORSet[Any]):
    """Tells the print of no removed dot."""

    def _keep_print(self, made: Print) -> None:
        super()._keep_print(_Deaf(made))


class _Deaf(Print):
    """Does not hear of dots that go."""

    def __init__(self, made: Print) -> None:
        super().__init__(made.hash, made.rows, made.total())

    def leave(self, row: Any) -> None:
        pass


class SharesItsPrint(ORSet[Any]):
    """Gives its copies the very print that it keeps."""

    def clone(self, replica: str | None = None) -> Any:
        new = super().clone(replica)
        if self._print is not None:
            new._keep_print(self._print)
        return new


class CopiesAStalePrint(ORSet[Any]):
    """Gives its copies the sum without what changed since."""

    def clone(self, replica: str | None = None) -> Any:
        new = super().clone(replica)
        if new._print is not None:
            new._print._changes.clear()
        return new


class LeavesOutTheContext(ORSet[Any]):
    """Hashes live dots alone, so that a removal looks like what was never added."""

    def _hashed_rows(self, hash: Any) -> Any:
        return [(row, often) for row, often in super()._hashed_rows(hash) if len(row) > 2]

    def _see(self, replica: str, seen: Any) -> None:
        self._seen[replica] = seen

    def _keep_print(self, made: Print) -> None:
        """Keep none."""


class HashesElementsAlone(ORSet[Any]):
    """Hashes what is there, whoever added it."""

    def _hashed_rows(self, hash: Any) -> Any:
        return [((key,), 1) for key in self._keys()]

    def _keep_print(self, made: Print) -> None:
        """Keep none."""


class ForgetsTheContextOfJoins(ORSet[Any]):
    """Does not tell the print that more was seen."""

    def _see(self, replica: str, seen: Any) -> None:
        self._seen[replica] = seen


class MistakesOrder(ORSet[Any]):
    """Hashes rows in the order in which they came."""

    def fingerprint(self, hash: Any) -> bytes:
        rows = [row for row, _ in self._hashed_rows(hash)]
        told: bytes = hash(repr(rows).encode())
        return told


class KeepsWhatItFirstTold(GCounter):
    """Never looks at its tallies again."""

    def _catch_up(self, held: Print) -> None:
        pass


class SharesWhatItKnows(BoundedCounter):
    """Lets a copy know what the original told."""

    def clone(self, replica: str | None = None) -> Any:
        new = super().clone(replica)
        if new._print is not None and self._print is not None:
            new._print.known = self._print.known
        return new


class KeepsTheOldWrite(LWWMap[Any, Any]):
    """Tells the print of the new write only."""

    def _tell(self, key: Any, write: Any) -> None:
        if self._print is not None:
            self._print.come((key, write))


class ForgetsTheBias(LWWSet[Any]):
    """Hashes an add and a removal of one stamp alike."""

    def _row(self, key: Any, write: Any) -> Any:
        return key, write[0], write[1], write[3]


class HashesAddsAlone(RWSet[Any]):
    """Does not hash which dots remove."""

    def _hashed_rows(self, hash: Any) -> Any:
        rows = super()._hashed_rows(hash)
        return [(row, often) for row, often in rows if len(row) < 3 or row[2][0]]

    def _keep_print(self, made: Print) -> None:
        """Keep none."""


class DoesNotLookAtChildren(GMap[Any]):
    """Hears of new children, not of what changes in them."""

    def _touched(self, entry: Any) -> None:
        if self._print is not None and self._print.known and entry not in self._print.known[0]:
            super()._touched(entry)


class CutsByStretches(ORMap[Any]):
    """Hashes a stretch of dots as one, however it came about."""

    def _apply(self, new: Any, gone: Any) -> None:
        held, self._print = self._print, None
        super()._apply(new, gone)
        self._print = held
        if held is not None:
            for replica, start, end, entry, leaf in new:
                held.come((replica, (start, end), entry, leaf))


class KeepsTheDead(Text):
    """Does not tell that a letter is gone."""

    def _kill(self, row: Any, span: Any, start: int, end: int) -> None:
        held, self._print = self._print, None
        super()._kill(row, span, start, end)
        self._print = held


class CountsSpans(Text):
    """Hashes spans as they were cut here."""

    def _hashed_rows(self, hash: Any) -> Any:
        for span in self._all_spans():
            yield (span.replica, span.first, span.end, str(span.content)), 1

    def _keep_print(self, made: Print) -> None:
        """Keep none."""


class MovesOutOfTurn(Tree[Any]):
    """Hashes the places of nodes, not the moves, of which one may yet take effect."""

    def _hashed_rows(self, hash: Any) -> Any:
        return [(row, 1) for row in self._log.parents.items()]

    def _keep_print(self, made: Print) -> None:
        """Keep none."""


MUTANTS = [
    ForgetsRemovals,
    SharesItsPrint,
    CopiesAStalePrint,
    LeavesOutTheContext,
    HashesElementsAlone,
    ForgetsTheContextOfJoins,
    MistakesOrder,
    KeepsWhatItFirstTold,
    SharesWhatItKnows,
    KeepsTheOldWrite,
    ForgetsTheBias,
    HashesAddsAlone,
    DoesNotLookAtChildren,
    CutsByStretches,
    KeepsTheDead,
    CountsSpans,
    MovesOutOfTurn,
]


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_laws_catch_a_wrong_fingerprint(mutant: type[Any]) -> None:
    with pytest.raises(LawBrokenError, match="fingerprint"):
        check_laws(mutant, examples=200)
