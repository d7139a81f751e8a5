"""The counting set: a counter for each element, which is present while it stands above zero.

``add``, ``remove`` and ``discard`` are the counter's steps by one. Whatever stands for a Python
set's own operation (``clear``, ``pop``, ``-=``, ``&=``, ``^=``) takes away the whole count that
this replica sees, so that its result is the one that Python promises.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from crdt.atoms import NOTHING, Key, lookup
from crdt.errors import PayloadError
from crdt.packing import packed, sized
from crdt.payloads import expect_dict, expect_list, expect_replica
from crdt.rows import Hash, Row
from crdt.sets.elements import E
from crdt.sets.shown import ShownSet
from crdt.tagged import canonical_text, decode, decode_int, encode, encode_int

Tally = tuple[int, int]
"""How often one replica added an element, and how often it took it away."""
Tallies = dict[str, Tally]

_NEVER: Tally = (0, 0)


class PNSet(ShownSet[E]):
    """A set that counts: an element is present while it was added more often than removed.

    An element that was added twice, here or by two replicas, has to be removed twice. Where
    several replicas remove the last one at once, its count falls below zero, and as many more adds
    are needed until the element shows again: `count` tells.

    Args:
        replica: Whom the object acts as; the caller promises that nobody else does.

    Payload:
        ``[[element, {replica: [added, removed]}]...]`` in canonical order of the elements, whole
        numbers >= 0, not both zero.

    Source:
        Shapiro et al., INRIA RR-7506 (2011), section 3.3.4 (PN-Set), over its Specification 7.

    Example:
        >>> guests, other = PNSet("a"), PNSet("b")
        >>> one, two = guests.add("ann"), other.add("ann")
        >>> _ = guests.join(two)
        >>> guests.remove("ann").payload
        [['ann', {'a': [0, 1]}]]
        >>> "ann" in guests, guests.count("ann")
        (True, 1)
    """

    _fields = ("_tallies",)
    _tallies: dict[Key, Tallies]

    def count(self, element: object) -> int:
        """Return how often an element was added less how often it was removed; may be below 0."""
        return self._count(lookup(element))

    def discard(self, element: object) -> Self:  # type: ignore[override]  # a set's returns None
        """Take one off an element's count if it is there, and return the delta to gossip."""
        key = lookup(element)
        return self._step({key: -1} if key is not NOTHING and self._has(key) else {})

    def remove(self, element: E) -> Self:  # type: ignore[override]  # a set's returns None
        """Take one off an element's count and return the delta to gossip.

        Raises:
            KeyError: It is not there; nothing has changed.
        """
        if element not in self:
            raise KeyError(element)
        return self.discard(element)

    def _change(self, adds: Iterable[Key], drops: Iterable[Key]) -> Self:
        """Add one to each of ``adds`` and take all that is there from each of ``drops``."""
        steps = {key: -self._count(key) for key in drops if self._has(key)}
        return self._step({**steps, **dict.fromkeys(adds, 1)})

    def _step(self, steps: Mapping[Key, int]) -> Self:
        delta = self._blank()
        if not steps:
            return delta
        replica = self._candidate()
        for key, step in steps.items():
            added, removed = self._tallies.get(key, {}).get(replica, _NEVER)
            # One side only: the other one is no part of what this operation does.
            tally = (added + step, 0) if step > 0 else (0, removed - step)
            delta._tallies[key] = {replica: tally}
        return self._publish(delta, replica)

    def compare(self, other: Self) -> bool:
        """Tell whether no tally here, of either side, is above that of ``other``."""
        other = self._same_type(other)
        return not any(
            _risen(mine, other._tallies.get(key, {})) for key, mine in self._tallies.items()
        )

    def _count(self, key: Key) -> int:
        tallies = self._tallies.get(key)
        if tallies is None:
            return 0
        return sum([added - removed for added, removed in tallies.values()])

    def _known(self) -> Iterable[Key]:
        return self._tallies

    def _shows(self, key: Key) -> bool:
        return self._count(key) > 0

    def _empty(self) -> None:
        self._tallies = {}

    def _copied(self) -> Self:
        new = self._blank()
        new._tallies = {key: tallies.copy() for key, tallies in self._tallies.items()}
        return new

    def _join(self, other: Self) -> bool:
        touched = []
        for key, theirs in other._tallies.items():
            risen = _risen(theirs, self._tallies.get(key, {}))
            if risen:
                mine = self._tallies.setdefault(key, {})
                if self._print is not None:
                    for replica, tally in risen.items():
                        known = mine.get(replica)
                        old = None if known is None else (key, replica, *known)
                        self._print.swap(old, (key, replica, *tally))
                mine.update(risen)
                touched.append(key)
        self._touched(touched)
        return bool(touched)

    def _bulk(self) -> int:
        return len(self._tallies)

    def _hashed_rows(self, hash: Hash) -> Iterator[tuple[Row, int]]:
        for key, tallies in self._tallies.items():
            for replica, tally in tallies.items():
                yield (key, replica, *tally), 1

    def _encode(self) -> list[Any]:
        return [
            [encode(key), _encode_tallies(self._tallies[key])]
            for key in sorted(self._tallies, key=canonical_text)
        ]

    def _decode(self, payload: Any) -> None:
        before = ""
        for i, pair in enumerate(expect_list(payload, "payload")):
            place = f"payload[{i}]"
            element, tallies = expect_list(pair, place, 2)
            key = decode(element, f"{place}[0]")
            text = canonical_text(key)
            if text <= before:
                raise PayloadError("elements stand in canonical order, each once", place)
            before = text
            self._tallies[key] = _decode_tallies(tallies, f"{place}[1]")

    def _shows_more(self, other: Self, replica: str) -> bool:
        return any(
            _higher(theirs[replica], self._tallies.get(key, {}).get(replica, _NEVER))
            for key, theirs in other._tallies.items()
            if replica in theirs
        )

    def _replicas(self) -> set[str]:
        return {replica for tallies in self._tallies.values() for replica in tallies}

    def _under(self, limit_bytes: int) -> Iterator[Self]:
        rows = (
            ((key, replica), sized([encode(key), _encode_tallies({replica: tally})]))
            for key, tallies in self._tallies.items()
            for replica, tally in tallies.items()
        )
        for part in packed(rows, limit_bytes):
            new = self._blank()
            for key, replica in part:
                new._tallies.setdefault(key, {})[replica] = self._tallies[key][replica]
            yield new

    def _size(self) -> tuple[int, int]:
        return len(self), len(self._tallies) - len(self)


def _risen(theirs: Tallies, mine: Tallies) -> Tallies:
    """Return the joined tallies of the replicas of which theirs show more."""
    return {
        replica: (max(tally[0], known[0]), max(tally[1], known[1]))
        for replica, tally in theirs.items()
        if _higher(tally, known := mine.get(replica, _NEVER))
    }


def _higher(one: Tally, other: Tally) -> bool:
    return one[0] > other[0] or one[1] > other[1]


def _encode_tallies(tallies: Tallies) -> dict[str, Any]:
    return {
        replica: [encode_int(count) for count in tallies[replica]] for replica in sorted(tallies)
    }


def _decode_tallies(payload: Any, place: str) -> Tallies:
    if not expect_dict(payload, place):
        raise PayloadError("what nobody added is left out", place)
    tallies: Tallies = {}
    for replica, pair in payload.items():
        expect_replica(replica, place)
        here = f"{place}[{replica!r}]"
        up, down = expect_list(pair, here, 2)
        added = decode_int(up, f"{here}[0]", at_least=0)
        removed = decode_int(down, f"{here}[1]", at_least=0)
        if not added and not removed:
            raise PayloadError("two tallies of 0 are left out", here)
        tallies[replica] = (added, removed)
    return tallies
