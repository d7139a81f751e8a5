"""Keys in two phases: what was added, and what was removed and never comes back.

The state behind every vertex and edge that can be removed. A removal may overtake its add, so what
was removed counts as added.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from crdt.atoms import Key
from crdt.rows import Print, Row


class Phases:
    """A two-phase set of keys.

    Attributes:
        live: What was added and not removed.
        gone: What was removed.
    """

    __slots__ = ("gone", "live")

    def __init__(self, live: Iterable[Key] = (), gone: Iterable[Key] = ()) -> None:
        self.live = dict.fromkeys(live)
        self.gone = dict.fromkeys(gone)

    def __len__(self) -> int:
        return len(self.live) + len(self.gone)

    def __contains__(self, key: Key) -> bool:
        """Tell whether a key was ever added, removed since or not."""
        return key in self.live or key in self.gone

    def copy(self) -> Phases:
        """Return an independent copy."""
        return Phases(self.live, self.gone)

    def covered_by(self, other: Phases) -> bool:
        """Tell whether all that was added or removed here was so in ``other`` too."""
        return self.gone.keys() <= other.gone.keys() and all(key in other for key in self.live)

    def rows(self, name: str) -> Iterator[tuple[Row, int]]:
        """Yield the rows that this is in the state of a graph, where it is called ``name``."""
        for key in self.live:
            yield (name, key, "+"), 1
        for key in self.gone:
            yield (name, key, "-"), 1

    def tell(self, held: Print, name: str, other: Phases) -> None:
        """Tell a print which rows a join with ``other`` is about to change."""
        for key in other.gone:
            if key not in self.gone:
                held.swap((name, key, "+") if key in self.live else None, (name, key, "-"))
        for key in other.live:
            if key not in self and key not in other.gone:
                held.come((name, key, "+"))

    def join(self, other: Phases) -> tuple[list[Key], list[Key]]:
        """Take what ``other`` has; return what has become live here, and what has become gone."""
        gone = [key for key in other.gone if key not in self.gone]
        for key in gone:
            self.live.pop(key, None)
            self.gone[key] = None
        live = [key for key in other.live if key not in self]
        self.live.update(dict.fromkeys(live))
        return live, gone
