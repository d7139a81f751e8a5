"""What led each object to its present state: the deltas, and the versions between them.

Rule of this file: numbers and packed payloads only. If a version of which another node speaks
stands in an object's history, then both passed through that very state, and the deltas since then
are all that the other can lack: the merge base of a version control system.

Theory of operation. A history is a list of steps, each the version before it and the payloads that
led on from there, packed, as a stream of msgpack values. When it is full, one version is let go, and
its step is put together with the one before: bases thin out over time instead of being lost. Which
one goes follows from its age and from the version itself, a random number that is the same on every
node: a version whose lowest set bit is higher is kept for longer. So two nodes that parted keep the
same ones, though each of them was also in states that the other never saw. When it takes too many
bytes, the payloads of each step are joined to one; if that does not help enough, the oldest steps
go. A step is made only where a version led to another one: an object that was written once has no
history, and costs nothing here.

Invariant: the state of a step's version, joined with its payloads and those of all later steps, is
the state of the present version.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from typing import Final, NamedTuple, TypeAlias

from msgpack import Unpacker, packb

from crdt import PayloadError
from crdtnode.values import struct

STEPS_MOST: Final = 16
"""Steps of one object. More bases find a nearer one, and make each WANT longer by 4 bytes."""

OBJECT_BYTES_MOST: Final = 64 * 1024
"""Bytes of one object's history. More bridges longer partitions for types without contexts."""

ALL_BYTES_MOST: Final = 8 * 1024 * 1024
"""Bytes of all histories; over it the one that has not grown for the longest time is forgotten."""

STEP_BYTES: Final = 160
"""What Python needs for a step beside its payloads, about."""

KEPT: Final = 0.75
"""Share of its most bytes that a history keeps when it has to let go of its oldest steps."""

LOW: Final = 0xFFFF_FFFF
"""Takes the low half of a version."""

UNPACKABLE: Final = (TypeError, OverflowError, ValueError)
"""What msgpack raises on what it has no word for."""


class Step(NamedTuple):
    """What led on from one version."""

    before: int
    """The version that it leads from."""
    packed: bytes
    """The payloads of its deltas, a stream of msgpack values."""
    number: int = 0
    """Which change of version this was, counted from 1."""


Trail: TypeAlias = tuple[Step, ...]
"""The steps that led to some version, oldest first."""


@struct
class History:
    """The steps of one object, oldest first, and the bytes that they take."""

    steps: list[Step] = field(default_factory=list)
    size: int = 0
    changes: int = 0
    """Changes of version so far."""


class Histories:
    """The histories of all objects of one node, by place.

    Args:
        joined: Makes one payload of several of the object at a place; raises PayloadError where
            they do not join.
    """

    def __init__(self, joined: Callable[[int, Sequence[object]], object]) -> None:
        self._joined = joined
        self._histories: OrderedDict[int, History] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return len(self._histories)

    @property
    def size_bytes(self) -> int:
        """Bytes that all histories take, about."""
        return self._size

    def record(self, hn: int, before: int, payloads: Iterable[object]) -> None:
        """Note that an object went on from a version by these payloads.

        What cannot be packed (a hand-written type's number over 64 bits) ends the history.
        """
        try:
            packed = b"".join([packb(payload) for payload in payloads])
        except UNPACKABLE:
            self.forget(hn)
            return
        if len(packed) > OBJECT_BYTES_MOST:
            self.forget(hn)  # to join them would take long, and hardly help
            return
        history = self._histories.get(hn)
        if history is None:
            history = self._histories[hn] = History()
        else:
            self._histories.move_to_end(hn)
        history.changes += 1
        history.steps.append(Step(before, packed, history.changes))
        self._resize(history, len(packed) + STEP_BYTES)
        if len(history.steps) > STEPS_MOST:
            self._thin(history)
        if history.size > OBJECT_BYTES_MOST:
            self._shorten(hn, history)
        while self._size > ALL_BYTES_MOST:
            self.forget(next(iter(self._histories)))

    def forget(self, hn: int) -> None:
        """The object at this place came to its state in another way, or is gone."""
        history = self._histories.pop(hn, None)
        if history is not None:
            self._size -= history.size

    def versions(self, hn: int) -> tuple[int, ...]:
        """The versions that the object is known to have had, the latest first."""
        history = self._histories.get(hn)
        return () if history is None else tuple(step.before for step in reversed(history.steps))

    def trail(self, hn: int) -> Trail:
        """The steps that led to the present version: they stay what they are when it changes."""
        history = self._histories.get(hn)
        return () if history is None else tuple(history.steps)

    def since(
        self, hn: int, lows: Sequence[int], trail: Trail | None = None
    ) -> tuple[int, tuple[object, ...]] | None:
        """The latest version with one of these low halves, and what led on from it.

        Args:
            hn: The object's place.
            lows: Low 32 bits of versions.
            trail: What led to an earlier version; None for what led to the present one.

        Returns:
            The version, and one payload of all deltas since. None where no version has such a half,
            or where the deltas do not join.
        """
        steps = self.trail(hn) if trail is None else trail
        for index in range(len(steps) - 1, -1, -1):
            if steps[index].before & LOW in lows:
                break
        else:
            return None
        payloads = [payload for step in steps[index:] for payload in unpacked(step.packed)]
        try:
            if len(payloads) > 1:
                payloads = [self._joined(hn, payloads)]
        except PayloadError:
            self.forget(hn)
            return None
        return steps[index].before, tuple(payloads)

    # Bounds

    def _resize(self, history: History, grown: int) -> None:
        history.size += grown
        self._size += grown

    def _thin(self, history: History) -> None:
        """Let the version go that is least worth keeping; the oldest and the latest stay."""
        steps = history.steps

        def worthless(at: int) -> float:
            step = steps[at]
            return (history.changes - step.number) / (step.before & -step.before)

        at = max(range(1, len(steps) - 1), key=worthless)
        steps[at - 1 : at + 1] = [_together(steps[at - 1], steps[at])]
        self._resize(history, -STEP_BYTES)

    def _shorten(self, hn: int, history: History) -> None:
        """Join what each step holds to one payload; let the oldest steps go if that is too much."""
        try:
            steps = [self._squeezed(hn, step) for step in history.steps]
        except (PayloadError, *UNPACKABLE):
            self.forget(hn)
            return
        size = sum(len(step.packed) + STEP_BYTES for step in steps)
        while size > KEPT * OBJECT_BYTES_MOST:
            size -= len(steps.pop(0).packed) + STEP_BYTES
        history.steps = steps
        self._resize(history, size - history.size)
        if not steps:
            self.forget(hn)

    def _squeezed(self, hn: int, step: Step) -> Step:
        payloads = unpacked(step.packed)
        if len(payloads) < 2:
            return step
        return step._replace(packed=packb(self._joined(hn, payloads)))


def unpacked(packed: bytes) -> list[object]:
    """The payloads in a step."""
    unpacker = Unpacker(strict_map_key=False)
    unpacker.feed(packed)
    return list(unpacker)


def _together(older: Step, newer: Step) -> Step:
    return older._replace(packed=older.packed + newer.packed)
