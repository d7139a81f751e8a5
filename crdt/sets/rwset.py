"""The remove-wins set: a removal beats every concurrent add of its element."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Self

from crdt.atoms import NOTHING, Key, lookup
from crdt.causal.causal import Causal
from crdt.causal.settled import settle
from crdt.causal.store import Live
from crdt.payloads import decode_keys_by_dot
from crdt.sets.elements import E
from crdt.sets.shown import ShownSet
from crdt.tagged import decode, encode

_REMOVED = "-"
"""The tag of a removal in payloads; no element has it."""


class RWSet(Causal, ShownSet[E]):
    """A set where a concurrent remove beats an add.

    Adding and removing both leave a dot, in place of all dots of that element seen so far. An
    element is present if it has a dot and every surviving one is an add; so adding again after a
    removal that was seen brings it back. ``discard`` records a removal even of what is not there,
    to beat an add that has not arrived yet.

    Args:
        replica: Whom the object acts as; the caller promises that nobody else does.

    Payload:
        ``{replica: [writes, live, context]}``: the writes in the order of their dots, an added
        element as it is and a removed one as ``["-", element]``, then the live dots and all dots
        seen, as runs ``[skipped, taken, skipped, taken...]``.

    Source:
        Bieniusa et al., "Brief announcement: semantics of eventually consistent replicated sets"
        (2012); as a causal CRDT after Almeida, Shoker, Baquero, "Delta state replicated data
        types" (2018).

    Example:
        >>> here, there = RWSet("here"), RWSet("there")
        >>> _ = there.join(here.add("milk"))
        >>> removed = there.remove("milk")      # while here it is added again:
        >>> again = here.add("milk")
        >>> here.join(removed), there.join(again)
        (True, True)
        >>> here == there == set()
        True
        >>> there.payload
        {'here': [['milk'], [1, 1], [0, 2]], 'there': [[['-', 'milk']], [0, 1], [0, 1]]}
        >>> there.add("milk").payload           # it has seen the removal, and replaces it
        {'here': [[], [], [1, 1]], 'there': [['milk'], [1, 1], [0, 2]]}
    """

    def discard(self, element: object) -> Self:  # type: ignore[override]  # a set's returns None
        """Record a removal, whether the element is there or not, and return the delta."""
        key = lookup(element)
        return self._change((), () if key is NOTHING else [key])

    def compact(self, stable: Self) -> Self:
        """Forget removals that everybody knows of, on the caller's word; return the delta.

        A removal goes if ``stable`` has seen it and no add of its element survives here. The set
        looks as before.

        Args:
            stable: A state by which the caller gives his word: every replica has joined it before
                making any change that it lacks, and so has whoever made a state or delta that is
                still under way. An add that breaks it may show, although it was removed.

        Raises:
            TypeError: ``stable`` is of another type.
            ValueError: This set has not joined ``stable`` itself. Nothing has changed.
        """
        added = set(self._known())
        removed = {key for add, key in chain.from_iterable(self._live.values()) if not add}
        return settle(self, stable, [(False, key) for key in removed - added])

    def _change(self, adds: Iterable[Key], drops: Iterable[Key]) -> Self:
        added, removed = dict.fromkeys(adds), dict.fromkeys(drops)
        writes = [*((True, key) for key in added), *((False, key) for key in removed)]
        return super()._change(writes, [(not add, key) for add, key in writes])

    def _shows(self, key: Key) -> bool:
        lives = self._live.values()
        return any((True, key) in live for live in lives) and not any(
            (False, key) in live for live in lives
        )

    def _known(self) -> Iterator[Key]:
        return (key for added, key in chain.from_iterable(self._live.values()) if added)

    def _note(self, replica: str, first: int, keys: tuple[Key, ...]) -> None:
        super()._note(replica, first, keys)
        self._touched([key for _, key in keys])

    def _unnote(self, replica: str, counter: int, key: Key) -> None:
        super()._unnote(replica, counter, key)
        self._touched([key[1]])

    def _changed(self, new: Live, gone: Live) -> None:
        self._touched(key for _, key in chain(new, gone))

    @classmethod
    def _encode_keys(cls, keys: list[Key]) -> list[Any]:
        return [encode(key) if added else [_REMOVED, encode(key)] for added, key in keys]

    @classmethod
    def _decode_keys(cls, elements: list[Any], place: str) -> list[Key]:
        if all(type(element) is str for element in elements):
            return [(True, key) for key in decode_keys_by_dot(elements, place)]
        return [_decode_write(write, f"{place}[{i}]") for i, write in enumerate(elements)]

    def _size(self) -> tuple[int, int]:
        removed = {key for added, key in chain.from_iterable(self._live.values()) if not added}
        return len(self), len(removed)


def _decode_write(payload: Any, place: str) -> Key:
    if type(payload) is list and len(payload) == 2 and payload[0] == _REMOVED:
        return False, decode(payload[1], f"{place}[1]")
    return True, decode(payload, place)
