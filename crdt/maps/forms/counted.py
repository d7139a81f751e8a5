"""Counters in a map: the leaf is what one operation added, below zero for what it took away.

So a removal takes back exactly the amounts that the remover had seen. Once everybody has seen a
number of them, compacting puts their sum in their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from crdt.atoms import Key
from crdt.causal.amounts import (
    Amount,
    decode_amounts,
    encode_amounts,
    is_sum,
    sum_of,
    total_of,
)
from crdt.causal.dotted import Counted, Dots, Dotted, Leaf, Piece, Settling, folded, within
from crdt.counters import GCounter, PNCounter
from crdt.errors import PayloadError
from crdt.maps.forms.form import Target, Writing, grouped
from crdt.payloads import expect_list
from crdt.tagged import decode, encode


class CounterForm(Writing):
    """A GCounter or a PNCounter: the leaf is an amount."""

    def build(self, pieces: Iterable[Piece]) -> Any:
        """Return a new child with this content."""
        child = self.kind._blank()
        self.change(child, list(pieces), [])
        return child

    def change(self, child: Any, new: list[Piece], gone: list[Piece]) -> bool:
        """Change the child in place."""
        for sign, pieces in ((1, new), (-1, gone)):
            for replica, start, end, _, leaf in pieces:
                amount = total_of(leaf)
                tallies = _side(child, amount)
                tally = tallies.get(replica, 0) + sign * abs(amount) * (end - start)
                if tally:
                    tallies[replica] = tally
                else:
                    tallies.pop(replica, None)
        return True

    def written(self, target: Target) -> tuple[list[Leaf], Dots]:
        """Return what a delta adds to the child; below zero for what it takes away."""
        side = 1 if _side(target.delta, 1) else -1
        ((replica, tally),) = _side(target.delta, side).items()
        return [side * (tally - _side(target.child, side).get(replica, 0))], {}

    @property
    def _signed(self) -> bool:
        return issubclass(self.kind, PNCounter)

    def fresh(self, state: Any) -> list[Leaf]:
        """Return the leaves that copy a state under fresh dots."""
        sides = (1, -1) if self._signed else (1,)
        totals = [side * sum(_side(state, side).values()) for side in sides]
        return [total for total in totals if total]

    def settled(self, leaf: Leaf) -> bool:
        """Tell whether the content of a dot can change no more."""
        return is_sum(leaf)

    def settle(self, pieces: list[Piece], stable: Dotted) -> Iterator[Settling]:
        """Yield the sum of the amounts of each replica that everybody has seen."""
        return folded(within(pieces, stable._seen), sum_of)

    def encode(self, leaves: list[Counted]) -> list[Any]:
        """Return the payload of neighbouring leaves."""
        return encode_amounts(leaves)

    def decode(self, payload: Any, place: str, depth: int) -> list[Counted]:
        """Return the leaves of a payload, or raise PayloadError."""
        return decode_amounts(payload, place, signed=self._signed)


class CountingSetForm(Writing):
    """A PNSet: the leaf is an element with an amount."""

    def build(self, pieces: Iterable[Piece]) -> Any:
        """Return a new child with this content."""
        child = self.kind._blank()
        self.change(child, list(pieces), [])
        return child

    def change(self, child: Any, new: list[Piece], gone: list[Piece]) -> bool:
        """Change the child in place."""
        touched: dict[Key, None] = {}
        for sign, pieces in ((1, new), (-1, gone)):
            for replica, start, end, _, (key, leaf) in pieces:
                _count(child, key, replica, leaf, sign * (end - start))
                touched[key] = None
        child._touched(touched)
        return True

    def written(self, target: Target) -> tuple[list[Leaf], Dots]:
        """Return what a delta adds to the count of each element, or takes from it."""
        leaves = []
        for key, tallies in target.delta._tallies.items():
            ((replica, (added, removed)),) = tallies.items()
            had = target.child._tallies.get(key, {}).get(replica, (0, 0))
            leaves.append((key, added - had[0] if added else had[1] - removed))
        return leaves, {}

    def fresh(self, state: Any) -> list[Leaf]:
        """Return the leaves that copy a state under fresh dots."""
        counts = [(key, state._count(key)) for key in state._tallies]
        return [(key, count) for key, count in counts if count]

    def settled(self, leaf: Leaf) -> bool:
        """Tell whether the content of a dot can change no more."""
        return is_sum(leaf[1])

    def settle(self, pieces: list[Piece], stable: Dotted) -> Iterator[Settling]:
        """Yield for each element the sum of the amounts of each replica that everybody has seen."""
        by_key: dict[Key, list[Piece]] = {}
        for piece in within(pieces, stable._seen):
            by_key.setdefault(piece[4][0], []).append(piece)
        for key, group in by_key.items():
            amounts = [(*piece[:4], piece[4][1]) for piece in group]
            for dots, settled in folded(amounts, sum_of):
                yield dots, [(*piece[:4], (key, piece[4])) for piece in settled]

    def encode(self, leaves: list[Counted]) -> list[Any]:
        """Return the payload of neighbouring leaves: those of each element together."""
        return [[encode(key), encode_amounts(inner)] for key, inner in grouped(leaves)]

    def decode(self, payload: Any, place: str, depth: int) -> list[Counted]:
        """Return the leaves of a payload, or raise PayloadError."""
        leaves: list[Counted] = []
        for i, group in enumerate(expect_list(payload, place)):
            here = f"{place}[{i}]"
            spelled, amounts = expect_list(group, here, 2)
            key = decode(spelled, f"{here}[0]")
            counted = decode_amounts(amounts, f"{here}[1]", signed=True)
            if not counted or (leaves and leaves[-1][0][0] == key):
                raise PayloadError("neighbours of one element stand in one group", here)
            leaves += [((key, amount), often) for amount, often in counted]
        return leaves


def _side(counter: Any, amount: int) -> dict[str, int]:
    """Return the tallies of a counter that an amount of this sign goes to."""
    if isinstance(counter, GCounter):
        return counter._tallies
    tallies: dict[str, int] = counter._raised if amount > 0 else counter._lowered
    return tallies


def _count(child: Any, key: Key, replica: str, leaf: Amount, often: int) -> None:
    """Add an amount to a count of a PNSet so many times, or take it back."""
    amount = total_of(leaf) * often
    tallies = child._tallies.setdefault(key, {})
    added, removed = tallies.get(replica, (0, 0))
    if total_of(leaf) > 0:
        tallies[replica] = (added + amount, removed)
    else:
        tallies[replica] = (added, removed - amount)
    if tallies[replica] == (0, 0):
        del tallies[replica]
    if not tallies:
        del child._tallies[key]
