"""What two tries differ in."""

from collections.abc import Iterable

from crdtnode.fingerprints import LEAF_MOST, Fingerprints
from crdtnode.protocol import descent
from crdtnode.protocol.descent import GiveBelow, Meet, Show, Task
from crdtnode.wire.messages import TrieNode

TAG = "gset@1"


def holding(rows: Iterable[tuple[int, int]], tag: str = TAG) -> Fingerprints:
    made = Fingerprints(b"salt")
    for place, version in rows:
        made.set(tag, place, version, 0.0)
    return made


def place(*digits: int) -> int:
    """A place whose leading hex digits are these."""
    return sum(digit << 60 - 4 * index for index, digit in enumerate(digits))


def many(first: int, count: int = LEAF_MOST + 1) -> list[tuple[int, int]]:
    """More objects below one digit than a leaf holds."""
    return [(place(first) + number, 1 + number) for number in range(count)]


def compare(ours: Fingerprints, theirs: TrieNode, *tags: str) -> list[Task]:
    return list(descent.compare(ours, theirs, list(tags or (TAG,))))


def node_of(theirs: Fingerprints, depth: int = 0, prefix: int = 0) -> TrieNode:
    return descent.shown(theirs, Show(TAG, depth, prefix))


def test_a_descent_begins_with_the_types_that_differ() -> None:
    ours = holding([(1, 1)])
    ours.set("pncounter@1", 2, 2, 0.0)
    theirs = holding([(1, 5)])
    theirs.set("pncounter@1", 2, 2, 0.0)
    top = descent.type_roots(theirs, [TAG, "pncounter@1", "empty@1"])
    assert len(top.leaves) == 2
    assert compare(ours, top, TAG, "pncounter@1", "empty@1") == [Show(TAG, 0, 0)]


def test_a_type_of_which_they_have_nothing_differs_too() -> None:
    top = descent.type_roots(holding([]), [TAG])
    assert compare(holding([(1, 1)]), top) == [Show(TAG, 0, 0)]
    assert compare(holding([]), descent.type_roots(holding([(1, 1)]), [TAG])) == [Show(TAG, 0, 0)]


def test_types_that_we_do_not_share_are_left_alone() -> None:
    theirs = node_of(holding([(1, 1)]))
    assert compare(holding([(2, 2)]), theirs, "pncounter@1") == []


def test_branches_that_are_equal_are_left_alone() -> None:
    rows = many(1) + many(2)
    theirs = holding([*rows, (place(2, 15), 9)])
    assert compare(holding(rows), node_of(theirs)) == [Show(TAG, 1, 2)]


def test_a_branch_that_they_lack_is_given_whole() -> None:
    rows = many(1) + many(2)
    assert compare(holding([*rows, (place(7), 9)]), node_of(holding(rows))) == [
        GiveBelow(TAG, 1, 7)
    ]


def test_where_we_have_few_objects_we_show_them_all() -> None:
    assert compare(holding([(1, 1)]), node_of(holding(many(1)))) == [Show(TAG, 0, 0)]


def test_a_list_shows_what_each_side_lacks() -> None:
    ours = holding([(1, 11), (2, 22), (3, 33)])
    theirs = node_of(holding([(1, 11), (2, 99), (4, 44)]))
    assert compare(ours, theirs) == [
        Meet(2, 99),
        Meet(4, 44),
        GiveBelow(TAG, 0, 0, frozenset({1, 2, 4})),
    ]


def test_the_last_digit_of_a_place_is_the_end() -> None:
    ours = holding([(5, 1)])
    leaf = TrieNode(TAG, 16, 5, (), ((5, 2),), leaf=True)
    assert compare(ours, leaf) == [Meet(5, 2), GiveBelow(TAG, 16, 5, frozenset({5}))]
