"""The shopping cart: quantities of items, where removing takes away what was seen.

Every add keeps its own dot and quantity, and what a cart shows of an item is the sum. RR-7506 folds
the quantity seen so far into each new pair instead, so that two adds at the same time count what
both had seen twice; here they count it once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Self

from crdt.amounts import whole
from crdt.atoms import Key, identify, lookup
from crdt.causal.amounts import decode_amounts, encode_amounts, is_sum, sum_of, total_of
from crdt.causal.dotted import Counted, Dotted, Entry, Leaf, Piece, Settling, folded, within
from crdt.maps.entries import EntryMap, K
from crdt.payloads import expect_list
from crdt.tagged import decode, encode


class ORCart(Dotted, EntryMap[K, int]):
    """Items with quantities; reads like a dict, and an item of which there is none is not there.

    Removing an item takes away every quantity that the remover had seen; what was added unseen
    stays. Removals leave no tombstones.

    Args:
        replica: Whom the object acts as; the caller promises that nobody else does.

    Payload:
        ``{replica: [groups, live, context]}`` with the live dots and all dots seen as runs
        ``[skipped, taken, skipped, taken...]`` and a group ``[item, [quantity, times, quantity,
        times...]]`` for neighbouring dots of one item; a quantity is ``["+", sum]`` once it was
        compacted.

    Source:
        Shapiro et al., INRIA RR-7506 (2011), Specification 21, with a quantity for each dot.

    Example:
        >>> phone, laptop = ORCart("phone"), ORCart("laptop")
        >>> _ = laptop.join(phone.add("tea", 2))
        >>> removed = phone.remove("tea")       # while on the other:
        >>> added = laptop.add("tea", 3)
        >>> phone.join(added), laptop.join(removed)
        (True, True)
        >>> phone.value, laptop["tea"]
        ({'tea': 3}, 3)
    """

    def add(self, item: K, quantity: int = 1) -> Self:
        """Put a quantity of an item into the cart and return the delta to gossip.

        Args:
            item: What may be an element of a set.
            quantity: How many; of none, nothing changes.

        Raises:
            TypeError: ``item`` cannot be an item, or ``quantity`` is no whole number.
            ValueError: ``item`` cannot be an item, or ``quantity`` is below zero.
        """
        key = identify(item)
        amount = whole(quantity, at_least=0)
        return self._write([(key, amount)] if amount else [], {})

    def discard(self, item: object) -> Self:
        """Take all seen of an item out, if there is any, and return the delta to gossip."""
        return self._write((), *self._removing([lookup(item)]))

    def remove(self, item: K) -> Self:
        """Take all seen of an item out and return the delta to gossip.

        Raises:
            KeyError: There is none; the cart is unchanged.
        """
        if item not in self:
            raise KeyError(item)
        return self.discard(item)

    def clear(self) -> Self:
        """Take all seen out, as one delta, and return it."""
        return self._write((), *self._removing(self._leaves))

    def _keys(self) -> Collection[Key]:
        return self._leaves.keys()

    def _has(self, key: Key) -> bool:
        return key in self._leaves

    def _at(self, key: Key) -> int:
        pieces = self._pieces_of(key)
        return sum([total_of(quantity) * (end - start) for _, start, end, _, quantity in pieces])

    def _fresh(self) -> Iterator[Leaf]:
        for item in self._leaves:
            yield item, self._at(item)

    @classmethod
    def _encode_group(cls, entry: Entry, leaves: list[Counted]) -> list[Any]:
        return [encode(entry), encode_amounts(leaves)]

    @classmethod
    def _decode_group(cls, payload: Any, place: str, depth: int) -> tuple[Entry, list[Counted]]:
        item, amounts = expect_list(payload, place, 2)
        return decode(item, f"{place}[0]"), decode_amounts(amounts, f"{place}[1]", signed=False)

    @classmethod
    def _settled(cls, entry: Entry, leaf: Leaf) -> bool:
        return is_sum(leaf)

    @classmethod
    def _settle(cls, pieces: list[Piece], stable: Dotted) -> Iterator[Settling]:
        yield from folded(within(pieces, stable._seen), sum_of)

    def _size(self) -> tuple[int, int]:
        return len(self._leaves), 0
