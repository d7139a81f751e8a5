"""Logoot: a list whose items carry their places with them, so that deleting leaves nothing behind.

Theory of operation. A place is a path of steps ``(digit, replica, counter)``, and paths are ordered
like words in a dictionary. Between any two there is room for another: a digit in between, or one
step more. The last step of a path has the dot of its item, so no two items ever share a place, and
the space between any two of them is never used up. Digits are picked near the end that is open, so
that runs in either direction take up little room.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Any, Self

from crdt.atoms import Key
from crdt.causal.causal import Causal
from crdt.causal.runs import counters, last, runs_of
from crdt.causal.spelling import decode_dots, encode_dots
from crdt.causal.store import Live
from crdt.errors import PayloadError
from crdt.payloads import expect_dict, expect_list, expect_replica
from crdt.sequences.editing import Cut, ItemSequence, Put, T
from crdt.sequences.spans import Content
from crdt.tagged import decode, decode_int, encode, encode_int

Path = tuple[Any, ...]
"""``(digit, replica, counter, digit, replica, counter...)``."""

DIGITS = 2**32
"""Digits of a step are below this. Only a step that others go through is 0."""

STRIDE = 2**8
"""How far from its neighbour a run goes on where nothing else limits it."""

_PATCH_UP_TO = 64
"""Changed items up to which the sorted list is patched instead of dropped."""


class Logoot(Causal, ItemSequence[T]):
    """A list whose items have places in a dense order.

    Deleted items leave nothing behind, and an item waits for no other: each has its place, whatever
    has arrived. The price is that places grow with many inserts between neighbours, and that runs
    which replicas insert at one place at the same time may mix. `Sequence` avoids both.

    Items are None, bool, int, finite float, str, bytes, tuples, lists, and dicts with str keys,
    nested at most 8 deep; lists and dicts are copied in and out.

    Args:
        replica: Whom the object acts as; the caller promises that nobody else does.

    Payload:
        ``{replica: [[[path, item]...], live, context]}``: paths and items in the order of their
        dots, then the live dots and all dots seen, as runs ``[skipped, taken, skipped, taken...]``.
        A path is a flat list ``[digit, replica, counter, digit, replica, counter... digit]``; its
        last step is completed by the item's dot.

    Source:
        Shapiro et al., INRIA RR-7506 (2011), Specification 20; paths after Weiss, Urso, Molli,
        "Logoot: a scalable optimistic replication algorithm" (2009), with the counter in every
        step, for without it there is no room between two uses of one path.

    Example:
        >>> here, there = Logoot("here"), Logoot("there")
        >>> _ = there.join(here.extend(["bread", "milk"]))
        >>> tea, gone = here.insert(1, "tea"), there.delete(0)
        >>> here.join(gone), there.join(tea), here == there == ["tea", "milk"]
        (True, True, True)
        >>> there.clear().payload
        {'here': [[], [], [1, 2]]}
    """

    _folds = False  # a path ends with the dot
    _cached: list[tuple[Path, Key]] | None = None

    def __len__(self) -> int:
        return len(self._sorted())

    def _sorted(self) -> list[tuple[Path, Key]]:
        cached = self._cached
        if cached is None:
            cached = self._cached = sorted(
                [entry for live in self._live.values() for entry in live], key=_path_of
            )
        return cached

    def _contents(self) -> list[Content]:
        return [[item for _, item in self._sorted()]]

    def _between(self, start: int, stop: int) -> list[Content]:
        return [[item for _, item in self._sorted()[start:stop]]]

    def _edit(self, puts: list[Put], cuts: list[Cut]) -> Self:
        entries = self._sorted()
        delta = self._blank()
        covered: dict[str, list[int]] = {}
        for start, stop in cuts:
            for path, _ in entries[start:stop]:
                covered.setdefault(path[-2], []).append(path[-1])
        replica: str | None = None
        if puts:
            replica = self._candidate()
            counter = last(self._seen.get(replica, 0)) + 1
            live: Live = {}
            for index, content in puts:
                path = entries[index - 1][0] if index else ()
                behind = entries[index][0] if index < len(entries) else None
                for item in content:
                    path = _path_between(path, behind, replica, counter)
                    live[path, item] = counter
                    counter += 1
            delta._live = {replica: live}
            covered.setdefault(replica, []).extend(live.values())
        delta._seen = {holder: runs_of(sorted(dots)) for holder, dots in covered.items()}
        return self._publish(delta, replica) if covered else delta

    def _changed(self, new: Live, gone: Live) -> None:
        entries = self._cached
        if entries is None:
            return
        if len(new) + len(gone) > _PATCH_UP_TO:
            self._cached = None
            return
        for path, _ in gone:
            del entries[bisect_left(entries, path, key=_path_of)]
        for entry in new:
            insort(entries, entry, key=_path_of)

    def _take_over(self, source: Self) -> None:
        super()._take_over(source)
        self._cached = None

    def _size(self) -> tuple[int, int]:
        return sum(map(len, self._live.values())), 0

    # --- the payload ---------------------------------------------------------------------------

    def _encode_replica(self, replica: str) -> list[Any]:
        entries = sorted(self._live.get(replica, ()), key=_counter_of)
        dots = [_counter_of(entry) for entry in entries]
        return encode_dots(self._encode_keys(entries), dots, self._seen[replica])

    @staticmethod
    def _encode_keys(keys: list[Key]) -> list[Any]:
        return [[_encode_path(path), encode(item)] for path, item in keys]

    def _decode(self, payload: Any) -> None:
        for replica, parts in expect_dict(payload, "payload").items():
            expect_replica(replica, "payload")
            entries, numbers, seen = decode_dots(parts, f"payload[{replica!r}]", _decode_entries)
            self._seen[replica] = seen
            self._live[replica] = {
                ((*steps, replica, counter), item): counter
                for (steps, item), counter in zip(entries, counters(numbers), strict=True)
            }
        self._choose_main()


def _path_of(entry: tuple[Path, Key]) -> Path:
    return entry[0]


def _counter_of(entry: tuple[Path, Key]) -> int:
    counter: int = entry[0][-1]
    return counter


def _path_between(low: Path, high: Path | None, replica: str, counter: int) -> Path:
    """Return a path above ``low`` (empty: the start) and below ``high`` (None: the end)."""
    at = 0
    path: Path = ()
    while True:
        below = low[at : at + 3]
        above = None if high is None else high[at : at + 3]
        floor, ceiling = below[0] if below else 0, above[0] if above else DIGITS
        if ceiling - floor > 1:
            return (*path, _digit(floor, ceiling, bool(below), bool(above)), replica, counter)
        at += 3
        if below:
            path += below
            high = high if below == above else None
        elif ceiling:
            path += (0, replica, counter)
            high = None
        else:
            path += above or ()


def _digit(floor: int, ceiling: int, after: bool, before: bool) -> int:
    """Pick a digit between two, near the one that has a neighbour if only one has."""
    half = (ceiling - floor) // 2
    if after and not before:
        return floor + min(half, STRIDE)
    if before and not after:
        return ceiling - min(half, STRIDE)
    return floor + half


def _encode_path(path: Path) -> list[Any]:
    return [encode_int(step) if type(step) is int else step for step in path[:-2]]


def _decode_entries(payload: list[Any], place: str) -> list[tuple[Path, Key]]:
    entries = []
    for i, entry in enumerate(payload):
        path, item = expect_list(entry, f"{place}[{i}]", 2)
        steps = _decode_path(path, f"{place}[{i}][0]")
        entries.append((steps, decode(item, f"{place}[{i}][1]", values=True)))
    return entries


def _decode_path(payload: Any, place: str) -> Path:
    steps = expect_list(payload, place)
    if len(steps) % 3 != 1:
        raise PayloadError("expected steps [digit, replica, counter], the last a digit", place)
    path: list[Any] = []
    for i, step in enumerate(steps):
        here = f"{place}[{i}]"
        if i % 3 == 1:
            path.append(expect_replica(step, here))
        else:
            path.append(decode_int(step, here, at_least=1 if i % 3 == 2 else 0))
    if max(path[::3]) >= DIGITS or not path[-1]:
        raise PayloadError(f"digits are below {DIGITS}, the last one above 0", place)
    return tuple(path)
