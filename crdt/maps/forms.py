"""How a type lives inside a map: as which leaves, under dots of the map.

A map removes by dots, so whatever a child holds must stand under dots. Causal types bring theirs:
each of their dots is one of the map's. A counter gets one for every increment, so that a removal
takes back exactly the increments that the remover had seen. A type without dots is kept as its
deltas, one dot each, less those that a newer one covers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
import json
from operator import itemgetter
from typing import Any

from crdt.atoms import NOTHING, Key
from crdt.causal import Causal
from crdt.causal.amounts import decode_amounts, encode_amounts
from crdt.causal.dotted import Counted, Dots, Dotted, Entry, Leaf, Piece
from crdt.causal.runs import Runs
from crdt.causal.spans import Span, runs_of_spans
from crdt.compound import Compound
from crdt.counters import GCounter, PNCounter
from crdt.errors import PayloadError
from crdt.native import Native
from crdt.payloads import expect_list
from crdt.tagged import canonical_text, decode, encode

_HOLDER = "a"
"""Stands for the replica where a spelling does not name it."""


@dataclass(frozen=True)
class Target:
    """What a delta changes inside a map.

    Attributes:
        form: How the changed object lives in the map.
        child: The changed object, as it was.
        delta: Its delta.
        path: The fields of compounds on the way to it, from outside in.
    """

    form: Form
    child: Any
    delta: Any
    path: tuple[str, ...]

    def wrapped(self, leaf: Leaf) -> Leaf:
        """Return a leaf of the changed object as one of the whole child."""
        for name in reversed(self.path):
            leaf = (name, leaf)
        return leaf

    def own(self, piece: Piece) -> Iterator[Piece]:
        """Yield a piece of the whole child as one of the changed object, if it is one."""
        replica, start, end, entry, leaf = piece
        for name in self.path:
            if leaf[0] != name:
                return
            leaf = leaf[1]
        yield replica, start, end, entry, leaf


class Form(ABC):
    """One way to live inside a map.

    Attributes:
        kind: The child's type.
        shares: The child counts its dots in the map's own context.
    """

    shares: bool = False

    def __init__(self, kind: Any) -> None:
        self.kind = kind

    @abstractmethod
    def build(self, pieces: Iterable[Piece]) -> Any:
        """Return a new child with this content."""

    @abstractmethod
    def change(self, child: Any, new: list[Piece], gone: list[Piece]) -> bool:
        """Change the child in place; False if it has to be built anew."""

    def lift(self, delta: Any, entry: Entry) -> Iterable[Piece]:
        """Return the pieces of a child's delta as pieces of the map, if they share dots."""
        raise NotImplementedError  # pragma: no cover  # only forms that share dots are asked

    def written(self, target: Target, pieces: list[Piece]) -> tuple[Leaf, Dots]:
        """Return the leaf that a child's delta is, and what it makes superfluous, otherwise."""
        raise NotImplementedError  # pragma: no cover  # forms that share dots are not asked

    @abstractmethod
    def fresh(self, state: Any) -> list[Leaf]:
        """Return the leaves that copy a state under fresh dots."""

    @abstractmethod
    def encode(self, leaves: list[Counted]) -> list[Any]:
        """Return the payload of neighbouring leaves."""

    @abstractmethod
    def decode(self, payload: Any, place: str, depth: int) -> list[Counted]:
        """Return the leaves of a payload, or raise PayloadError."""


class DottedForm(Form):
    """A map or cart inside a map: its entries and leaves together are the leaf."""

    shares = True

    def build(self, pieces: Iterable[Piece]) -> Dotted:
        """Return a new child with this content."""
        child: Dotted = self.kind._blank()
        for replica, start, end, _, (entry, leaf) in pieces:
            child._put(replica, start, end, entry, leaf)
        return child

    def change(self, child: Any, new: list[Piece], gone: list[Piece]) -> bool:
        """Change the child in place; False if it has to be built anew."""
        patch = self.build(new)
        patch._seen = _seen_of(new, gone)
        child._join(patch)
        return True

    def lift(self, delta: Dotted, entry: Entry) -> Iterator[Piece]:
        """Yield the pieces of a child's delta as pieces of the map."""
        for inner in delta._leaves:
            for replica, start, end, _, leaf in delta._pieces_of(inner):
                yield replica, start, end, entry, (inner, leaf)

    def fresh(self, state: Any) -> list[Leaf]:
        """Return the leaves that copy a state under fresh dots."""
        return list(state._fresh())

    def encode(self, leaves: list[Counted]) -> list[Any]:
        """Return the payload of neighbouring leaves."""
        items = ((entry, leaf, often) for (entry, leaf), often in leaves)
        groups: list[Any] = self.kind._grouped(items)
        return groups

    def decode(self, payload: Any, place: str, depth: int) -> list[Counted]:
        """Return the leaves of a payload, or raise PayloadError."""
        items = self.kind._ungrouped(payload, place, depth + 1)
        return [((entry, leaf), often) for entry, leaf, often in items]


class CausalForm(Form):
    """A type of live dots, such as ORSet: the leaf is what the dot stands for."""

    shares = True

    def build(self, pieces: Iterable[Piece]) -> Causal:
        """Return a new child with this content."""
        child: Causal = self.kind._blank()
        by_dot: dict[str, dict[int, Key]] = {}
        for replica, start, end, _, key in pieces:
            by_dot.setdefault(replica, {}).update(dict.fromkeys(range(start, end), key))
        for replica, dots in by_dot.items():
            ordered = {dot: dots[dot] for dot in sorted(dots)}
            live = {key: dot for dot, key in ordered.items()}
            child._live[replica] = live
            if len(live) < len(ordered):
                child._by_dot[replica] = ordered
        child._take_over(child)  # lets the type look at what it keeps for speed
        return child

    def change(self, child: Any, new: list[Piece], gone: list[Piece]) -> bool:
        """Change the child in place; False if it has to be built anew."""
        patch = self.build(new)
        patch._seen = _seen_of(new, gone)
        child._join(patch)
        return True

    def lift(self, delta: Causal, entry: Entry) -> Iterator[Piece]:
        """Yield the dots of a child's delta as pieces of the map."""
        for replica in delta._live:
            for dot, key in _dots(delta, replica):
                yield replica, dot, dot + 1, entry, key

    def fresh(self, state: Causal) -> list[Leaf]:
        """Return the leaves that copy a state under fresh dots."""
        keys = [key for replica in sorted(state._live) for _, key in _dots(state, replica)]
        return list(dict.fromkeys(keys))

    def encode(self, leaves: list[Counted]) -> list[Any]:
        """Return the payload of neighbouring leaves."""
        keys = [key for key, often in leaves for _ in range(often)]
        pieces = [(_HOLDER, dot, dot + 1, None, key) for dot, key in enumerate(keys, 1)]
        child = self.build(pieces)
        child._seen[_HOLDER] = len(keys)
        spelled: list[Any] = child._encode()[_HOLDER][0]
        return spelled

    def decode(self, payload: Any, place: str, depth: int) -> list[Counted]:
        """Return the leaves of a payload, or raise PayloadError."""
        often = len(expect_list(payload, place))
        if not often:
            return []
        try:
            child = self.kind.from_payload({_HOLDER: [payload, [0, often], [0, often]]})
        except PayloadError as error:
            raise PayloadError(error.reason, place) from None
        return [(key, 1) for _, key in _dots(child, _HOLDER)]


class CounterForm(Form):
    """A counter: the leaf is what one operation added, below zero for what it took away."""

    def build(self, pieces: Iterable[Piece]) -> Any:
        """Return a new child with this content."""
        child = self.kind._blank()
        self.change(child, list(pieces), [])
        return child

    def change(self, child: Any, new: list[Piece], gone: list[Piece]) -> bool:
        """Change the child in place; False if it has to be built anew."""
        for sign, pieces in ((1, new), (-1, gone)):
            for replica, start, end, _, amount in pieces:
                tallies = _side(child, amount)
                tally = tallies.get(replica, 0) + sign * abs(amount) * (end - start)
                if tally:
                    tallies[replica] = tally
                else:
                    del tallies[replica]
        return True

    def written(self, target: Target, pieces: list[Piece]) -> tuple[Leaf, Dots]:
        """Return what a delta adds to the child; below zero for what it takes away."""
        side = 1 if _side(target.delta, 1) else -1
        ((replica, tally),) = _side(target.delta, side).items()
        return side * (tally - _side(target.child, side).get(replica, 0)), {}

    @property
    def _signed(self) -> bool:
        return issubclass(self.kind, PNCounter)

    def fresh(self, state: Any) -> list[Leaf]:
        """Return the leaves that copy a state under fresh dots."""
        sides = (1, -1) if self._signed else (1,)
        totals = [side * sum(_side(state, side).values()) for side in sides]
        return [total for total in totals if total]

    def encode(self, leaves: list[Counted]) -> list[Any]:
        """Return the payload of neighbouring leaves."""
        return encode_amounts(leaves)

    def decode(self, payload: Any, place: str, depth: int) -> list[Counted]:
        """Return the leaves of a payload, or raise PayloadError."""
        return decode_amounts(payload, place, signed=self._signed)


class DeltaForm(Form):
    """A type without dots: the leaf is a delta, as canonical text."""

    def build(self, pieces: Iterable[Piece]) -> Any:
        """Return a new child with this content."""
        child = self.kind._blank()
        for text in {leaf for _, _, _, _, leaf in pieces}:
            child._join(loaded(self.kind, text))
        return child

    def change(self, child: Any, new: list[Piece], gone: list[Piece]) -> bool:
        """Change the child in place; False if it has to be built anew."""
        if gone:
            return False
        for _, _, _, _, text in new:
            child._join(loaded(self.kind, text))
        return True

    def written(self, target: Target, pieces: list[Piece]) -> tuple[Leaf, Dots]:
        """Return the delta as text, and the dots of the deltas that it makes superfluous."""
        dots: Dots = {}
        for replica, start, end, _, text in pieces:
            if loaded(self.kind, text).compare(target.delta):
                dots.setdefault(replica, []).append((start, end))
        return text_of(target.delta), dots

    def fresh(self, state: Any) -> list[Leaf]:
        """Return the leaves that copy a state under fresh dots."""
        return [] if state.initial else [text_of(state)]

    def encode(self, leaves: list[Counted]) -> list[Any]:
        """Return the payload of neighbouring leaves."""
        return [json.loads(text) for text, often in leaves for _ in range(often)]

    def decode(self, payload: Any, place: str, depth: int) -> list[Counted]:
        """Return the leaves of a payload, or raise PayloadError."""
        leaves = []
        for i, item in enumerate(expect_list(payload, place)):
            here = f"{place}[{i}]"
            try:
                state = self.kind.from_payload(item)
                self.kind()._same_type(state)  # a set of another bias would not join
            except PayloadError as error:
                raise PayloadError(error.reason, here) from None
            except TypeError as error:
                raise PayloadError(str(error), here) from None
            if state.initial:
                raise PayloadError("a delta that says nothing is left out", here)
            leaves.append((text_of(state), 1))
        return leaves


class ConstantForm(Form):
    """A constant of a compound: the leaf is its value. Of two set at once, the smaller shows."""

    def build(self, pieces: Iterable[Piece]) -> Any:
        """Return the key that shows, `NOTHING` if none does."""
        return min([leaf for _, _, _, _, leaf in pieces], key=canonical_text, default=NOTHING)

    def change(self, child: Any, new: list[Piece], gone: list[Piece]) -> bool:
        """Nothing changes in place."""
        return False

    def written(self, target: Target, pieces: list[Piece]) -> tuple[Leaf, Dots]:
        """Return the value; others that were set at once are taken back."""
        return target.delta, {}

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


class CompoundForm(Form):
    """A compound: each field lives in its own form, and the leaf names the field."""

    def __init__(self, kind: Any) -> None:
        super().__init__(kind)
        self.forms: dict[str, Form] = {name: form_of(one) for name, one in kind._kinds.items()}
        self._constant = ConstantForm(None)

    def inner(self, target: Target) -> Target:
        """Return the one field that a delta of the compound changes."""
        delta, path = target.delta, target.path
        for name, key in delta._fixed.items():
            return Target(self._constant, None, key, (*path, name))
        ((name, part),) = delta._parts.items()
        return Target(self.forms[name], target.child._part(name), part, (*path, name))

    def build(self, pieces: Iterable[Piece]) -> Any:
        """Return a new child with this content."""
        child = self.kind._blank()
        for name, (parts,) in self._split(pieces).items():
            kept = child._fixed if name in self.kind._constants else child._parts
            kept[name] = self._form(name).build(parts)
        return child

    def change(self, child: Any, new: list[Piece], gone: list[Piece]) -> bool:
        """Change the fields in place; False if the child has to be built anew."""
        parts = self._split(new, gone).items()
        return all(self._form(name).change(child._parts.get(name), *pair) for name, pair in parts)

    def _form(self, name: str) -> Form:
        return self.forms.get(name, self._constant)

    def _split(self, *lists: Iterable[Piece]) -> dict[str, list[list[Piece]]]:
        """Return the pieces of each field, for each of ``lists``."""
        split: dict[str, list[list[Piece]]] = {}
        for index, pieces in enumerate(lists):
            for replica, start, end, entry, (name, leaf) in pieces:
                parts = split.setdefault(name, [[] for _ in lists])
                parts[index].append((replica, start, end, entry, leaf))
        return split

    def fresh(self, state: Any) -> list[Leaf]:
        """Return the leaves that copy a state under fresh dots."""
        fields = [*state._fixed.items(), *state._parts.items()]
        return [(name, leaf) for name, held in fields for leaf in self._form(name).fresh(held)]

    def encode(self, leaves: list[Counted]) -> list[Any]:
        """Return the payload of neighbouring leaves: those of each field together."""
        groups: list[tuple[str, list[Counted]]] = []
        for (name, leaf), often in leaves:
            if not groups or groups[-1][0] != name:
                groups.append((name, []))
            groups[-1][1].append((leaf, often))
        return [[name, self._form(name).encode(inner)] for name, inner in groups]

    def decode(self, payload: Any, place: str, depth: int) -> list[Counted]:
        """Return the leaves of a payload, or raise PayloadError."""
        leaves: list[Counted] = []
        for i, group in enumerate(expect_list(payload, place)):
            here = f"{place}[{i}]"
            name, inner = expect_list(group, here, 2)
            if type(name) is not str or name not in self.kind._constants | self.forms.keys():
                raise PayloadError("expected the name of a field", f"{here}[0]")
            counted = self._form(name).decode(inner, f"{here}[1]", depth)
            if not counted or (leaves and leaves[-1][0][0] == name):
                raise PayloadError("neighbours of one field stand in one group", here)
            leaves += [((name, leaf), often) for leaf, often in counted]
        return leaves


def text_of(state: Native) -> str:
    """Return the leaf that stands for a delta."""
    return state.canonical().decode("ascii")


@lru_cache(maxsize=4096)
def loaded(kind: Any, text: str) -> Any:
    """Return the delta that a leaf stands for; nobody may change it."""
    return kind.from_payload(json.loads(text))


@lru_cache(maxsize=256)
def form_of(kind: Any) -> Form:
    """Return how a type lives inside a map.

    Raises:
        TypeError: It cannot; the message says why.
    """
    if issubclass(kind, Dotted):
        return DottedForm(kind)
    if issubclass(kind, Causal):
        return CausalForm(kind)
    if issubclass(kind, GCounter | PNCounter):
        return CounterForm(kind)
    if issubclass(kind, Compound):
        return CompoundForm(kind)
    if issubclass(kind, Native) and kind._resettable:
        return DeltaForm(kind)
    raise TypeError(
        f"a {kind.__qualname__} cannot live in an ORMap: removing the key could not take back "
        "exactly what the remover had seen"
    )


def _side(counter: Any, amount: int) -> dict[str, int]:
    """Return the tallies of a counter that an amount of this sign goes to."""
    if isinstance(counter, GCounter):
        return counter._tallies
    tallies: dict[str, int] = counter._raised if amount > 0 else counter._lowered
    return tallies


def _dots(state: Causal, replica: str) -> list[tuple[int, Key]]:
    """Return the live dots of a replica with their keys, in order."""
    if state._repeats(replica):
        return sorted(state._by_dot[replica].items(), key=itemgetter(0))
    return sorted([(dot, key) for key, dot in state._live[replica].items()], key=itemgetter(0))


def _seen_of(*parts: list[Piece]) -> dict[str, Runs]:
    spans: dict[str, list[Span]] = {}
    for pieces in parts:
        for replica, start, end, _, _ in pieces:
            spans.setdefault(replica, []).append((start, end))
    return {replica: runs_of_spans(stretches) for replica, stretches in spans.items()}
