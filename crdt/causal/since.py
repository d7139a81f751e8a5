"""What somebody lacks who has told its context: the new dots, and what was removed.

Theory of operation. A context tells, for each replica, which dots its owner has seen, and a hash of
those of them that were removed. What it has not seen is sent: live dots with their elements, and
removed ones as runs. If our removed dots, as far as its owner has seen them, have that hash, then
both sides removed the same among these and nothing is to be said about them. Otherwise all our
removed dots are sent, as runs. (A sum over dots would not do for a hash: {1, 4} and {2, 3} have
equal sums.)

So that none of this looks through everything, a `DotIndex` keeps the live dots of a replica by
counter and the removed ones as runs. It is made when it is first asked for, and pays from then on
with one list entry for each removal.

Source: Almeida, Shoker, Baquero, "Delta state replicated data types" (2018), causal delta-merging
and section 7; the hash of runs is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

from crdt.atoms import Key
from crdt.causal.runs import (
    Runs,
    common,
    count,
    counters,
    covers,
    decode_runs,
    encode_runs,
    minus,
    runs_of,
    union,
)
from crdt.errors import PayloadError
from crdt.payloads import expect_dict, expect_list, expect_replica

HASH_BYTES = 8
"""Length of the hash of removed dots: 64 bits, written as 16 hexadecimal digits."""

Seen = tuple[Runs, str]
"""Some dots and a hash: the dots seen of one replica with the hash of the removed among them, as a
context tells them, or the removed ones with their own."""


class DotIndex(dict[int, Key]):
    """The live dots of one replica by counter, and what is known to have been removed."""

    __slots__ = ("_fresh", "_gone", "_hashed", "_removed", "_seen")

    def __init__(self, live: Mapping[int, Key]) -> None:
        super().__init__(live)
        self._seen: Runs = 0
        self._removed: Runs = 0
        self._gone: list[int] = []
        self._fresh: tuple[Runs, list[int]] = (0, [])  # the last new dots, and those alive
        self._hashed: tuple[Runs, str] | None = None

    def __delitem__(self, counter: int) -> None:
        super().__delitem__(counter)
        self._gone.append(counter)

    def __reduce__(self) -> tuple[type[dict[int, Key]], tuple[dict[int, Key]]]:
        return dict, (dict(self),)

    def within(self, runs: Runs) -> list[int]:
        """Return the live counters that are in a set, ascending."""
        if count(runs) <= len(self):
            return [counter for counter in counters(runs) if counter in self]
        return sorted(counter for counter in self if covers(runs, counter))

    def removed(self, seen: Runs) -> Runs:
        """Return the dots of ``seen`` that are not live; ``seen`` only grows from call to call."""
        if seen != self._seen:
            fresh = minus(seen, self._seen)
            alive = self.within(fresh)
            if len(alive) != count(fresh):
                self._removed = union(self._removed, minus(fresh, runs_of(alive)))
            self._seen = seen
            self._fresh = fresh, alive
        if self._gone:
            self._fresh = (0, [])
            self._removed = union(self._removed, runs_of(sorted(set(self._gone))))
            self._gone.clear()
        return self._removed

    def hash(self, removed: Runs) -> str:
        """Return the hash of removed dots, remembered from the last time."""
        if self._hashed is None or self._hashed[0] != removed:
            self._hashed = removed, hash_of(removed)
        return self._hashed[1]

    def since(self, seen: Runs, known: Seen) -> tuple[list[int], Runs]:
        """Return the live counters that somebody lacks, and the removed ones to tell it of."""
        theirs, their_hash = known
        if len(self) == count(seen):
            return [*counters(minus(seen, theirs))], 0  # nothing was ever removed
        removed = self.removed(seen)
        if their_hash == self.hash(common(removed, theirs)):
            removed = minus(removed, theirs)
        lacking = minus(seen, theirs)
        fresh, alive = self._fresh
        return alive if lacking == fresh else self.within(lacking), removed


def hash_of(removed: Runs) -> str:
    """Return 64 bits of BLAKE2b over the runs of removed dots, in hexadecimal."""
    return blake2b(repr(encode_runs(removed)).encode("ascii"), digest_size=HASH_BYTES).hexdigest()


NOTHING_SEEN: Seen = (0, hash_of(0))
"""What somebody knows of a replica that its context does not name."""


def context_of(seen: Mapping[str, Runs], removed_of: Callable[[str], Seen]) -> dict[str, list[Any]]:
    """Return ``{replica: [seen, hash]}``: the dots seen, and the hash of the removed among them.

    Args:
        seen: All dots seen, by replica.
        removed_of: Returns the removed dots of a replica and their hash.
    """
    return {
        replica: [encode_runs(seen[replica]), removed_of(replica)[1]] for replica in sorted(seen)
    }


def since(
    seen: Mapping[str, Runs], index_of: Callable[[str], DotIndex], context: Any
) -> tuple[dict[str, list[int]], dict[str, Runs]]:
    """Return the live dots that the owner of ``context`` lacks, ascending, and all to tell it of.

    Raises:
        PayloadError: ``context`` is none.
    """
    known = decode_context(context)
    lacked: dict[str, list[int]] = {}
    claimed: dict[str, Runs] = {}
    for replica, runs in seen.items():
        fresh, removed = index_of(replica).since(runs, known.get(replica, NOTHING_SEEN))
        if fresh:
            lacked[replica] = fresh
        if fresh or removed:
            claimed[replica] = union(runs_of(fresh), removed)
    return lacked, claimed


def decode_context(context: Any) -> dict[str, Seen]:
    """Return what a context tells of each replica.

    Raises:
        PayloadError: It is no ``{replica: [seen, hash]}``; the message names the place.
    """
    known: dict[str, Seen] = {}
    for replica, parts in expect_dict(context, "context").items():
        expect_replica(replica, "context")
        place = f"context[{replica!r}]"
        seen, told = expect_list(parts, place, 2)
        if type(told) is not str or len(told) != 2 * HASH_BYTES:
            raise PayloadError(f"expected {2 * HASH_BYTES} hexadecimal digits", f"{place}[1]")
        known[replica] = decode_runs(seen, f"{place}[0]"), told
    return known
