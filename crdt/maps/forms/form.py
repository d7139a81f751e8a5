"""What it takes to live in a map that removes by dots: leaves, and where a child stands.

Whatever a child holds stands under dots of the map, as *leaves*: a removal takes away the dots that
the remover had seen, and with them exactly what these held.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from crdt.atoms import NOTHING
from crdt.causal.dotted import Counted, Dots, Dotted, Entry, Leaf, Piece, Settling
from crdt.causal.runs import Runs
from crdt.rows import UNKEPT


@dataclass(frozen=True)
class Place:
    """Where an object stands in a map: under an entry, and on a way from there inwards.

    Attributes:
        whole: The map.
        entry: The entry of the map.
        path: Fields of compounds and entries of growing maps, from outside in.
    """

    whole: Any
    entry: Entry
    path: tuple[Any, ...] = ()

    def inner(self, step: Any) -> Place:
        """Return the place one step further in."""
        return Place(self.whole, self.entry, (*self.path, step))

    def wrapped(self, leaf: Leaf) -> Leaf:
        """Return a leaf of the object as one of the whole entry."""
        for step in reversed(self.path):
            leaf = (step, leaf)
        return leaf

    def pieces(self) -> Iterator[Piece]:
        """Yield what the map holds of the object."""
        held: Iterator[Piece] = self.whole._pieces_of(self.entry)
        return self._own(held) if self.path else held

    def between(self, replica: str, start: int, end: int) -> Iterator[Piece]:
        """Yield what the map holds of the object under some dots."""
        pieces = self.whole._between(replica, start, end)
        return self._own(piece for piece in pieces if piece[3] == self.entry)

    def _own(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        for replica, start, end, entry, leaf in pieces:
            for step in self.path:
                if leaf[0] != step:
                    break
                leaf = leaf[1]
            else:
                yield replica, start, end, entry, leaf


@dataclass(frozen=True)
class Target:
    """What a delta changes in a map.

    Attributes:
        form: How the changed object lives in the map.
        child: The object, as it was.
        delta: Its delta.
        place: Where it stands.
    """

    form: Form
    child: Any
    delta: Any
    place: Place


class Form(ABC):
    """One way to live in a map.

    Attributes:
        kind: The child's type.
        shares: The child counts in the very context of the map, and sees to it itself.
    """

    shares: bool = False

    def __init__(self, kind: Any) -> None:
        self.kind = kind

    # --- the child as an object ----------------------------------------------------------------

    @abstractmethod
    def build(self, pieces: Iterable[Piece]) -> Any:
        """Return a new child with this content."""

    @abstractmethod
    def change(self, child: Any, new: list[Piece], gone: list[Piece]) -> bool:
        """Change the child in place; False if it has to be built anew."""

    def share(self, child: Any, place: Place) -> None:
        """Let a live child count with the map, which changes it without its hearing of that."""
        child._print = UNKEPT

    # --- its changes ---------------------------------------------------------------------------

    def targets(self, target: Target) -> Iterator[Target]:
        """Yield what a delta changes: the object itself, or what it is made of."""
        yield target

    @abstractmethod
    def fresh(self, state: Any) -> list[Leaf]:
        """Return the leaves that copy a state under fresh dots, which follow each other."""

    # --- its leaves ----------------------------------------------------------------------------

    def settled(self, leaf: Leaf) -> bool:
        """Tell whether the content of a dot can change no more."""
        return False

    def shows(self, leaf: Leaf) -> bool:
        """Tell whether a dot with this content is a reason to show the key."""
        return True

    def kept(self, leaf: Leaf) -> Leaf:
        """Return what a dot holds after its removal, `NOTHING` if it goes."""
        return NOTHING

    def settle(self, pieces: list[Piece], stable: Dotted) -> Iterator[Settling]:
        """Yield what compacting does to these pieces, of which ``stable`` is known everywhere."""
        return iter(())

    # --- their payload -------------------------------------------------------------------------

    @abstractmethod
    def encode(self, leaves: list[Counted]) -> list[Any]:
        """Return the payload of neighbouring leaves."""

    @abstractmethod
    def decode(self, payload: Any, place: str, depth: int) -> list[Counted]:
        """Return the leaves of a payload, or raise PayloadError."""

    def fits(self, replica: str, counter: int, leaf: Leaf) -> bool:
        """Tell whether a leaf of a payload may stand under this dot."""
        return True


class Lifting(Form):
    """A form of a child whose dots are dots of the map."""

    @abstractmethod
    def lift(self, target: Target) -> tuple[list[Piece], dict[str, Runs]]:
        """Return a delta's pieces as pieces of the object in the map, and the dots it claims."""


class Writing(Form):
    """A form of a child whose deltas the map keeps as leaves, under dots of its own."""

    @abstractmethod
    def written(self, target: Target) -> tuple[list[Leaf], Dots]:
        """Return the leaves that a delta is, and the dots that they make superfluous."""


class Nest(Form):
    """A form of what is made of parts: a leaf is ``(step, leaf of the part)``.

    Attributes:
        shares: Some of the parts share the context; each is asked by itself.
    """

    @abstractmethod
    def part(self, step: Any) -> Form:
        """Return how a part lives in the map."""

    def settled(self, leaf: Leaf) -> bool:
        """Tell whether the content of a dot can change no more."""
        return self.part(leaf[0]).settled(leaf[1])

    def shows(self, leaf: Leaf) -> bool:
        """Tell whether a dot with this content is a reason to show the key."""
        return self.part(leaf[0]).shows(leaf[1])

    def kept(self, leaf: Leaf) -> Leaf:
        """Return what a dot holds after its removal, `NOTHING` if it goes."""
        kept = self.part(leaf[0]).kept(leaf[1])
        return NOTHING if kept is NOTHING else (leaf[0], kept)

    def settle(self, pieces: list[Piece], stable: Dotted) -> Iterator[Settling]:
        """Yield what compacting does to each part."""
        for step, (parts,) in self.split(pieces).items():
            for dots, settled in self.part(step).settle(parts, stable):
                yield dots, [(*piece[:4], (step, piece[4])) for piece in settled]

    def split(self, *lists: Iterable[Piece]) -> dict[Any, list[list[Piece]]]:
        """Return the pieces of each part, for each of ``lists``."""
        split: dict[Any, list[list[Piece]]] = {}
        for index, pieces in enumerate(lists):
            for replica, start, end, entry, (step, leaf) in pieces:
                parts = split.setdefault(step, [[] for _ in lists])
                parts[index].append((replica, start, end, entry, leaf))
        return split

    def fits(self, replica: str, counter: int, leaf: Leaf) -> bool:
        """Tell whether a leaf of a payload may stand under this dot."""
        return self.part(leaf[0]).fits(replica, counter, leaf[1])


def grouped(leaves: list[Counted]) -> list[tuple[Any, list[Counted]]]:
    """Return neighbouring leaves of parts by part: ``[(step, leaves of the part)...]``."""
    groups: list[tuple[Any, list[Counted]]] = []
    for (step, leaf), often in leaves:
        if not groups or groups[-1][0] != step:
            groups.append((step, []))
        groups[-1][1].append((leaf, often))
    return groups
