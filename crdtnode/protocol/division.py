"""What is too large for one message: its parts, made when the first one takes them.

All who get the same version of an object at a time get the same parts, so that it is divided once
however many they are. What was made stays until the last of them has it.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from crdtnode.wire.messages import Form, Item

NOTHING: Final = object()
"""Stands where there is no further part."""


class Division:
    """The parts of one state or delta.

    Args:
        payloads: Makes them; each is lawful alone, and their join is the whole.
    """

    def __init__(self, payloads: Iterator[object]) -> None:
        self._payloads = payloads
        self._made: list[object] = []

    def __getitem__(self, index: int) -> object:
        """The payload of a part, `NOTHING` behind the last one; asked for in order."""
        while index >= len(self._made):
            self._made.append(next(self._payloads, NOTHING))
        return self._made[index]


class Pieces(NamedTuple):
    """An item that is too large for one message, and its parts."""

    whole: Item
    """What the last part says: what version results, and what it answers."""
    division: Division

    def item(self, index: int) -> Item | None:
        """A part as an item, None behind the last one; asked for in order."""
        payload = self.division[index]
        if payload is NOTHING:
            return None
        if self.division[index + 1] is NOTHING:
            return self.whole._replace(payloads=(payload,))
        return self.whole._replace(form=Form.PART, base=0, of=0, context=None, payloads=(payload,))
