"""The two-phase set: what was removed never comes back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Self

from crdt.atoms import Key, element_of
from crdt.errors import PayloadError
from crdt.packing import packed, sized
from crdt.payloads import decode_keys, encode_keys, expect_fields
from crdt.rows import Hash, Print, Row
from crdt.sets.elements import E
from crdt.sets.mutable import MutableElementSet
from crdt.tagged import canonical_text, encode

Keys = dict[Key, None]

_ADDED, _REMOVED = "+", "-"
"""Phases in rows ``(key, phase)``."""

_FIELDS_BYTES = len('{"added":[],"removed":[]}')


class TwoPSet(MutableElementSet[E]):
    """A set whose elements are added once and removed for ever.

    Args:
        replica: Taken as every type does; no mutator needs an identity, so none is ever drawn.

    Payload:
        ``{"added": [element...], "removed": [element...]}``, each in canonical order, without
        what is empty; ``added`` leaves out what was removed.

    Source:
        Shapiro et al., INRIA RR-7506 (2011), Specification 12, whose compare needs an "and".

    Example:
        >>> invited = TwoPSet()
        >>> _ = invited.update(["ann", "bob"])
        >>> _ = invited.remove("bob")
        >>> invited.payload
        {'added': ['ann'], 'removed': ['bob']}
        >>> invited.add("bob")
        Traceback (most recent call last):
            ...
        ValueError: 'bob' was removed; a two-phase set never takes it back
    """

    _fields = ("_added", "_removed")
    _resettable = True
    _added: Keys
    _removed: Keys

    def _change(self, adds: Iterable[Key], drops: Iterable[Key]) -> Self:
        """Add and drop in one delta.

        Raises:
            ValueError: One of ``adds`` was removed; nothing has changed.
        """
        delta = self._blank()
        for key in adds:
            if key in self._removed:
                raise ValueError(
                    f"{element_of(key)!r} was removed; a two-phase set never takes it back"
                )
            if key not in self._added:
                delta._added[key] = None
        delta._removed = dict.fromkeys(key for key in drops if key in self._added)
        return self._publish(delta) if delta._added or delta._removed else delta

    def _supersedes(self, before: Self) -> bool:
        return bool(self._removed)  # what a delta adds was nowhere here

    @property
    def _mark(self) -> str | None:  # type: ignore[override]  # most types know of none
        return canonical_text(next(iter(self._removed))) if len(self._removed) == 1 else None

    def compare(self, other: Self) -> bool:
        """Tell whether all that was added or removed here was so in ``other`` too."""
        other = self._same_type(other)
        return self._removed.keys() <= other._removed.keys() and all(
            key in other._added or key in other._removed for key in self._added
        )

    def _keys(self) -> Collection[Key]:
        return self._added.keys()

    def _has(self, key: Key) -> bool:
        return key in self._added

    def _empty(self) -> None:
        self._added = {}
        self._removed = {}

    def _copied(self) -> Self:
        new = self._blank()
        new._added = self._added.copy()
        new._removed = self._removed.copy()
        return new

    def _join(self, other: Self) -> bool:
        removed = [key for key in other._removed if key not in self._removed]
        added = [
            key
            for key in other._added
            if key not in self._added and key not in self._removed and key not in other._removed
        ]
        if self._print is not None:
            self._tell(self._print, added, removed)
        for key in removed:
            self._added.pop(key, None)
        self._removed.update(dict.fromkeys(removed))
        self._added.update(dict.fromkeys(added))
        return bool(removed or added)

    def _tell(self, held: Print, added: list[Key], removed: list[Key]) -> None:
        """Tell the print what is about to be added and removed."""
        for key in removed:
            held.swap((key, _ADDED) if key in self._added else None, (key, _REMOVED))
        for key in added:
            held.come((key, _ADDED))

    def _bulk(self) -> int:
        return len(self._added) + len(self._removed)

    def _hashed_rows(self, hash: Hash) -> Iterator[tuple[Row, int]]:
        for keys, phase in ((self._added, _ADDED), (self._removed, _REMOVED)):
            for key in keys:
                yield (key, phase), 1

    def _encode(self) -> dict[str, Any]:
        parts = {"added": encode_keys(self._added), "removed": encode_keys(self._removed)}
        return {name: elements for name, elements in parts.items() if elements}

    def _decode(self, payload: Any) -> None:
        fields = expect_fields(payload, "payload", ("added", "removed"))
        for name, elements in fields.items():
            keys = decode_keys(elements, f"payload[{name!r}]")
            if not keys:
                raise PayloadError("what is empty is left out", f"payload[{name!r}]")
            setattr(self, f"_{name}", keys)
        if not self._added.keys().isdisjoint(self._removed):
            raise PayloadError("what was removed is left out", "payload['added']")

    def _under(self, limit_bytes: int) -> Iterator[Self]:
        rows = (
            ((name, key), sized(encode(key)))
            for name, keys in (("_added", self._added), ("_removed", self._removed))
            for key in keys
        )
        for part in packed(rows, limit_bytes, _FIELDS_BYTES):
            new = self._blank()
            for name, key in part:
                getattr(new, name)[key] = None
            yield new

    def _size(self) -> tuple[int, int]:
        return len(self._added), len(self._removed)
