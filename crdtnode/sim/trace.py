"""The fingerprint of a run: a hash over every event that was delivered, in order.

Rule of this file: only what a node could notice is hashed - when, what, from whom, to whom, which
bytes. Two runs with equal hashes were the same run, whatever process or engine ran them.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgpack

_CHUNK = 256
"""Events that are packed before they are hashed."""


class Happening(NamedTuple):
    """One delivered event."""

    moment: int
    """Nanoseconds since the start."""
    kind: str
    source: str
    target: str
    data: bytes

    def __str__(self) -> str:
        seconds = self.moment / 1_000_000_000
        route = f"{self.source} -> {self.target}" if self.source else self.target
        return f"{seconds:.9f} s  {self.kind:<9} {route}  {self.data.hex()}"


class Trace:
    """Collects the hash; keeps the happenings too where ``record`` is true.

    Example:
        >>> trace = Trace(record=True)
        >>> trace.add(1500, "datagram", "a", "b", b"hi")
        >>> print(trace.happenings[0])
        0.000001500 s  datagram  a -> b  6869
        >>> trace.digest()
        '6c6030d85290068b'
    """

    def __init__(self, *, record: bool = False) -> None:
        self._hash = blake2b(digest_size=8)
        self._packer = msgpack.Packer(autoreset=False)
        self._room = _CHUNK
        self.happenings: list[Happening] | None = [] if record else None

    def add(self, moment: int, kind: str, source: str, target: str, data: bytes = b"") -> None:
        """Note that something was delivered; ``data`` is what came."""
        self._packer.pack((moment, kind, source, target, data))
        self._room -= 1
        if not self._room:
            self._take_in()
        if self.happenings is not None:
            self.happenings.append(Happening(moment, kind, source, target, data))

    def digest(self) -> str:
        """The hash of everything so far, 16 hex digits."""
        self._take_in()
        return self._hash.hexdigest()

    def _take_in(self) -> None:
        self._hash.update(self._packer.getbuffer())
        self._packer.reset()
        self._room = _CHUNK


def first_difference(ours: Sequence[object], theirs: Sequence[object]) -> str | None:
    """Where two recorded runs part, as text for people; None where they are the same.

    Example:
        >>> print(first_difference(["start a", "start b"], ["start a"]))
        event 1: one run goes on with
          start b
        where the other ends
    """
    for number, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        if one != other:
            return f"event {number}: one run has\n  {one}\nwhere the other has\n  {other}"
    if len(ours) == len(theirs):
        return None
    longer, number = max(ours, theirs, key=len), min(len(ours), len(theirs))
    return f"event {number}: one run goes on with\n  {longer[number]}\nwhere the other ends"
