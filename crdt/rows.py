"""A state as a set of rows, whose fingerprint follows changes instead of being made anew.

Theory of operation. A type says which rows make up its state, such as one ``(replica, counter,
element)`` for each live dot and one ``(replica, dots seen)`` for each replica. Equal states have
equal rows. The fingerprint is a hash of the sum, modulo 2**128, of the hashes of all rows, so it
does not depend on their order, and a row that comes or goes costs one hash. (A XOR would not do:
whoever may choose elements finds some whose 64-bit hashes cancel.)

Nothing is kept until somebody asks for the fingerprint of a state of more than `FEW` rows. From
then on a `Print` hears of every row that comes or goes, and the next fingerprint takes in what is
left of that. A print for another hash, or one that fell behind, is dropped and made anew.

Whoever may not stand still for the many rows of a large state makes its print in steps
(`Rowed._prepare`): it takes a copy of the state, hashes so many of its rows at a time, and meanwhile
hears of what changes like any other print.

Rows are spelled as the elements of a compact JSON list. How a type makes them, and that spelling,
belong to the meaning of its tag: they never change.

Source: Bellare, Micciancio, "A new paradigm for collision-free hashing: incrementality at reduced
cost" (1997), AdHash, with a keyed hash.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final, Self

from crdt.native import Native
from crdt.tagged import SAFE_INT, canonical_json, encode, quote

Row = tuple[Any, ...]
"""Keys, from outside in; hashable, and equal exactly if what it says of the state is."""

Hash = Callable[[bytes], bytes]

FEW: Final = 4
"""Rows up to which a state is hashed anew each time: a print takes 200 B and saves no time then."""

_LEAST_LOG = 64
"""Rows that a print notes at the least before it falls behind."""

_MODULUS = 2**128
_SUM_BYTES = 16


class Print:
    """The sum of the hashes of a state's rows, and which rows came and went since.

    Attributes:
        hash: What rows are hashed with; None once the print has fallen behind.
        rows: How many there were when it was made; it falls behind when more have changed.
        known: What the type remembers of the state that the sum is of.
    """

    __slots__ = ("_changes", "_rest", "_sum", "hash", "known", "rows")

    def __init__(
        self,
        hash: Hash | None,
        rows: int,
        total: int,
        rest: Iterator[tuple[Row, int]] | None = None,
    ) -> None:
        self.hash = hash
        self.known: tuple[dict[Any, Any], ...] = ()
        self.rows = rows
        self._sum = total
        self._rest = rest  # rows of the state that it was made of, which are not in the sum yet
        self._changes: dict[Row, int] = {}

    @property
    def whole(self) -> bool:
        """Whether all rows of the state that it was made of are in the sum."""
        return self._rest is None

    def come(self, row: Row) -> None:
        """Note a row that the state did not have."""
        self.count(row, 1)

    def leave(self, row: Row) -> None:
        """Note a row that the state had."""
        self.count(row, -1)

    def count(self, row: Row, often: int) -> None:
        """Note that a row counts more often now, or less often."""
        if self.hash is None:
            return
        changes = self._changes
        now = changes.pop(row, 0) + often
        if now:
            changes[row] = now
            self.bound(changes)

    def bound(self, noted: dict[Any, Any]) -> None:
        """Fall behind, and forget what was noted, if that is more than making a print anew."""
        if len(noted) > _LEAST_LOG and len(noted) > self.rows:
            self.hash = None
            noted.clear()

    def swap(self, old: Row | None, new: Row) -> None:
        """Note a row in place of another one, or of none."""
        if old is not None:
            self.count(old, -1)
        self.count(new, 1)

    def total(self) -> int:
        """Return the sum for the state as it is now."""
        hash: Any = self.hash
        if self._rest is not None:
            self._sum = summed(hash, self._rest, self._sum)
            self._rest = None
        if self._changes:
            self._sum = summed(hash, self._changes.items(), self._sum)
            self._changes.clear()
        return self._sum

    def advance(self, most: int) -> bool:
        """Take in so many rows; True if no more than that are left for `total`."""
        hash: Any = self.hash
        if self._rest is not None:
            rows = list(islice(self._rest, most))
            self._sum = summed(hash, rows, self._sum)
            if len(rows) == most:
                return False
            self._rest = None
        elif len(self._changes) > most:
            changes = [self._changes.popitem() for _ in range(most)]
            self._sum = summed(hash, changes, self._sum)
        return len(self._changes) <= most

    def copy(self) -> Print:
        """Return an independent copy."""
        new = Print(self.hash, self.rows, self._sum)
        new.known = tuple([known.copy() for known in self.known])
        new._changes = self._changes.copy()
        return new


UNKEPT: Final = Print(None, 0, 0)
"""The print of an object whose state changes without its hearing of it."""


class Rowed(Native):
    """A built-in type whose state is a set of rows."""

    _print: Print | None = None

    @abstractmethod
    def _hashed_rows(self, hash: Hash) -> Iterable[tuple[Row, int]]:
        """Yield what makes up the state: rows, and how often each counts.

        A stretch ``start`` to ``end - 1`` of numbers of which the state says the same may count
        ``end`` once and ``start`` -1 times: where two such stretches touch, they are one.

        Args:
            hash: For types that hold others: what to make their fingerprints with.
        """

    def fingerprint(self, hash: Hash) -> bytes:
        """Return ``hash`` of the state: equal for equal states, whatever way they took.

        After the first time, the time it takes follows what changed, as long as ``hash`` is equal
        to that of the last time.

        Args:
            hash: Returns 16 bytes for any bytes; keyed, if strangers choose elements.
        """
        held = self._print
        if held is not None and held.hash == hash:
            self._catch_up(held)
        if held is not None and held.hash == hash:
            total = held.total()
        else:
            rows = list(self._hashed_rows(hash))
            total = summed(hash, rows)
            if len(rows) > FEW and held is not UNKEPT:
                self._keep_print(Print(hash, len(rows), total))
        return hash(total.to_bytes(_SUM_BYTES, "big"))

    def _prepare(self, hash: Hash, most: int) -> bool:
        held = self._print
        if held is UNKEPT:
            return True  # it keeps none
        if held is None or held.hash != hash:
            rows = self._bulk()
            if rows <= most:
                return True
            held = self._begun_print(hash, rows)
            self._keep_print(held)
        return self._take_in(held, most)

    def _begun_print(self, hash: Hash, rows: int) -> Print:
        """Return a print for `_prepare`, in which nothing has been taken in yet."""
        return Print(hash, rows, 0, iter(self._copied()._hashed_rows(hash)))

    def _take_in(self, held: Print, most: int) -> bool:
        """Take in about so many rows; True if no more than that are left."""
        return held.advance(most)

    def _keep_print(self, made: Print) -> None:
        """Tell a print of all changes from now on."""
        self._print = made

    def _catch_up(self, held: Print) -> None:
        """Tell a print what its type does not tell it at once."""

    def clone(self, replica: str | None = None) -> Self:
        """Return an independent copy: state and clock, but neither replica nor observers."""
        new = super().clone(replica)
        if self._print is not None and self._print is not UNKEPT and self._print.whole:
            new._keep_print(self._print.copy())
        return new

    def _take_over(self, source: Self) -> None:
        super()._take_over(source)
        self._print = None


def summed(hash: Hash, rows: Iterable[tuple[Row, int]], total: int = 0) -> int:
    """Return the sum of the hashes of rows, each as often as it counts, modulo 2**128."""
    for row, often in rows:
        total += often * int.from_bytes(hash(spell(row)), "big")
    return total % _MODULUS


def spell(row: Row) -> bytes:
    """Return a row as a compact JSON list, in ASCII."""
    if len(row) == 1 and type(row[0]) is str:
        return f"[{quote(row[0])}]".encode("ascii")  # an element of a plain set
    parts = [quote(part) if type(part) is str else _spell_part(part) for part in row]
    return f"[{','.join(parts)}]".encode("ascii")


def _spell_part(part: Any) -> str:
    if type(part) is int and -SAFE_INT <= part <= SAFE_INT:
        return str(part)
    return canonical_json(_plain(part))


def _plain(part: Any) -> Any:
    """Return the JSON of a key, or of a tuple of keys and bools that types make of them."""
    if type(part) is bool:
        return part
    if type(part) is tuple and not (part and type(part[0]) is type):
        return ["t", [_plain(one) for one in part]]
    return encode(part)
