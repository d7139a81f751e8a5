"""What two tries differ in: compares what a peer shows of its trie with ours, and says what to do.

The top is the list of types with their roots; below it each type's trie is walked down along the
branches that differ, at first 256 sums at a time, then 16; where few objects are left they are told one
by one. Nothing is remembered between two messages.

*Theory of operation.* Nearly all that is shown is equal, so that it is told in as few bytes as can be:
of each sum, and of each version, one of its four words of 16 bits (`Sketch`). Equal words of what
differs hide it in one session out of very many; but two numbers that differ do so in one of their
words, both sides of a session look at the same one, and the next session looks at the next one
(`turn`): nothing stays hidden for more than four of them. Versions stand in order of place, behind a
word of the sum of the places, which shows that both sides speak of the same objects. Where they do
not, places and versions are listed in full.

Source: Merkle trees for anti-entropy as in Dynamo (DeCandia et al. 2007), section 4.7.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from operator import xor
from typing import NamedTuple

from crdtnode.fingerprints import Fingerprints
from crdtnode.registry.histories import Trail
from crdtnode.wire.messages import SKETCHED_MOST, Row, Sketch, TrieNode

TURNS = 4
"""Words of 16 bits in a version, or in a sum of versions."""

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


class Differ(NamedTuple):
    """The peer has another version, which has this word: give, or ask, whichever brings more."""

    place: int
    word: int
    turn: int


class Show(NamedTuple):
    """Sketch our trie below a prefix, so that the peer can compare."""

    tag: str
    depth: int
    prefix: int
    turn: int
    """Which words to tell."""


class ShowRows(NamedTuple):
    """List what hangs below a prefix, places and versions."""

    tag: str
    depth: int
    prefix: int


class ShowTypes(NamedTuple):
    """Show the roots of these types: where a descent begins."""

    tags: tuple[str, ...]


Task = Give | GiveBelow | Ask | Meet | Differ | Show | ShowRows | ShowTypes


def type_roots(fingerprints: Fingerprints, tags: Iterable[str]) -> TrieNode:
    """The list of types with their roots: where a descent begins."""
    roots = ((fingerprints.text_hash(tag), fingerprints.type_root(tag)) for tag in tags)
    return TrieNode("", 0, 0, (), tuple((h, r) for h, r in roots if r), leaf=True)


def shown(fingerprints: Fingerprints, tag: str, depth: int, prefix: int) -> TrieNode:
    """Our trie at one prefix in full, for people who look at it."""
    node = fingerprints.node(tag, depth, prefix)
    return TrieNode(node.tag, node.depth, node.prefix, node.sums, node.leaves, node.leaf)


def listed(fingerprints: Fingerprints, task: ShowRows) -> TrieNode:
    """All rows below a prefix; there are few."""
    rows = fingerprints.rows_below(*task, SKETCHED_MOST) or ()
    return TrieNode(task.tag, task.depth, task.prefix, (), tuple(rows), leaf=True)


def sketches(fingerprints: Fingerprints, task: Show) -> list[Sketch]:
    """What a message shows of our trie below a prefix: of the top all branches, 256 sums.

    Where a descent begins, many objects differ, and with them most branches: it would only cost time
    to ask for each of them.
    """
    sketch = _sketch(fingerprints, task)
    if task.depth or sketch.leaf:
        return [sketch]
    tag, turn = task.tag, task.turn
    return [_sketch(fingerprints, Show(tag, 1, digit, turn)) for digit in range(16)]


def _sketch(fingerprints: Fingerprints, task: Show) -> Sketch:
    tag, depth, prefix, turn = task
    rows = fingerprints.rows_below(tag, depth, prefix, SKETCHED_MOST)
    if rows is None:
        words = _words(fingerprints.node(tag, depth, prefix).sums, turn)
    else:
        words = _row_words(rows, turn)
    return Sketch(tag, depth, prefix, turn, rows is not None, words)


def _words(numbers: Iterable[int], turn: int) -> tuple[int, ...]:
    """One word of each; 0 only of 0."""
    shift = 16 * turn
    return tuple([(number >> shift & 0xFFFF) or (number and 1) for number in numbers])


def _row_words(rows: Sequence[Row], turn: int) -> tuple[int, ...]:
    """What tells few objects: a word of the sum of their places, then one of each version."""
    places = reduce(xor, [place for place, _ in rows], 0)
    return _words([places, *[version for _, version in rows]], turn) if rows else ()


def with_word(versions: Iterable[int], differ: Differ) -> int:
    """The first of these versions that has the word of the peer's; 0 where none has."""
    versions = tuple(versions)
    words = _words(versions, differ.turn)
    return versions[words.index(differ.word)] if differ.word in words else 0


def compare(
    fingerprints: Fingerprints, theirs: TrieNode | Sketch, tags: list[str], turn: int = 0
) -> Iterator[Task]:
    """What to do about what a peer shows of its trie.

    Args:
        fingerprints: Ours.
        theirs: What it shows: the roots of types, a list of rows, or a sketch.
        tags: The types that both know.
        turn: Which words to tell where a descent begins.
    """
    if isinstance(theirs, Sketch):
        if theirs.tag in tags:
            yield from _compare_words(fingerprints, theirs)
    elif not theirs.tag:
        yield from _compare_types(fingerprints, theirs, tags, turn)
    elif theirs.tag in tags and theirs.leaf:
        yield from _compare_rows(fingerprints, theirs)


def _compare_types(
    fingerprints: Fingerprints, theirs: TrieNode, tags: list[str], turn: int
) -> Iterator[Task]:
    roots = dict(theirs.leaves)
    for tag in tags:
        if roots.get(fingerprints.text_hash(tag), 0) != fingerprints.type_root(tag):
            yield Show(tag, 0, 0, turn)


def _compare_words(fingerprints: Fingerprints, theirs: Sketch) -> Iterator[Task]:
    tag, depth, prefix, turn, leaf, words = theirs
    rows = fingerprints.rows_below(tag, depth, prefix, SKETCHED_MOST)
    if leaf and not words:
        yield GiveBelow(tag, depth, prefix)
    elif not leaf and rows is None:
        yield from _compare_sums(fingerprints, theirs)
    elif rows is None:
        yield Show(tag, depth, prefix, turn)  # then they list what they have
    else:
        ours = _row_words(rows, turn)
        if not leaf or len(ours) != len(words) or ours[:1] != words[:1]:
            yield ShowRows(tag, depth, prefix)
            return
        for (place, _), our_word, their_word in zip(rows, ours[1:], words[1:], strict=True):
            if our_word != their_word:
                yield Differ(place, their_word, turn)


def _compare_sums(fingerprints: Fingerprints, theirs: Sketch) -> Iterator[Task]:
    tag, depth, prefix, turn, _, words = theirs
    ours = _words(fingerprints.node(tag, depth, prefix).sums, turn)
    for digit, (our_word, their_word) in enumerate(zip(ours, words, strict=True)):
        child = prefix * 16 + digit
        if our_word != their_word:
            below = (tag, depth + 1, child)
            yield Show(*below, turn) if their_word else GiveBelow(*below)


def _compare_rows(fingerprints: Fingerprints, theirs: TrieNode) -> Iterator[Task]:
    for place, version in theirs.leaves:
        if fingerprints.get(place) != version:
            yield Meet(place, version)
    held = frozenset(place for place, _ in theirs.leaves)
    yield GiveBelow(theirs.tag, theirs.depth, theirs.prefix, held)
