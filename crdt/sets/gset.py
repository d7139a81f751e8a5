"""The grow-only set."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Self

from crdt.atoms import Key, identify
from crdt.packing import packed, sized
from crdt.payloads import decode_keys, encode_keys
from crdt.rows import Hash, Row
from crdt.sets.elements import E, ElementSet
from crdt.tagged import encode


class GSet(ElementSet[E]):
    """A set that only grows.

    Args:
        replica: Taken as every type does; adding needs no identity, so none is ever drawn.

    Payload:
        ``[element...]`` in canonical order.

    Source:
        Shapiro et al., INRIA RR-7506 (2011), Specification 11.

    Example:
        >>> seen = GSet()
        >>> delta = seen.update(["ann", "bob"])
        >>> seen.add("ann").payload   # nothing new, nothing to gossip
        []
        >>> other = GSet()
        >>> other.join(delta), sorted(other)
        (True, ['ann', 'bob'])
    """

    _fields = ("_elements",)
    _resettable = True
    _elements: dict[Key, None]

    def _supersedes(self, before: Self) -> bool:
        return False  # a delta holds what nobody here had added

    def add(self, element: E) -> Self:
        """Add an element and return the delta to gossip, empty if it was there.

        Raises:
            TypeError: It is of a type that cannot be an element; the message names a conversion.
            ValueError: NaN, an infinity, a lone surrogate, or nested too deep.
        """
        key = identify(element)
        delta = self._blank()
        if key in self._elements:
            return delta
        delta._elements[key] = None
        return self._publish(delta)

    def update(self, *others: Iterable[E]) -> Self:
        """Add all elements of ``others`` as one delta and return it.

        Raises:
            TypeError: One of them cannot be an element; nothing has changed.
            ValueError: One of them cannot be an element; nothing has changed.
        """
        keys = [identify(element) for other in others for element in other]
        delta = self._blank()
        delta._elements = dict.fromkeys(key for key in keys if key not in self._elements)
        return self._publish(delta) if delta._elements else delta

    def __isub__(self, other: object) -> Self:  # type: ignore[override]  # refuses all
        raise TypeError(f"nothing is ever removed from a {type(self).__name__}")

    __iand__ = __isub__
    __ixor__ = __isub__

    def __ior__(self, other: Iterable[E]) -> Self:  # type: ignore[override,misc]  # adds in place
        if not isinstance(other, Iterable):
            return NotImplemented
        self.update(other)
        return self

    def compare(self, other: Self) -> bool:
        """Tell whether every element here is in ``other`` too."""
        return self._elements.keys() <= self._same_type(other)._elements.keys()

    def _keys(self) -> Collection[Key]:
        return self._elements.keys()

    def _has(self, key: Key) -> bool:
        return key in self._elements

    def _empty(self) -> None:
        self._elements = {}

    def _copied(self) -> Self:
        new = self._blank()
        new._elements = self._elements.copy()
        return new

    def _join(self, other: Self) -> bool:
        before = len(self._elements)
        if self._print is not None:
            for key in other._elements:
                if key not in self._elements:
                    self._print.come((key,))
        self._elements.update(other._elements)
        return len(self._elements) > before

    def _bulk(self) -> int:
        return len(self._elements)

    def _hashed_rows(self, hash: Hash) -> Iterator[tuple[Row, int]]:
        return (((key,), 1) for key in self._elements)

    def _encode(self) -> list[Any]:
        return encode_keys(self._elements)

    def _decode(self, payload: Any) -> None:
        self._elements = decode_keys(payload, "payload")

    def _under(self, limit_bytes: int) -> Iterator[Self]:
        rows = ((key, sized(encode(key))) for key in self._elements)
        for part in packed(rows, limit_bytes):
            new = self._blank()
            new._elements = dict.fromkeys(part)
            yield new

    def _size(self) -> tuple[int, int]:
        return len(self._elements), 0
