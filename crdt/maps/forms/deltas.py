"""Types without dots in a map: the leaf is a delta, as canonical text.

Each delta has a dot of its own, less those that a newer one covers. For types whose deltas say all
by themselves: a removal takes away those that the remover had seen, and the others amount to what
they would amount to alone.

Compacting the map leaves them as they are: they cannot be joined into one under the dot of the last
as amounts can, because a newer delta may have covered just that one elsewhere. A child that forgets
by itself does so by its own `compact`; what that says covers the older deltas.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
import json
from typing import Any

from crdt.atoms import NOTHING
from crdt.causal.dotted import Counted, Dots, Leaf, Piece
from crdt.errors import PayloadError
from crdt.maps.forms.form import Place, Target, Writing
from crdt.native import Native
from crdt.payloads import expect_list
from crdt.tagged import canonical_text, decode, encode


class DeltaForm(Writing):
    """A type without dots: the leaf is the text of a delta."""

    def build(self, pieces: Iterable[Piece]) -> Any:
        """Return a new child with this content."""
        child = self.kind._blank()
        for text in dict.fromkeys(leaf for _, _, _, _, leaf in pieces):
            child._join(self._loaded(text))
        return child

    def change(self, child: Any, new: list[Piece], gone: list[Piece]) -> bool:
        """Change the child in place; False if it has to be built anew."""
        if gone:
            return False
        for _, _, _, _, leaf in new:
            child._join(self._loaded(leaf))
        return True

    def written(self, target: Target) -> tuple[list[Leaf], Dots]:
        """Return the delta as text, and the dots of the deltas that it makes superfluous."""
        dots: Dots = {}
        delta = target.delta
        native = isinstance(delta, Native)  # to compare every delta takes long
        may_cover = not native or delta._supersedes(target.child)
        mark = (native and delta._mark) or ""
        for replica, start, end, _, leaf in target.place.pieces() if may_cover else ():
            if mark in leaf and self._covers(delta, leaf):
                dots.setdefault(replica, []).append((start, end))
        return [text_of(delta)], dots

    def fresh(self, state: Any) -> list[Leaf]:
        """Return the leaves that copy a state under fresh dots."""
        return [] if state.initial else [text_of(state)]

    def _loaded(self, text: str) -> Any:
        """Return the delta that a leaf stands for; nobody may change it."""
        return loaded(self.kind, text)

    def _covers(self, delta: Any, leaf: Leaf) -> bool:
        covered: bool = self._loaded(leaf).compare(delta)
        return covered

    def encode(self, leaves: list[Counted]) -> list[Any]:
        """Return the payload of neighbouring leaves."""
        return [json.loads(leaf) for leaf, often in leaves for _ in range(often)]

    def decode(self, payload: Any, place: str, depth: int) -> list[Counted]:
        """Return the leaves of a payload, or raise PayloadError."""
        items = enumerate(expect_list(payload, place))
        return [(text_of(self._decoded(item, f"{place}[{i}]")), 1) for i, item in items]

    def _decoded(self, payload: Any, place: str) -> Any:
        try:
            state = self.kind.from_payload(payload)
            self.kind()._same_type(state)  # a set of another bias would not join
        except PayloadError as error:
            raise PayloadError(error.reason, place) from None
        except TypeError as error:
            raise PayloadError(str(error), place) from None
        if state.initial:
            raise PayloadError("a delta that says nothing is left out", place)
        return state


class HandForm(DeltaForm):
    """A hand-written type: its deltas where it has some, else whole states, which are deltas too.

    Its merge may refuse: two users under one key, say. What does not join to those before it, in
    the order of their texts, does not show then, at any replica.
    """

    def build(self, pieces: Iterable[Piece]) -> Any:
        """Return a new child with this content."""
        child = self.kind._blank()
        for text in sorted({leaf for _, _, _, _, leaf in pieces}):
            with suppress(Exception):
                child._join(self._loaded(text))
        return child

    def _covers(self, delta: Any, leaf: Leaf) -> bool:
        try:
            return super()._covers(delta, leaf)
        except Exception:  # noqa: BLE001  # a merge by hand may refuse in any way
            return False

    def change(self, child: Any, new: list[Piece], gone: list[Piece]) -> bool:
        """Nothing changes in place."""
        return False

    def share(self, child: Any, place: Place) -> None:
        """Nothing: it has no context and no print."""

    def _loaded(self, text: str) -> Any:
        # Afresh each time: a merge by hand may give away what its arguments hold.
        return self.kind.from_payload(json.loads(text))


class ConstantForm(Writing):
    """A constant of a compound: the leaf is its value. Of two set at once, the smaller shows."""

    def build(self, pieces: Iterable[Piece]) -> Any:
        """Return the key that shows, `NOTHING` if none does."""
        return min([leaf for _, _, _, _, leaf in pieces], key=canonical_text, default=NOTHING)

    def change(self, child: Any, new: list[Piece], gone: list[Piece]) -> bool:
        """Nothing changes in place."""
        return False

    def written(self, target: Target) -> tuple[list[Leaf], Dots]:
        """Return the value; what others set at once stays beside it."""
        return [target.delta], {}

    def fresh(self, state: Any) -> list[Leaf]:
        """Return the value."""
        return [state]

    def encode(self, leaves: list[Counted]) -> list[Any]:
        """Return the values."""
        return [encode(key) for key, often in leaves for _ in range(often)]

    def decode(self, payload: Any, place: str, depth: int) -> list[Counted]:
        """Return the values of a payload, or raise PayloadError."""
        items = enumerate(expect_list(payload, place))
        return [(decode(item, f"{place}[{i}]", values=True), 1) for i, item in items]


def text_of(state: Any) -> str:
    """Return the leaf that stands for a delta."""
    return str(state.canonical(), "ascii")


@lru_cache(maxsize=4096)
def loaded(kind: Any, text: str) -> Any:
    """Return the delta that a leaf stands for; nobody may change it."""
    return kind.from_payload(json.loads(text))
