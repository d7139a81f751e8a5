"""Types without dots in a map: the leaf is a delta, as canonical text.

Each delta has a dot of its own, less those that a newer one covers. For types whose deltas say all
by themselves: a removal takes away those that the remover had seen, and the others amount to what
they would amount to alone. Once everybody has seen a number of deltas of one replica, compacting
joins them into one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
import json
from typing import Any

from crdt.atoms import NOTHING
from crdt.causal.dotted import Counted, Dots, Dotted, Leaf, Piece, Settling, folded, within
from crdt.errors import PayloadError
from crdt.maps.forms.form import Form, Target
from crdt.payloads import expect_list
from crdt.tagged import canonical_text, decode, encode

_JOINED = "+"
"""The key of ``{"+": payload}``, several deltas in one; no field and no delta is called so."""


class DeltaForm(Form):
    """A type without dots: the leaf is the text of a delta, or ``(text,)`` of several joined."""

    def build(self, pieces: Iterable[Piece]) -> Any:
        """Return a new child with this content."""
        child = self.kind._blank()
        for text in dict.fromkeys(_text(leaf) for _, _, _, _, leaf in pieces):
            child._join(loaded(self.kind, text))
        return child

    def change(self, child: Any, new: list[Piece], gone: list[Piece]) -> bool:
        """Change the child in place; False if it has to be built anew."""
        if gone:
            return False
        for _, _, _, _, leaf in new:
            child._join(loaded(self.kind, _text(leaf)))
        return True

    def written(self, target: Target) -> tuple[list[Leaf], Dots]:
        """Return the delta as text, and the dots of the deltas that it makes superfluous."""
        dots: Dots = {}
        for replica, start, end, _, leaf in target.place.pieces():
            if loaded(self.kind, _text(leaf)).compare(target.delta):
                dots.setdefault(replica, []).append((start, end))
        return [text_of(target.delta)], dots

    def fresh(self, state: Any) -> list[Leaf]:
        """Return the leaves that copy a state under fresh dots."""
        return [] if state.initial else [text_of(state)]

    def settled(self, leaf: Leaf) -> bool:
        """Tell whether the content of a dot can change no more."""
        return type(leaf) is tuple

    def settle(self, pieces: list[Piece], stable: Dotted) -> Iterator[Settling]:
        """Yield the join of the deltas of each replica that everybody has seen."""
        return folded(within(pieces, stable._seen), self._join_of)

    def _join_of(self, leaves: list[Counted]) -> Leaf:
        joined = self.kind._blank()
        for leaf, _ in leaves:
            joined._join(loaded(self.kind, _text(leaf)))
        return (text_of(joined),)

    def encode(self, leaves: list[Counted]) -> list[Any]:
        """Return the payload of neighbouring leaves."""
        spelled = [
            {_JOINED: json.loads(leaf[0])} if type(leaf) is tuple else json.loads(leaf)
            for leaf, _ in leaves
        ]
        often = [often for _, often in leaves]
        return [one for one, times in zip(spelled, often, strict=True) for _ in range(times)]

    def decode(self, payload: Any, place: str, depth: int) -> list[Counted]:
        """Return the leaves of a payload, or raise PayloadError."""
        leaves: list[Counted] = []
        for i, item in enumerate(expect_list(payload, place)):
            here = f"{place}[{i}]"
            joined = type(item) is dict and item.keys() == {_JOINED}
            text = text_of(self._decoded(item[_JOINED] if joined else item, here))
            leaves.append(((text,) if joined else text, 1))
        return leaves

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


class ConstantForm(Form):
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


def _text(leaf: Leaf) -> str:
    text: str = leaf if type(leaf) is str else leaf[0]
    return text
