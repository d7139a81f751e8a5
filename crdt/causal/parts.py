"""The dots of a state in parts that each claim what they hold, and nothing else.

A part that carried the whole context would remove what is in the others. So a part claims its own
live dots and some of the removed ones, and can be joined anywhere without the others. Its size is
estimated from above: a number takes no more than the last counter of its replica.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from crdt.atoms import Key
from crdt.causal.runs import (
    Runs,
    gathered,
    last,
    minus,
    runs_between,
    runs_of,
    stretches,
    union,
)
from crdt.packing import sized
from crdt.tagged import encode_int

Dots = list[tuple[int, Key]]
"""Live dots of one replica, ascending, with what they stand for."""

_BEGIN: Dots = [(0, None)]
_BRACES_BYTES = 2
_BRACKETS_BYTES = len(":[[],[],[]]")


def parts_of(
    seen: Mapping[str, Runs],
    blocks_of: Callable[[str], Iterator[Dots]],
    encode_keys: Callable[[list[Key]], list[Any]],
    limit_bytes: int,
) -> Iterator[tuple[dict[str, Dots], dict[str, Runs]]]:
    """Yield the live dots and all claimed dots of each part.

    Args:
        seen: All dots seen, by replica.
        blocks_of: Returns the live dots of a replica, some at a time: they ascend, but may begin
            anew from a lesser one.
        encode_keys: Returns the payloads of what dots stand for.
        limit_bytes: What a part may take as JSON.
    """
    packer = Packer(limit_bytes)
    for replica in sorted(seen):
        for part in packer.replica(replica, blocks_of(replica), encode_keys, seen[replica]):
            yield part.live, part.claims()
    for part in packer.rest():
        yield part.live, part.claims()


@dataclass(slots=True)
class Part:
    """Some dots, by replica: live ones with what they stand for, and stretches of removed ones."""

    live: dict[str, Dots] = field(default_factory=dict)
    removed: dict[str, list[int]] = field(default_factory=dict)
    size_bytes: int = _BRACES_BYTES

    def replicas(self) -> set[str]:
        """Return the replicas of which there is something."""
        return self.live.keys() | self.removed.keys()

    def claims(self) -> dict[str, Runs]:
        """Return all dots that the part claims to have seen, by replica."""
        return {replica: self._claimed(replica) for replica in self.replicas()}

    def _claimed(self, replica: str) -> Runs:
        live = runs_of([counter for counter, _ in self.live.get(replica, ())])
        removed = self.removed.get(replica, ())
        return union(live, runs_between(zip(removed[::2], removed[1::2], strict=True)))

    def extends(self, replica: str, counter: int) -> bool:
        """Tell whether a live dot would lengthen a run, or be the first one of its replica."""
        dots = self.live.get(replica)
        return not dots or dots[-1][0] == counter - 1


class Packer:
    """Gathers dots into parts of at most ``limit_bytes`` as JSON; a larger dot stands alone."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._part = Part()

    def replica(
        self,
        replica: str,
        blocks: Iterable[Dots],
        encode_keys: Callable[[list[Key]], list[Any]],
        seen: Runs,
    ) -> Iterator[Part]:
        """Take in the dots of a replica; yield the parts that are full.

        Args:
            replica: Whose they are.
            blocks: The live ones, as of `parts_of`.
            encode_keys: Returns the payloads of what these stand for.
            seen: All dots seen.
        """
        number_bytes = sized(encode_int(last(seen)))
        around_bytes = sized(replica) + _BRACKETS_BYTES + 4 * number_bytes  # and a first run
        alive: list[tuple[int, int]] = []
        for dots in blocks:
            elements = encode_keys([key for _, key in dots])
            if self._part.live.get(replica, _BEGIN)[-1][0] >= dots[0][0]:
                yield self._part  # a part's dots ascend
                self._part = Part()
            for dot, element in zip(dots, elements, strict=True):
                element_bytes = sized(element)
                # Two numbers for the live run and two for the context, unless both go on.
                run_bytes = 0 if self._part.extends(replica, dot[0]) else 4 * number_bytes
                yield from self._room(replica, element_bytes + run_bytes, around_bytes)
                self._part.live.setdefault(replica, []).append(dot)
            alive += stretches(runs_of([counter for counter, _ in dots]))
        for start, end in stretches(minus(seen, gathered(alive))):
            yield from self._room(replica, 2 * number_bytes, around_bytes)
            self._part.removed.setdefault(replica, []).extend((start, end))

    def rest(self) -> Iterator[Part]:
        """Yield the last part, if anything is in it."""
        if self._part.replicas():
            yield self._part

    def _room(self, replica: str, wanted_bytes: int, around_bytes: int) -> Iterator[Part]:
        """Count ``wanted_bytes``, in a new part if this one has no room; yield a full one."""
        begun = self._part.replicas()
        needed_bytes = wanted_bytes if replica in begun else wanted_bytes + around_bytes
        if begun and self._part.size_bytes + needed_bytes > self._limit_bytes:
            yield self._part
            self._part, needed_bytes = Part(), wanted_bytes + around_bytes
        self._part.size_bytes += needed_bytes
