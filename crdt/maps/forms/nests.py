"""What is made of parts in a map: each part lives in its own form, and the leaf names it.

A compound has fields, a growing map has entries. Neither has dots of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from crdt.atoms import Key
from crdt.catalogue import tag_of
from crdt.causal.dotted import Counted, Dotted, Entry, Leaf, Piece, Settling, visibly
from crdt.errors import PayloadError, UnknownTypeError
from crdt.maps.forms.deltas import ConstantForm
from crdt.maps.forms.form import Form, Nest, Place, Target, grouped
from crdt.maps.live import MAX_DEPTH
from crdt.payloads import expect_list
from crdt.tagged import decode, encode


class CompoundForm(Nest):
    """A compound: the leaf names the field.

    Args:
        kind: The type of the compound.
        forms: How the types of its fields live in a map.
    """

    def __init__(self, kind: Any, forms: dict[str, Form]) -> None:
        super().__init__(kind)
        self._forms = forms
        self._constant = ConstantForm(None)

    def part(self, step: Any) -> Form:
        """Return how a field lives in the map."""
        return self._forms.get(step, self._constant)

    def share(self, child: Any, place: Place) -> None:
        """Let every field count with the map."""
        super().share(child, place)
        for name, form in self._forms.items():
            part = child._part(name)
            child._lower(part)
            form.share(part, place.inner(name))

    def targets(self, target: Target) -> Iterator[Target]:
        """Yield what a delta of the compound changes: usually one field."""
        delta, child, place = target.delta, target.child, target.place
        for name, key in delta._fixed.items():
            yield Target(self._constant, None, key, place.inner(name))
        for name, part in delta._parts.items():
            form = self.part(name)
            yield from form.targets(Target(form, child._part(name), part, place.inner(name)))

    def build(self, pieces: Iterable[Piece]) -> Any:
        """Return a new child with this content."""
        child = self.kind._blank()
        for name, (parts,) in self.split(pieces).items():
            kept = child._fixed if name in self.kind._constants else child._parts
            kept[name] = self.part(name).build(parts)
        return child

    def change(self, child: Any, new: list[Piece], gone: list[Piece]) -> bool:
        """Change the fields in place; False if the child has to be built anew."""
        parts = self.split(new, gone).items()
        return all(self.part(name).change(child._parts.get(name), *pair) for name, pair in parts)

    def fresh(self, state: Any) -> list[Leaf]:
        """Return the leaves that copy a state under fresh dots."""
        fields = [*state._fixed.items(), *state._parts.items()]
        return [(name, leaf) for name, held in fields for leaf in self.part(name).fresh(held)]

    def encode(self, leaves: list[Counted]) -> list[Any]:
        """Return the payload of neighbouring leaves: those of each field together."""
        return [[name, self.part(name).encode(inner)] for name, inner in grouped(leaves)]

    def decode(self, payload: Any, place: str, depth: int) -> list[Counted]:
        """Return the leaves of a payload, or raise PayloadError."""
        leaves: list[Counted] = []
        for i, group in enumerate(expect_list(payload, place)):
            here = f"{place}[{i}]"
            name, inner = expect_list(group, here, 2)
            if type(name) is not str or name not in self.kind._constants | self._forms.keys():
                raise PayloadError("expected the name of a field", f"{here}[0]")
            _extend(leaves, name, self.part(name).decode(inner, f"{here}[1]", depth), here)
        return leaves


class GrowingForm(Nest):
    """A GMap: the leaf names the entry.

    Args:
        kind: The type of the map.
        form_at: Returns how the type of a tag lives in a map; raises as `read_entry` knows.
    """

    def __init__(self, kind: Any, form_at: Callable[[str], Form]) -> None:
        super().__init__(kind)
        self._form_at = form_at

    def part(self, step: Any) -> Form:
        """Return how the child of an entry lives in the map."""
        return self._form_at(step[1])

    def share(self, child: Any, place: Place) -> None:
        """Let every child, those to come as well, count with the map."""
        super().share(child, place)
        child._host = Host(self, place)
        for entry, part in child._children.items():
            child._lower(part)
            self.part(entry).share(part, place.inner(entry))

    def targets(self, target: Target) -> Iterator[Target]:
        """Yield what a delta of the map changes: usually one child."""
        for entry, part in target.delta._held():
            form, child = self.part(entry), target.child._handle(entry)
            yield from form.targets(Target(form, child, part, target.place.inner(entry)))

    def build(self, pieces: Iterable[Piece]) -> Any:
        """Return a new child with this content."""
        child = self.kind._blank()
        for entry, (parts,) in self.split(pieces).items():
            form = self.part(entry)
            if any(form.shows(piece[4]) for piece in parts):
                child._add(entry, form.build(parts))
            else:
                child._children[entry] = form.build(parts)
        return child

    def change(self, child: Any, new: list[Piece], gone: list[Piece]) -> bool:
        """Change the children in place; False if the map has to be built anew."""
        if gone:
            return False
        parts = self.split(new).items()
        for entry, (pieces,) in parts:
            if any(self.part(entry).shows(piece[4]) for piece in pieces):
                child._show(entry)
        return all(
            self.part(entry).change(child._handle(entry), pieces, []) for entry, (pieces,) in parts
        )

    def settle(self, pieces: list[Piece], stable: Dotted) -> Iterator[Settling]:
        """Yield what compacting does to each child, if that does not hide its key."""
        for entry, (parts,) in self.split(pieces).items():
            form = self.part(entry)
            found = form.settle(parts, stable)
            for dots, settled in visibly(found, parts, form.shows):
                yield dots, [(*piece[:4], (entry, piece[4])) for piece in settled]

    def fresh(self, state: Any) -> list[Leaf]:
        """Return the leaves that copy a state under fresh dots."""
        return [
            (entry, leaf) for entry, part in state._held() for leaf in self.part(entry).fresh(part)
        ]

    def encode(self, leaves: list[Counted]) -> list[Any]:
        """Return the payload of neighbouring leaves: those of each entry together."""
        return [
            [encode(entry[0]), entry[1], self.part(entry).encode(inner)]
            for entry, inner in grouped(leaves)
        ]

    def decode(self, payload: Any, place: str, depth: int) -> list[Counted]:
        """Return the leaves of a payload, or raise PayloadError."""
        leaves: list[Counted] = []
        for i, group in enumerate(expect_list(payload, place)):
            here = f"{place}[{i}]"
            entry, counted = read_entry(group, here, depth + 1, self._form_at)
            _extend(leaves, entry, counted, here)
        return leaves


class Host:
    """What a growing map that lives in an ORMap knows of that: who counts, and where it stands."""

    def __init__(self, form: GrowingForm, place: Place) -> None:
        self._form = form
        self._place = place

    def check(self, kind: Any) -> None:
        """Raise TypeError if objects of this type cannot live there."""
        self._form.part((None, tag_of(kind)))

    def take_in(self, entry: Entry, child: Any) -> None:
        """Let a new child count with the map around."""
        self._form.part(entry).share(child, self._place.inner(entry))

    def copy(self, delta: Any, entry: Entry, state: Any) -> None:
        """Put a copy of a state under fresh dots, and add to ``delta`` what that adds."""
        inner, whole = self._place.inner(entry), self._place.whole
        form = self._form.part(entry)
        change = whole._write(
            [(inner.entry, inner.wrapped(leaf)) for leaf in form.fresh(state)], {}
        )
        delta._add(entry, form.build(Place(change, inner.entry, inner.path).pieces()))


def read_entry(
    payload: Any, place: str, depth: int, form_at: Callable[[str], Form]
) -> tuple[Entry, list[Counted]]:
    """Return the entry and the leaves that ``[key, tag, leaves]`` spells, or raise PayloadError."""
    spelled, tag, leaves = expect_list(payload, place, 3)
    if depth > MAX_DEPTH:
        raise PayloadError(f"maps nest at most {MAX_DEPTH} deep", place)
    if type(tag) is not str:
        raise PayloadError("expected a type tag", f"{place}[1]")
    try:
        form = form_at(tag)
    except (TypeError, UnknownTypeError) as error:
        raise PayloadError(str(error), f"{place}[1]") from None
    key: Key = decode(spelled, f"{place}[0]")
    return (key, tag), form.decode(leaves, f"{place}[2]", depth)


def _extend(leaves: list[Counted], step: Any, counted: list[Counted], place: str) -> None:
    """Add the leaves of a part, which are some and follow those of another one."""
    if not counted or (leaves and leaves[-1][0][0] == step):
        raise PayloadError("neighbours of one part stand in one group", place)
    leaves += [((step, leaf), often) for leaf, often in counted]
