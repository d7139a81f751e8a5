"""The tree with a move: nodes go elsewhere, concurrently, and it stays a tree.

Moves take effect in the order of their stamps, wherever they were made and whenever they arrive;
one that would close a cycle is void. Every replica that has the same moves has the same tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, Self, TypeVar

from crdt.atoms import Key, element_of, identify, lookup
from crdt.clock import Clock, Stamp, next_stamp
from crdt.errors import PayloadError
from crdt.packing import packed, sized
from crdt.payloads import decode_stamp, expect_fields, expect_list, expect_replica
from crdt.rows import Hash, Row, Rowed
from crdt.tagged import canonical_text, decode, encode
from crdt.trees.moves import Move, MoveLog, comes_after

N = TypeVar("N")

_NO_STAMP: Stamp = (-1, 0)

_FIELD_BYTES = len('{"moves":[]}')


class Tree(Rowed, Generic[N]):
    """A tree (or several) whose nodes can be moved, with everything below them.

    The root is None; it stands above all nodes and is none itself. Nodes are elements as sets hold
    them, and each is in one place. Of concurrent moves of one node the last by stamp decides; of
    concurrent moves that together would close a cycle the later one is void, and takes effect
    after all if an older move arrives that takes the cycle away. A local move is stamped above
    everything that its mover has seen.

    There is no removal: move what is not wanted below a node that stands for the waste bin. All
    moves are kept, because an older one may still arrive, until `compact` is told that none will.

    Moving costs the number of newer moves that are here already (none for a local move) and the
    depth of the new parent or the number of nodes that move along, whichever is less.

    Args:
        replica: Whom the object acts as; the caller promises that nobody else does.
        clock: Returns whole milliseconds since 1970; the system's by default.

    Payload:
        ``{"moves": [[[ms, counter], replica, node, parent]...], "frontier": [ms, counter]}``, the
        moves in the order in which they take effect (stamp, replica, then canonical order), both
        parts left out while they are empty. At or below the frontier no other moves count.

    Source:
        Kleppmann, Mulligan, Gomes, Beresford, "A highly-available move operation for replicated
        trees" (IEEE TPDS 2021); stamps after Kulkarni et al., "Logical Physical Clocks" (2014).

    Example:
        >>> here = Tree("here", clock=lambda: 1_700_000_000_000)
        >>> here.move("docs", None).payload
        {'moves': [[[1700000000000, 0], 'here', 'docs', None]]}
        >>> _ = here.move("drafts", None)
        >>> there = here.clone("there")
        >>> down = here.move("docs", "drafts")      # while there it goes the other way:
        >>> up = there.move("drafts", "docs")
        >>> here.join(up), there.join(down)
        (True, True)
        >>> here.value == there.value == {"drafts": None, "docs": "drafts"}
        True
        >>> here.move("drafts", "docs")
        Traceback (most recent call last):
            ...
        ValueError: 'docs' is below 'drafts'; a node cannot go below itself
    """

    _fields = ("_log", "_frontier")
    _resettable = True
    _log: MoveLog
    _frontier: Stamp

    def __init__(self, replica: str | None = None, *, clock: Clock | None = None) -> None:
        self._start(replica, clock)

    # --- reading -------------------------------------------------------------------------------

    @property
    def value(self) -> dict[N, N | None]:
        """The parent of each node, as a new dict.

        Python's dicts merge 1, True and 1.0; of these the first in canonical order is kept. A
        parent that is no key has not arrived yet: nobody has moved it as far as this replica knows.
        """
        parents = self._log.parents
        merged: dict[N, N | None] = {
            element_of(node): element_of(parent) for node, parent in parents.items()
        }
        if len(merged) == len(parents):
            return merged
        merged.clear()
        for node in sorted(parents, key=canonical_text):
            merged.setdefault(element_of(node), element_of(parents[node]))
        return merged

    def __contains__(self, node: object) -> bool:
        return lookup(node) in self._log.parents

    def __iter__(self) -> Iterator[N]:
        for node in list(self._log.parents):
            yield element_of(node)

    def __len__(self) -> int:
        return len(self._log.parents)

    def parent_of(self, node: N) -> N | None:
        """Return the parent of a node, None if it is at the top.

        Raises:
            KeyError: It is no node of this tree.
        """
        parent: N | None = element_of(self._log.parents[self._node(node)])
        return parent

    def children_of(self, parent: N | None) -> list[N]:
        """Return the nodes right below ``parent``, in canonical order; None asks for the top."""
        nodes = self._log.below.get(lookup(parent), ())
        return [element_of(node) for node in sorted(nodes, key=canonical_text)]

    def ancestors_of(self, node: N) -> list[N]:
        """Return the parent of a node, that one's parent, and so on up to the top.

        Raises:
            KeyError: It is no node of this tree.
        """
        parents = self._log.parents
        place = parents[self._node(node)]
        found: list[N] = []
        while place is not None:
            found.append(element_of(place))
            place = parents.get(place)
        return found

    def _node(self, node: object) -> Key:
        key = lookup(node)
        if key not in self._log.parents:
            raise KeyError(node)
        return key

    # --- changing ------------------------------------------------------------------------------

    def move(self, node: N, parent: N | None) -> Self:
        """Put a node, new or not, with all that is below it, below another; return the delta.

        Args:
            node: What to move. A node that nobody has moved yet is made by it.
            parent: Its new parent, which need not be known yet; None puts it at the top.

        Raises:
            TypeError: One of them is of a type that cannot be an element.
            ValueError: ``parent`` is ``node`` or below it; or ``node`` is None; or one of them is
                NaN, an infinity, or nested too deep; or the clock is past the year 2248.
            OverflowError: The tree holds the last possible stamp. Nothing has changed.
        """
        key, place = identify(node), identify(parent)
        if key is None:
            raise ValueError("None is the root, which is no node and cannot be moved")
        if self._log.within(place, key):
            lies = "is" if place == key else "is below"
            raise ValueError(f"{parent!r} {lies} {node!r}; a node cannot go below itself")
        replica = self._candidate()
        latest = max(self._log.latest, self._frontier)
        ms, counter = next_stamp(self._own_seat().now(), latest)
        delta = self._blank()
        delta._log.insert([(ms, counter, replica, key, place)])
        return self._publish(delta, replica)

    def compact(self, stable: Self) -> Self:
        """Forget moves that no longer show, on the caller's word, and return the delta to gossip.

        What lies at or below the newest stamp of ``stable`` is settled: the move that put each
        node where it was then stays, the others go, and nothing older will ever count. The tree
        looks as before. A move that is known here and not in ``stable`` is never settled, nor is
        anything newer.

        Args:
            stable: A state by which the caller gives his word: every replica has joined it before
                making any move that it lacks, and so has whoever made a state or delta that is
                still under way. A move that breaks it is void wherever it meets a compacted tree.

        Raises:
            TypeError: ``stable`` is of another type.
            ValueError: This tree has not joined ``stable`` itself. Nothing has changed.
        """
        stable = self._same_type(stable)
        if not stable.compare(self):
            raise ValueError("this tree has not joined `stable`, so not everybody has")
        frontier = self._settled_by(stable)
        settled = [move for move in self._log.moves if move[:2] <= frontier]
        kept = MoveLog(settled).in_effect()
        delta = self._blank()
        if len(kept) == len(settled):
            return delta
        delta._log, delta._frontier = MoveLog(kept), frontier
        return self._publish(delta)

    def _settled_by(self, stable: Self) -> Stamp:
        """Return the last stamp here before the first move that ``stable`` lacks."""
        settled = passing = _NO_STAMP
        for move in self._log.moves:
            if move[:2] > passing:
                settled, passing = passing, move[:2]
            if move not in stable._log.known:
                return max(settled, self._frontier)
        return max(passing, self._frontier)

    # --- the lattice ---------------------------------------------------------------------------

    def _supersedes(self, before: Self) -> bool:
        return self._frontier != _NO_STAMP

    def compare(self, other: Self) -> bool:
        """Tell whether ``other`` knows every move known here, and forgot all forgotten here."""
        other = self._same_type(other)
        return (
            self._frontier <= other._frontier
            and all(
                move in other._log.known or move[:2] <= other._frontier for move in self._log.moves
            )
            and not other._forgotten_by(self)
        )

    def _forgotten_by(self, other: Self) -> list[Move]:
        """Return the moves here that ``other`` has forgotten: at its frontier or below, not kept.

        A state claims to have seen all moves up to its frontier and all that it holds; a move that
        it claims but does not hold is gone, as in a causal context.
        """
        gone: list[Move] = []
        if other._frontier == _NO_STAMP:
            return gone
        for move in self._log.moves:
            if move[:2] > other._frontier:
                break
            if move not in other._log.known:
                gone.append(move)
        return gone

    def _under(self, limit_bytes: int) -> Iterator[Self]:
        # A frontier goes with all moves below it: a part of them would make the others void.
        moves = self._log.moves
        settled = [move for move in moves if move[:2] <= self._frontier]
        if self._frontier != _NO_STAMP:
            base = self._blank()
            base._log, base._frontier = MoveLog(settled), self._frontier
            yield base
        rows = ((move, sized(_encode_move(move))) for move in moves[len(settled) :])
        for part in packed(rows, limit_bytes, _FIELD_BYTES):
            new = self._blank()
            new._log = MoveLog(part)
            yield new

    def _join(self, other: Self) -> bool:
        fresh = [
            move
            for move in other._log.moves
            if move[:2] > self._frontier and move not in self._log.known
        ]
        gone = self._forgotten_by(other)
        if self._print is not None:
            for move in gone:
                self._print.leave(move)
            for move in fresh:
                self._print.come(move)
            if other._frontier > self._frontier:
                self._print.swap(_frontier_row(self._frontier), _frontier_row(other._frontier))
        if gone:
            self._log = MoveLog(self._log.known.difference(gone))
        self._log.insert(fresh)
        grew = bool(fresh or gone) or other._frontier > self._frontier
        self._frontier = max(self._frontier, other._frontier)
        return grew

    # --- what the base asks for ----------------------------------------------------------------

    def _empty(self) -> None:
        self._log = MoveLog()
        self._frontier = _NO_STAMP

    def _copied(self) -> Self:
        new = self._blank()
        new._log = self._log.copy()
        new._frontier = self._frontier
        return new

    @property
    def initial(self) -> bool:
        """Whether nothing was ever moved."""
        return not self._log.moves and self._frontier == _NO_STAMP

    def _bulk(self) -> int:
        return len(self._log.moves)

    def _hashed_rows(self, hash: Hash) -> Iterator[tuple[Row, int]]:
        for move in self._log.moves:
            yield move, 1
        yield _frontier_row(self._frontier), 1

    def _encode(self) -> dict[str, Any]:
        parts: dict[str, Any] = {}
        if self._log.moves:
            parts["moves"] = [_encode_move(move) for move in self._log.moves]
        if self._frontier != _NO_STAMP:
            parts["frontier"] = list(self._frontier)
        return parts

    def _decode(self, payload: Any) -> None:
        fields = expect_fields(payload, "payload", ("moves", "frontier"))
        if "frontier" in fields:
            self._frontier = decode_stamp(fields["frontier"], "payload['frontier']")
        if "moves" in fields:
            self._log = MoveLog(_decode_moves(fields["moves"], "payload['moves']"))

    def _shows_more(self, other: Self, replica: str) -> bool:
        return any(
            move[2] == replica and move[:2] > self._frontier and move not in self._log.known
            for move in other._log.moves
        )

    def _replicas(self) -> set[str]:
        return {move[2] for move in self._log.moves}

    def _size(self) -> tuple[int, int]:
        nodes = len(self._log.parents)
        return nodes, len(self._log.moves) - nodes


def _frontier_row(frontier: Stamp) -> Row:
    return "frontier", *frontier


def _encode_move(move: Move) -> list[Any]:
    ms, counter, replica, node, parent = move
    return [[ms, counter], replica, encode(node), encode(parent)]


def _decode_moves(payload: Any, place: str) -> list[Move]:
    if not expect_list(payload, place):
        raise PayloadError("what is empty is left out", place)
    moves: list[Move] = []
    for i, item in enumerate(payload):
        here = f"{place}[{i}]"
        move = _decode_move(item, here)
        if moves and not comes_after(move, moves[-1]):
            raise PayloadError("moves stand in the order of stamp and replica, each once", here)
        moves.append(move)
    return moves


def _decode_move(payload: Any, place: str) -> Move:
    stamp, replica, node, parent = expect_list(payload, place, 4)
    key, under = decode(node, f"{place}[2]"), decode(parent, f"{place}[3]")
    if key is None:
        raise PayloadError("the root is no node", f"{place}[2]")
    if key == under:
        raise PayloadError("a node does not go below itself", f"{place}[3]")
    return (
        *decode_stamp(stamp, f"{place}[0]"),
        expect_replica(replica, f"{place}[1]"),
        key,
        under,
    )
