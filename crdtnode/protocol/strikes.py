"""Objects on which we and a peer never agree: they are set aside, with that peer only.

A strike is given where a peer answered what we sent, nothing else had changed here, and after the
join our version is not the one that it claims: its code or ours breaks the laws (a merge that sums,
an encoding that is not canonical), or a base was mistaken for another. After the first strike the
object travels whole; after the third neither side sends it for a while, so that it costs nothing
and hides no other difference: probes carry its place and version, which explains the roots.
"""

from collections import OrderedDict
from collections.abc import Iterable

from crdtnode.values import struct

STRIKES_MOST = 3
"""Strikes after which an object is set aside; later one is enough."""

ASIDE_FIRST = 60.0
"""Seconds for which an object is set aside the first time; doubles each time."""

ASIDE_MOST = 3600.0
"""Most seconds for which an object is set aside."""

HELD_MOST = 16
"""Objects set aside that are named in a message."""

MARKS_MOST = 4096
"""Objects with strikes that are remembered, over all peers."""


@struct
class _Mark:
    strikes: int = 0
    until: float = 0.0
    """Until when it is set aside."""
    aside: float = 0.0
    """Seconds for which it was set aside last, 0 if never."""


class Strikes:
    """Strikes by peer and place."""

    def __init__(self) -> None:
        self._marks: OrderedDict[tuple[bytes, int], _Mark] = OrderedDict()
        self._told: dict[bytes, frozenset[int]] = {}

    def strike(self, boot: bytes, place: int, now: float) -> float:
        """Give a strike; gives the seconds for which that sets the object aside, 0 if it does not."""
        mark = self._marks.setdefault((boot, place), _Mark())
        if len(self._marks) > MARKS_MOST:
            self._marks.popitem(last=False)
        mark.strikes += 1
        if mark.strikes < STRIKES_MOST:
            return 0.0
        mark.aside = min(2 * mark.aside, ASIDE_MOST) if mark.aside else ASIDE_FIRST
        mark.until = now + mark.aside
        return mark.aside

    def agree(self, boot: bytes, place: int) -> None:
        """We and a peer agree on an object after all."""
        self._marks.pop((boot, place), None)

    def doubtful(self, boot: bytes, place: int) -> bool:
        """Whether there was a strike: what the peer has is not to be relied on."""
        return (boot, place) in self._marks

    def aside(self, boot: bytes, now: float) -> list[int]:
        """The places that are set aside with a peer now."""
        if not self._marks:
            return []
        return [p for (peer, p), mark in self._marks.items() if peer == boot and mark.until > now]

    def hear(self, boot: bytes, places: Iterable[int]) -> None:
        """A peer says what it has set aside with us."""
        told = frozenset(places)
        if told:
            self._told[boot] = told
        else:
            self._told.pop(boot, None)

    def left_alone(self, boot: bytes, now: float) -> frozenset[int]:
        """The places that neither side sends now."""
        return self._told.get(boot, frozenset()).union(self.aside(boot, now))

    def forget(self, boot: bytes) -> None:
        """This process is gone."""
        self._told.pop(boot, None)
        for key in [key for key in self._marks if key[0] == boot]:
            del self._marks[key]
