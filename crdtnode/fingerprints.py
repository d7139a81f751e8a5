"""What tells whether two nodes hold the same state, and where they differ, without sending it.

Rule of this file: numbers only. It knows neither objects nor peers; the registry says which
version an object has now, and everybody else reads roots, recents and the trie from here.

Theory of operation. Every object has a *place*, the keyed 64-bit hash of its identity, and a
*version*, the keyed 64-bit hash of its place and its state. The *root* is the XOR of all
versions, so a change costs one XOR wherever a sum is kept, and two nodes with equal roots hold
equal states. Each type tag has a trie over the places, sixteen ways at each level, most
significant digit first, that keeps the XOR of the versions below each child: two nodes that
compare sums from the top down meet exactly the objects in which they differ. A subtree of at most
`LEAF_MOST` objects is kept as a list; the shape depends on the contents alone, not on the order
in which they came. What changed lately is remembered in order, since nearly all differences
between nodes that can talk are a moment old.

The hashes are keyed with the cluster's salt, so that nobody outside can choose names or elements
whose hashes cancel in an XOR.

Source: Merkle's hash trees, with XOR for the inner hash as in Bellare, Micciancio, "A new paradigm
for collision-free hashing" (1997), which is sound for keyed hashes that an attacker cannot query
at will.
"""

from array import array
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct
from typing import Final, TypeAlias

LEAF_MOST: Final = 16
"""Most objects that a subtree may hold and still be one list. Higher saves memory and round trips,
and sends more rows that turn out to be equal."""

RECENTS_MOST: Final = 8192
"""Changed objects that are remembered in order of change. Higher bridges longer bursts without the
trie, at about 250 B each."""

DEPTH_MOST: Final = 16
"""Hex digits of a place: there is nothing below that depth."""

_LIVED: Final = Struct(">QQ")
"""A place and a life."""

Row: TypeAlias = tuple[int, int]
"""(place, version) of an object."""


@dataclass(frozen=True, slots=True)
class Node:
    """What hangs below one prefix of one type's trie."""

    tag: str
    depth: int
    """Hex digits of the prefix, 0 (the top) to 16."""
    prefix: int
    """The leading `depth` hex digits of the places below."""
    sums: tuple[int, ...]
    """The XOR of the versions below each of the 16 children; empty where this is a leaf."""
    leaves: tuple[Row, ...]
    """All rows below, in order of place, where this is a leaf."""
    leaf: bool
    """True where at most `LEAF_MOST` objects hang below, so that they are given themselves."""


class _Inner:
    """Sixteen subtrees and the XOR of the versions in each; more than `LEAF_MOST` places in all."""

    __slots__ = ("below", "count", "sums")

    def __init__(self) -> None:
        self.sums = array("Q", bytes(128))  # no list: a quarter of the room, and nothing to collect
        self.below: list[_Inner | list[int] | None] = [None] * 16
        self.count = 0


_Subtree: TypeAlias = _Inner | list[int] | None
"""An inner node, an unsorted list of places, or nothing."""


def _leaves(subtree: _Subtree, low: int, rest: int, start: int) -> Iterator[list[int]]:
    """The lists below that hold places from `start` on, in order of place, each sorted.

    Args:
        subtree: What to walk.
        low: The least place that can stand in it.
        rest: Bits of a place that can differ in it.
        start: Least place that is wanted.
    """
    if isinstance(subtree, _Inner):
        rest -= 4
        for digit, child in enumerate(subtree.below):
            if low + (digit + 1 << rest) > start:
                yield from _leaves(child, low + (digit << rest), rest, start)
    elif subtree:
        yield sorted(hn for hn in subtree if hn >= start)


def _all(subtree: _Subtree) -> list[int]:
    """All places below, in any order."""
    if not isinstance(subtree, _Inner):
        return subtree or []
    return [place for child in subtree.below if child for place in _all(child)]


def _grow(places: list[int], shift: int, versions: dict[int, int]) -> _Subtree:
    """The subtree of these places, whose next digit is `shift` bits up: a list if it is short."""
    if len(places) <= LEAF_MOST:
        return places
    inner = _Inner()
    inner.count = len(places)
    parts: list[list[int]] = [[] for _ in range(16)]
    for hn in places:
        digit = hn >> shift & 15
        parts[digit].append(hn)
        inner.sums[digit] ^= versions[hn]
    inner.below = [_grow(part, shift - 4, versions) if part else None for part in parts]
    return inner


class _Trie:
    """The places of one type, and the XOR of their versions at every level."""

    __slots__ = ("root", "top", "versions")

    def __init__(self, versions: dict[int, int]) -> None:
        self.root = 0
        self.top: _Subtree = None
        self.versions = versions

    def alter(self, hn: int, change: int) -> None:
        """XOR `change` into every sum above a place that is here."""
        self.root ^= change
        subtree, shift = self.top, 60
        while isinstance(subtree, _Inner):
            digit = hn >> shift & 15
            subtree.sums[digit] ^= change
            subtree = subtree.below[digit]
            shift -= 4

    def insert(self, hn: int, version: int) -> None:
        """Add a place that is not here; a list that becomes too long turns into an inner node."""
        self.root ^= version
        parent: _Inner | None = None
        subtree, shift = self.top, 60
        while isinstance(subtree, _Inner):
            digit = hn >> shift & 15
            subtree.count += 1
            subtree.sums[digit] ^= version
            parent, subtree = subtree, subtree.below[digit]
            shift -= 4
        places = subtree or []
        places.append(hn)
        if len(places) == 1 or len(places) > LEAF_MOST:
            self._hang(parent, hn >> shift + 4 & 15, _grow(places, shift, self.versions))

    def remove(self, hn: int, version: int) -> None:
        """Take out a place that is here; an inner node that becomes too small turns into a list."""
        self.alter(hn, version)
        parent: _Inner | None = None
        subtree, shift = self.top, 60
        while isinstance(subtree, _Inner):
            subtree.count -= 1
            if subtree.count <= LEAF_MOST:
                break
            parent, subtree = subtree, subtree.below[hn >> shift & 15]
            shift -= 4
        leaves = _leaves(subtree, 0, shift + 4, 0)
        places = [place for leaf in leaves for place in leaf if place != hn]
        self._hang(parent, hn >> shift + 4 & 15, places or None)

    def _hang(self, parent: _Inner | None, digit: int, subtree: _Subtree) -> None:
        if parent is None:
            self.top = subtree
        else:
            parent.below[digit] = subtree

    def find(self, depth: int, prefix: int) -> _Subtree:
        """What hangs below a prefix; a list that is kept higher up is cut down to it."""
        subtree = self.top
        for level in range(depth):
            if not isinstance(subtree, _Inner):
                break
            subtree = subtree.below[prefix >> 4 * (depth - 1 - level) & 15]
        if isinstance(subtree, list):
            rest = 4 * (DEPTH_MOST - depth)
            return [hn for hn in subtree if hn >> rest == prefix]
        return subtree


class Fingerprints:
    """Versions, roots, tries and recent changes of all objects of one node.

    Args:
        salt: The cluster's salt, up to 64 bytes. Nodes with unequal salts see nothing but
            differences.

    >>> us, them = Fingerprints(b"salt"), Fingerprints(b"salt")
    >>> place = us.place("gset@1", "colours")
    >>> us.set("gset@1", place, us.version(place, 1, b"red"), now=0.0)
    >>> us.root == them.root
    False
    >>> them.set("gset@1", place, them.version(place, 1, b"red"), now=5.0)
    >>> us.root == them.root
    True
    """

    def __init__(self, salt: bytes) -> None:
        self._place_hash = blake2b(key=salt, digest_size=8, person=b"place")
        self._version_hash = blake2b(key=salt, digest_size=8, person=b"version")
        self._text_hash = blake2b(key=salt, digest_size=8, person=b"text")
        self._state_hash = blake2b(key=salt, digest_size=16, person=b"state")
        self._versions: dict[int, int] = {}
        self._last_place: tuple[str, str | None, int] = ("", None, 0)
        self._tries: dict[str, _Trie] = {}
        self._recents: OrderedDict[int, tuple[float, str]] = OrderedDict()
        self.root = 0
        """The XOR of all versions: equal where all states are equal."""
        self.hashes = 0
        """How often `digest` was called."""
        self.hashed_bytes = 0
        """What was handed to it."""

    def place(self, tag: str, name: str) -> int:
        """Where the object with this type tag and name stands, 64 bits. Neither contains a NUL."""
        last = self._last_place
        if last[1] == name and last[0] == tag:  # whoever joins an object asks several times
            return last[2]
        hashed = self._place_hash.copy()
        hashed.update(f"{tag}\0{name}".encode())
        place = int.from_bytes(hashed.digest(), "big")
        self._last_place = tag, name, place
        return place

    def version(self, hn: int, life: int, state_fingerprint: bytes) -> int:
        """The version of a present object, 64 bits and never 0.

        Args:
            hn: Its place.
            life: Its life counter, below 2**64.
            state_fingerprint: What its ``fingerprint(self.digest)`` gives.
        """
        hashed = self._version_hash.copy()
        hashed.update(_LIVED.pack(hn, life) + state_fingerprint)
        return int.from_bytes(hashed.digest(), "big") or 1  # 0 means absent

    def digest(self, data: bytes) -> bytes:
        """The keyed 16-byte hash out of which types make fingerprints of their states."""
        self.hashed_bytes += len(data)
        self.hashes += 1
        hashed = self._state_hash.copy()
        hashed.update(data)
        return hashed.digest()

    def text_hash(self, text: str) -> int:
        """A keyed 64-bit number for any text that is not an object: a set of types, a member."""
        hashed = self._text_hash.copy()
        hashed.update(text.encode())
        return int.from_bytes(hashed.digest(), "big")

    def set(self, tag: str, hn: int, v: int, now: float) -> None:
        """Note that an object has this version now; a version that it had already is no change.

        Args:
            tag: Its type tag, always the same for one place.
            hn: Its place.
            v: Its version; 0 takes it out.
            now: Monotonic time in float seconds.
        """
        versions = self._versions
        old = versions.get(hn, 0)
        if old == v:
            return
        trie = self._tries.get(tag)
        if trie is None:
            trie = self._tries[tag] = _Trie(versions)
        if not v:
            del versions[hn]
            trie.remove(hn, old)
        else:
            versions[hn] = v
            if old:
                trie.alter(hn, old ^ v)
            else:
                trie.insert(hn, v)
        self.root ^= old ^ v
        recents = self._recents
        recents[hn] = (now, tag)
        recents.move_to_end(hn)
        if len(recents) > RECENTS_MOST:
            recents.popitem(last=False)

    def get(self, hn: int) -> int:
        """The version of the object at this place, 0 where there is none."""
        return self._versions.get(hn, 0)

    def __len__(self) -> int:
        return len(self._versions)

    def type_root(self, tag: str) -> int:
        """The XOR of the versions of one type's objects."""
        trie = self._tries.get(tag)
        return trie.root if trie else 0

    def root_over(self, tags: frozenset[str] | None) -> int:
        """The XOR of the versions of these types' objects; None stands for all types."""
        if tags is None:
            return self.root
        root = 0
        for tag, trie in self._tries.items():
            if tag in tags:
                root ^= trie.root
        return root

    def types(self) -> list[str]:
        """The tags whose root is not 0, sorted."""
        return sorted(tag for tag, trie in self._tries.items() if trie.root)

    def recents(self, since: float, most: int, tags: frozenset[str] | None = None) -> list[Row]:
        """What changed since then, the latest first, at most `most` rows of at most 8192.

        An object that was taken out stands there with version 0.

        Args:
            since: Monotonic time in float seconds; a change at that very moment counts.
            most: Rows wanted.
            tags: The types wanted; None for all.
        """
        rows: list[Row] = []
        for hn, (changed, tag) in reversed(self._recents.items()):
            if changed < since or len(rows) >= most:
                break
            if tags is None or tag in tags:
                rows.append((hn, self._versions.get(hn, 0)))
        return rows

    def changed_at(self, hn: int) -> float | None:
        """When the object changed last; None where that is not remembered."""
        recent = self._recents.get(hn)
        return recent[0] if recent else None

    def node(self, tag: str, depth: int, prefix: int) -> Node:
        """What hangs below a prefix; an empty leaf where nothing does, or there is no such prefix.

        Args:
            tag: The type.
            depth: Hex digits in the prefix, 0 to 16.
            prefix: The leading digits of the places that are asked for, below 16**depth.
        """
        subtree = self._find(tag, depth, prefix)
        if isinstance(subtree, _Inner):
            return Node(tag, depth, prefix, tuple(subtree.sums), (), leaf=False)
        rows = tuple((hn, self._versions[hn]) for hn in sorted(subtree or ()))
        return Node(tag, depth, prefix, (), rows, leaf=True)

    def rows_below(self, tag: str, depth: int, prefix: int, most: int) -> list[Row] | None:
        """All rows below a prefix in order of place; None where they are more than so many."""
        subtree = self._find(tag, depth, prefix)
        if isinstance(subtree, _Inner) and subtree.count > most:
            return None
        versions = self._versions
        return [(place, versions[place]) for place in sorted(_all(subtree))]

    def subtree(
        self, tag: str, depth: int, prefix: int, start: int = 0, most: int = RECENTS_MOST
    ) -> list[int]:
        """Places below a prefix in order, from `start` on (inclusive), at most `most` of them.

        Whoever wants more asks again, with one more than the last place as `start`.
        """
        found: list[int] = []
        subtree = self._find(tag, depth, prefix)
        if subtree is None:
            return found
        rest = 4 * (DEPTH_MOST - depth)
        for leaf in _leaves(subtree, prefix << rest, rest, start):
            found += leaf[: most - len(found)]
            if len(found) >= most:
                break
        return found

    def _find(self, tag: str, depth: int, prefix: int) -> _Subtree:
        trie = self._tries.get(tag)
        if trie is None or not 0 <= depth <= DEPTH_MOST or not 0 <= prefix < 16**depth:
            return None
        return trie.find(depth, prefix)
