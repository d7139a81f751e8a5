"""Which updates each node has seen: a shadow that rides beside every message.

Rule of this file: exact, and blind to how messages travel. The protocol may join deltas, send whole
states or relay what it got; what counts is the content that a node joined.

*Theory of operation.* Every update gets a bit. A *shadow* is a set of updates of one object, held
as a whole number; joining contents is ``|``. Three places know what a content is made of: a write
(its delta is the new bit), a flush (the delta that it gives out is the join of the writes since the
last one), and a state that is sent (it is what its node has seen). Each notes the content, as
bytes, with its shadow. A node that joins a content looks up its shadow and adds it to its own. A
content that nobody has noted counts as an update of its own, which keeps the rest exact: by
construction the state of a node is the join of the contents that stand for the bits of its shadow.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import inf
from operator import or_
from typing import Protocol

import msgpack

from crdt import StateCRDT
from crdtnode.metrics import Metrics
from crdtnode.registry import Absorbed, Change, Registry
from crdtnode.registry.entry import Entry
from crdtnode.registry.lives import FIRST
from crdtnode.sim.events import Write

Key = tuple[str, str]
"""A type's tag and the object's name."""


@dataclass(slots=True, eq=False)
class Update:
    """One write that was accepted by a node."""

    key: Key
    bit: int
    """Its place in the shadows of its object, a power of two."""
    write: Write
    delta: StateCRDT
    moment: int
    """When, in nanoseconds."""
    past: int = 0
    """The shadow of what its process had seen of the object before."""
    life: int = FIRST
    """The life of the object in which it was made; a removal ends a life with all its updates."""

    @property
    def number(self) -> int:
        """Counted from 1, for each object."""
        return self.bit.bit_length()

    def __str__(self) -> str:
        return f"update {self.number} ({self.write})"


@dataclass(slots=True)
class Tale:
    """All that is known of one object over the whole run."""

    updates: list[Update] = field(default_factory=list)
    bits: int = 0
    """Bits given out so far, to updates and to contents that nobody noted."""
    shadows: dict[tuple[int, bytes], int] = field(default_factory=dict)
    """Life and content to shadow: the same content in another life is made of other updates."""
    states: dict[int, bytes] = field(default_factory=dict)
    """Version to payload, packed, of all states that nodes were in at a flush; of some objects."""

    def fresh_bit(self) -> int:
        """A bit that nobody has."""
        self.bits += 1
        return 1 << (self.bits - 1)

    def note(self, payload: object, shadow: int, life: int) -> None:
        """Say what a content is made of in a life; the first word on it counts."""
        self.shadows.setdefault((life, msgpack.packb(payload)), shadow)

    def shadow_of(self, payload: object, life: int) -> int | None:
        """What a content is made of in a life; None where nobody has noted it."""
        return self.shadows.get((life, msgpack.packb(payload)))

    def of_life(self, life: int) -> list[Update]:
        """The updates that were made in one life."""
        return [update for update in self.updates if update.life == life]


def numbers(shadow: int) -> str:
    """The updates in a shadow, counted from 1, as text for people.

    Example:
        >>> numbers(0b1011_0111)
        '1-3, 5, 6, 8'
    """
    runs: list[list[int]] = []
    for number in range(1, shadow.bit_length() + 1):
        if shadow >> (number - 1) & 1:
            if runs and runs[-1][-1] == number - 1:
                runs[-1].append(number)
            else:
                runs.append([number])
    texts = (f"{r[0]}-{r[-1]}" if len(r) > 2 else ", ".join(map(str, r)) for r in runs)
    return ", ".join(texts)


class Witness(Protocol):
    """Who wants to know that an object on a node has reached a state."""

    def reached(self, node: str, key: Key, shadow: int, state: StateCRDT) -> None:
        """``state`` is what the node holds after joining the updates in ``shadow``."""


class Ledger:
    """The tales of all objects, shared by all nodes of a run.

    Args:
        seed: Decides of which objects the states are kept.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self.tales: dict[Key, Tale] = {}
        self.updates: list[Update] = []
        self.refused: list[str] = []
        """Writes that their type refused, each with what it said."""
        self.unnoted = 0
        """Contents joined that nobody had noted; each weakens the check a little."""

    def tale(self, key: Key) -> Tale:
        """The tale of one object."""
        tale = self.tales.get(key)
        if tale is None:
            tale = self.tales[key] = Tale()
        return tale

    def keeps_states(self, hn: int) -> bool:
        """Whether the states of the object at this place are kept: of every fourth one."""
        return (hn + self._seed) & 3 == 0

    def wrote(
        self, write: Write, delta: StateCRDT, moment: int, past: int = 0, life: int = FIRST
    ) -> Update:
        """Enter an accepted write."""
        key = (write.type, write.name)
        tale = self.tale(key)
        update = Update(key, tale.fresh_bit(), write, delta, moment, past, life)
        tale.updates.append(update)
        self.updates.append(update)
        tale.note(delta.payload, update.bit, life)
        return update

    def joined(self, key: Key, payload: object, life: int) -> int:
        """The shadow of a content that a node has joined."""
        tale = self.tale(key)
        shadow = tale.shadow_of(payload, life)
        if shadow is None:
            self.unnoted += 1
            shadow = tale.fresh_bit()
            tale.note(payload, shadow, life)
        return shadow


class WatchedRegistry(Registry):
    """The registry of a simulated node, with the shadows of its objects.

    Args:
        node: The node's name in the plan.
        ledger: Where the contents of all nodes are noted.
        witnesses: Who is told of each new state.
        salt: As for every registry, like all that follow.
        replica: Makes replica ids.
        clock: Whole milliseconds since 1970.
        metrics: The node's counters.
        types: Tags of the types known; fixed, so that a run does not depend on what else this
            Python process has registered.

    Attributes:
        shadows: What this process has seen of each object.
        touched: The object that changed last.
        written: The updates made here, in order.
        returned: An object that went back into an earlier life, if there is one.
    """

    def __init__(
        self,
        *,
        node: str,
        ledger: Ledger,
        witnesses: Sequence[Witness],
        salt: bytes,
        replica: Callable[[], str],
        clock: Callable[[], int],
        metrics: Metrics,
        types: Iterable[str],
    ) -> None:
        super().__init__(salt=salt, replica=replica, clock=clock, metrics=metrics, types=types)
        self.node = node
        self.ledger = ledger
        self.witnesses = witnesses
        self.shadows: dict[Key, int] = {}
        self.touched: Key | None = None
        self.written: list[Update] = []
        self._unflushed: dict[Key, int] = {}
        self._moved: dict[Key, None] = {}
        self._lives: dict[Key, int] = {}
        self.returned: Key | None = None

    def wrote(self, update: Update) -> None:
        """Note that an update was made here."""
        self.written.append(update)
        entry = self._entry(update.key)
        self._life(update.key, entry)
        self._unflushed[update.key] = self._unflushed.get(update.key, 0) | update.bit
        self._reach(update.key, update.bit, entry)

    def absorb(
        self, tag: str, name: str, life: int, payloads: Sequence[object], now: float
    ) -> Absorbed:
        """Join what arrived, and its shadows."""
        absorbed = super().absorb(tag, name, life, payloads, now)
        self._joined((tag, name), life, payloads, changed=absorbed.changed)
        return absorbed

    def admit(
        self, tag: str, name: str, payloads: Sequence[object], now: float
    ) -> tuple[StateCRDT, int] | None:
        """Take in what arrived, and its shadows."""
        admitted = super().admit(tag, name, payloads, now)
        if admitted is not None:
            self._joined((tag, name), FIRST, payloads, changed=admitted[1] != 0)
            self._keep_states()
        return admitted

    def _joined(self, key: Key, life: int, payloads: Sequence[object], *, changed: bool) -> None:
        """Note what the content of an object is made of after a join."""
        entry = self._entry(key)
        if self._life(key, entry) != life:
            return  # of a life that is over, or that cannot begin yet
        shadow = before = self.shadows.get(key, 0)
        for payload in payloads:
            shadow |= self.ledger.joined(key, payload, life)
        if shadow != before or changed:
            self._reach(key, shadow, entry)

    def flush(self, now: float, most_bytes: float = inf) -> list[Change]:
        """Flush, and note what the joined deltas are made of."""
        changes = super().flush(now, most_bytes)
        for change in changes:
            key = (change.type, change.name)
            self._moved[key] = None  # a write may be flushed before it is noted
            unflushed = self._unflushed.pop(key, 0)
            if change.delta is not None:
                self.ledger.tale(key).note(change.delta.payload, unflushed, change.life)
        self._keep_states()
        return changes

    def refresh(self, hn: int, now: float, *, at_once: bool = True) -> int:
        """Compute the version of an object, and note its state."""
        version = super().refresh(hn, now, at_once=at_once)
        self._keep_states()
        return version

    def _keep_states(self) -> None:
        """Note the states that versions stand for from now on."""
        for key in list(self._moved):
            entry = self._entry(key)
            if entry is None or not entry.stale:
                del self._moved[key]
            if entry is None or entry.stale or not self.ledger.keeps_states(entry.hn):
                continue
            states, version = self.ledger.tale(key).states, self.fingerprints.get(entry.hn)
            if version not in states:
                states[version] = msgpack.packb(entry.state.payload)

    def delete(self, tag: str, name: str) -> bool:
        """Remove an object, and forget what it was made of."""
        removed = super().delete(tag, name)
        if removed:
            entry = self._entry((tag, name))
            self._life((tag, name), entry)
            self._reach((tag, name), 0, entry)
        return removed

    def life(self, key: Key) -> int:
        """Which life an object is in: odd while it lives, even once it is removed."""
        entry = self._entry(key)
        return FIRST if entry is None else entry.life

    def places(self) -> list[Key]:
        """All objects that are more than opened, those that were removed as well, sorted."""
        removed = [key for key, life in self._lives.items() if life % 2 == 0]
        return sorted({*self.names(), *removed})

    def _life(self, key: Key, entry: Entry | None) -> int:
        """Which life an object is in; what it was made of in another one is forgotten."""
        life, known = FIRST if entry is None else entry.life, self._lives.get(key, FIRST)
        if life != known:
            if life < known:
                self.returned = self.returned or key
            self._lives[key] = life
            self.shadows.pop(key, None)
            self._unflushed.pop(key, None)
        return life

    def state(self, hn: int) -> tuple[str, str, int, tuple[object, ...]] | None:
        """Give out a whole state, and note what it is made of."""
        found = super().state(hn)
        if found is not None:
            tag, name, life, payloads = found
            for payload in payloads:
                self.ledger.tale((tag, name)).note(payload, self.shadows.get((tag, name), 0), life)
        return found

    def joined_payloads(self, hn: int, payloads: Sequence[object]) -> object:
        """Join contents, and note what the whole is made of where that is known of each."""
        joined = super().joined_payloads(hn, payloads)
        key = self._key(hn)
        if key is not None:
            tale, life = self.ledger.tale(key), self.life(key)
            shadows = [tale.shadow_of(payload, life) for payload in payloads]
            known = [shadow for shadow in shadows if shadow is not None]
            if len(known) == len(shadows):
                tale.note(joined, reduce(or_, known, 0), life)
        return joined

    def parts_since(self, hn: int, context: object, limit_bytes: int) -> Iterator[object] | None:
        """Give out what somebody lacks, who then has seen all that we have."""
        parts = super().parts_since(hn, context, limit_bytes)
        key = self._key(hn)
        if parts is None or key is None:
            return parts
        tale, seen, life = self.ledger.tale(key), self.shadows.get(key, 0), self.life(key)

        def noted(payload: object) -> object:
            tale.note(payload, seen, life)
            return payload

        return map(noted, parts)

    def _key(self, hn: int) -> Key | None:
        entry = self.entry(hn)
        return None if entry is None else (entry.tag, entry.name)

    def look(self, key: Key) -> StateCRDT | None:
        """The state of an object, which stays as it is: `get` would bind it to this node."""
        entry = self._entry(key)
        return None if entry is None else entry.state

    def _entry(self, key: Key) -> Entry | None:
        return self._directory.named(*key)

    def _reach(self, key: Key, seen: int, entry: Entry | None) -> None:
        shadow = self.shadows[key] = self.shadows.get(key, 0) | seen
        self.touched = key
        self._moved[key] = None
        if entry is not None:
            state = entry.state
            for witness in self.witnesses:
                witness.reached(self.node, key, shadow, state)
