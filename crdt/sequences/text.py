"""Text: a string that several people type into at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crdt.atoms import identify
from crdt.errors import PayloadError
from crdt.sequences.sequence import TwoSided
from crdt.sequences.spans import Content
from crdt.tagged import decode


class Text(TwoSided[str]):
    """A string of code points that many replicas edit at once.

    What one replica types in a run, forwards or backwards, stays together: a run that another one
    types at the same place stands before or behind it. It reads like a str and edits like a list:
    ``insert``, ``append``, ``extend`` and ``replace`` take strings of any length, ``in``, ``find``,
    ``index``, ``count`` and ``remove`` look for substrings, slices are strings. Positions count
    code points, and nothing is normalised.

    Args:
        replica: Whom the object acts as; the caller promises that nobody else does.

    Payload:
        ``{replica: [runs, deleted]}`` as that of `Sequence`, with a string for the items of a run:
        ``[skipped, taken, place, text]``.

    Source:
        Weidner, Kleppmann, "The art of the Fugue: minimizing interleaving in collaborative text
        editing" (2023), Algorithm 1; runs after Yjs (Nicolaescu et al., 2016).

    Example:
        >>> here, there = Text("here"), Text("there")
        >>> _ = there.join(here.append("Hello!"))
        >>> name, smile = here.insert(5, " Ann"), there.insert(5, " Bob")
        >>> here.join(smile), there.join(name)
        (True, True)
        >>> print(here, "|", there[:9], "|", "Ann Bob" in here)
        Hello Ann Bob! | Hello Ann | True
        >>> here.delete(0, 5).payload
        {'here': [[], [0, 5]]}
    """

    @property
    def value(self) -> str:
        """The visible text."""
        return "".join(self._contents())

    def __str__(self) -> str:
        return self.value

    def find(self, part: str, start: int = 0, stop: int | None = None) -> int:
        """Return the first position of a substring, -1 if it is not there; as `str.find`."""
        return self.value.find(part, start, stop)

    def index(self, value: str, start: int = 0, stop: int | None = None) -> int:
        """Return the first position of a substring; as `str.index`.

        Raises:
            ValueError: It is not there.
        """
        return self.value.index(value, start, stop)

    def count(self, value: str, start: int = 0, stop: int | None = None) -> int:
        """Return how often a substring is there without overlapping itself; as `str.count`."""
        return self.value.count(value, start, stop)

    def startswith(self, part: str | tuple[str, ...]) -> bool:
        """Tell whether the text begins so; as `str.startswith`."""
        return self.value.startswith(part)

    def endswith(self, part: str | tuple[str, ...]) -> bool:
        """Tell whether the text ends so; as `str.endswith`."""
        return self.value.endswith(part)

    def __contains__(self, part: object) -> bool:
        return isinstance(part, str) and part in self.value

    def __iter__(self) -> Iterator[str]:
        yield from self.value

    def __add__(self, other: object) -> str:
        return self.value + str(other) if isinstance(other, str | Text) else NotImplemented

    def __radd__(self, other: object) -> str:
        return other + self.value if isinstance(other, str) else NotImplemented

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, str | Text):
            return NotImplemented
        return self.value == str(other)

    def _shown(self, contents: list[Content]) -> str:
        return "".join(contents)

    def _one(self, item: Any) -> str:
        if not isinstance(item, str):
            raise TypeError(f"text takes str, not {type(item).__name__} (use str(x))")
        text: str = identify(item)
        return text

    def _many(self, items: Any) -> str:
        if isinstance(items, str | Text):
            return self._one(str(items))
        return "".join([self._one(item) for item in items])

    def _encode_content(self, contents: list[Content]) -> str:
        return "".join(contents)

    def _decode_content(self, payload: Any, place: str) -> str:
        if type(payload) is not str:
            raise PayloadError(f"expected text, not a {type(payload).__name__}", place)
        text: str = decode(payload, place)
        return text
