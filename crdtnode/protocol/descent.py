"""What two tries differ in: compares a peer's trie node with ours, and says what to do about it.

The top is the list of types with their roots; below it each type's trie is walked down, at first 256
sums at a time, then 16, along the branches that differ. Whoever gets a list of (place, version) sees exactly what
the other lacks. Nothing is remembered between two messages.
Source: Merkle trees for anti-entropy as in Dynamo (DeCandia et al. 2007), section 4.7.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from crdtnode.fingerprints import Fingerprints
from crdtnode.registry.histories import Trail
from crdtnode.wire.messages import TrieNode

NOTHING: frozenset[int] = frozenset()


class Give(NamedTuple):
    """Send one object: the deltas since what the peer has, where that can be told."""

    place: int
    lows: tuple[int, ...] = ()
    """Low 32 bits of versions that the peer has had."""
    lacking: bool = False
    """The peer has nothing of it."""
    claim: bool = True
    """Say what version results, so that the peer answers where it has more."""
    of: int = 0
    """The peer's version that this answers, 0 for none."""
    after: int = 0
    """Our version when we had joined what this answers."""
    trail: Trail = ()
    """What had led to our version before that: what came from the peer is not in it."""
    context: object = None
    """What the peer has seen of it; None where that is not known."""
    mutual: bool = False
    """Tell the peer in turn what we have seen of it."""


class GiveBelow(NamedTuple):
    """Send all objects below a prefix from ``start`` on, but these, which the peer has."""

    tag: str
    depth: int
    prefix: int
    but: frozenset[int] = NOTHING
    start: int = 0


class Ask(NamedTuple):
    """Ask for one object; ``version`` is ours, 0 where we lack it."""

    place: int
    version: int


class Meet(NamedTuple):
    """The peer has this version, which is not ours: give, or ask, whichever brings more."""

    place: int
    version: int


class Show(NamedTuple):
    """Show our trie below a prefix, so that the peer can compare."""

    tag: str
    depth: int
    prefix: int


class ShowTypes(NamedTuple):
    """Show the roots of these types: where a descent begins."""

    tags: tuple[str, ...]


Task = Give | GiveBelow | Ask | Meet | Show | ShowTypes


def type_roots(fingerprints: Fingerprints, tags: Iterable[str]) -> TrieNode:
    """The list of types with their roots: where a descent begins."""
    roots = ((fingerprints.text_hash(tag), fingerprints.type_root(tag)) for tag in tags)
    return TrieNode("", 0, 0, (), tuple((h, r) for h, r in roots if r), leaf=True)


def shown_at_once(fingerprints: Fingerprints, task: Show) -> list[TrieNode]:
    """What a message shows of our trie below a prefix: of the top all branches, 256 sums.

    Where a descent begins, many objects differ, and with them most branches: it would only cost time
    to ask for each of them.
    """
    node = shown(fingerprints, task)
    if task.depth or node.leaf:
        return [node]
    return [shown(fingerprints, Show(task.tag, 1, digit)) for digit in range(16)]


def shown(fingerprints: Fingerprints, task: Show) -> TrieNode:
    """Our trie at one prefix, as a message carries it."""
    node = fingerprints.node(task.tag, task.depth, task.prefix)
    return TrieNode(node.tag, node.depth, node.prefix, node.sums, node.leaves, node.leaf)


def compare(fingerprints: Fingerprints, theirs: TrieNode, tags: list[str]) -> Iterator[Task]:
    """What to do about one node of a peer's trie; ``tags`` are the types that both know."""
    if not theirs.tag:
        yield from _compare_types(fingerprints, theirs, tags)
    elif theirs.tag in tags:
        if theirs.leaf:
            yield from _compare_rows(fingerprints, theirs)
        else:
            yield from _compare_sums(fingerprints, theirs)


def _compare_types(fingerprints: Fingerprints, theirs: TrieNode, tags: list[str]) -> Iterator[Task]:
    roots = dict(theirs.leaves)
    for tag in tags:
        if roots.get(fingerprints.text_hash(tag), 0) != fingerprints.type_root(tag):
            yield Show(tag, 0, 0)


def _compare_sums(fingerprints: Fingerprints, theirs: TrieNode) -> Iterator[Task]:
    ours = fingerprints.node(theirs.tag, theirs.depth, theirs.prefix)
    if ours.leaf:
        yield Show(theirs.tag, theirs.depth, theirs.prefix)
        return
    for digit, (our_sum, their_sum) in enumerate(zip(ours.sums, theirs.sums, strict=True)):
        if our_sum == their_sum:
            continue
        child = theirs.prefix * 16 + digit
        if their_sum:
            yield Show(theirs.tag, theirs.depth + 1, child)
        else:
            yield GiveBelow(theirs.tag, theirs.depth + 1, child)


def _compare_rows(fingerprints: Fingerprints, theirs: TrieNode) -> Iterator[Task]:
    for place, version in theirs.leaves:
        if fingerprints.get(place) != version:
            yield Meet(place, version)
    held = frozenset(place for place, _ in theirs.leaves)
    yield GiveBelow(theirs.tag, theirs.depth, theirs.prefix, held)
