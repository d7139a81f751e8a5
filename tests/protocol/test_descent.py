"""What two tries differ in."""

from collections.abc import Iterable

from crdtnode.fingerprints import Fingerprints
from crdtnode.protocol import descent
from crdtnode.protocol.descent import Differ, GiveBelow, Meet, Show, ShowRows, Task
from crdtnode.wire.messages import SKETCHED_MOST, Sketch, TrieNode

TAG = "gset@1"


def holding(rows: Iterable[tuple[int, int]], tag: str = TAG) -> Fingerprints:
    made = Fingerprints(b"salt")
    for place, version in rows:
        made.set(tag, place, version, 0.0)
    return made


def place(*digits: int) -> int:
    """A place whose leading hex digits are these."""
    return sum(digit << 60 - 4 * index for index, digit in enumerate(digits))


def many(first: int, count: int = SKETCHED_MOST + 1) -> list[tuple[int, int]]:
    """More objects below one digit than are told one by one."""
    return [(place(first) + number, 1 + number) for number in range(count)]


def compare(ours: Fingerprints, theirs: TrieNode | Sketch, *tags: str) -> list[Task]:
    return list(descent.compare(ours, theirs, list(tags or (TAG,)), 2))


def sketch_of(theirs: Fingerprints, depth: int = 0, prefix: int = 0, turn: int = 0) -> Sketch:
    return descent._sketch(theirs, Show(TAG, depth, prefix, turn))


def test_a_descent_begins_with_the_types_that_differ() -> None:
    ours = holding([(1, 1)])
    ours.set("pncounter@1", 2, 2, 0.0)
    theirs = holding([(1, 5)])
    theirs.set("pncounter@1", 2, 2, 0.0)
    top = descent.type_roots(theirs, [TAG, "pncounter@1", "empty@1"])
    assert len(top.leaves) == 2
    assert compare(ours, top, TAG, "pncounter@1", "empty@1") == [Show(TAG, 0, 0, 2)]


def test_a_type_of_which_they_have_nothing_differs_too() -> None:
    top = descent.type_roots(holding([]), [TAG])
    assert compare(holding([(1, 1)]), top) == [Show(TAG, 0, 0, 2)]
    theirs = descent.type_roots(holding([(1, 1)]), [TAG])
    assert compare(holding([]), theirs) == [Show(TAG, 0, 0, 2)]


def test_types_that_we_do_not_share_are_left_alone() -> None:
    theirs = holding([(2, 3)])
    assert compare(holding([(2, 2)]), sketch_of(theirs), "pncounter@1") == []
    assert compare(holding([(2, 2)]), TrieNode(TAG, 0, 0, (), (), leaf=True), "pncounter@1") == []


def test_sums_in_full_are_for_people_and_answered_by_nothing() -> None:
    full = descent.shown(holding(many(1)), TAG, 0, 0)
    assert len(full.sums) == 16
    assert compare(holding([(2, 2)]), full) == []


def test_branches_that_are_equal_are_left_alone() -> None:
    rows = many(1) + many(2)
    theirs = holding([*rows, (place(2, 15), 9)])
    assert compare(holding(rows), sketch_of(theirs)) == [Show(TAG, 1, 2, 0)]


def test_a_branch_that_they_lack_is_given_whole() -> None:
    rows = many(1) + many(2)
    assert compare(holding([*rows, (place(7), 9)]), sketch_of(holding(rows))) == [
        GiveBelow(TAG, 1, 7)
    ]


def test_who_has_nothing_is_given_all() -> None:
    assert compare(holding(many(1)), sketch_of(holding([]))) == [GiveBelow(TAG, 0, 0)]


def test_where_we_have_few_objects_we_list_them_all() -> None:
    assert compare(holding([(1, 1)]), sketch_of(holding(many(1)))) == [ShowRows(TAG, 0, 0)]
    assert descent.listed(holding([(1, 1)]), ShowRows(TAG, 0, 0)).leaves == ((1, 1),)


def test_where_they_have_few_objects_they_are_asked_to_list_them() -> None:
    assert compare(holding(many(1)), sketch_of(holding([(1, 1)]))) == [Show(TAG, 0, 0, 0)]


def test_of_few_objects_those_are_found_whose_versions_differ() -> None:
    ours = holding([(1, 11), (2, 22), (3, 33)])
    assert compare(ours, sketch_of(holding([(1, 11), (2, 99), (3, 33)]))) == [Differ(2, 99, 0)]


def test_where_the_objects_are_not_the_same_ones_they_are_listed() -> None:
    ours = holding([(1, 11), (2, 22), (3, 33)])
    for theirs in ([(1, 11), (2, 22)], [(1, 11), (2, 22), (4, 33)], [*many(0, 4)]):
        assert compare(ours, sketch_of(holding(theirs))) == [ShowRows(TAG, 0, 0)]


def test_a_list_shows_what_each_side_lacks() -> None:
    ours = holding([(1, 11), (2, 22), (3, 33)])
    theirs = descent.listed(holding([(1, 11), (2, 99), (4, 44)]), ShowRows(TAG, 0, 0))
    assert compare(ours, theirs) == [
        Meet(2, 99),
        Meet(4, 44),
        GiveBelow(TAG, 0, 0, frozenset({1, 2, 4})),
    ]


def test_the_last_digit_of_a_place_is_the_end() -> None:
    ours = holding([(5, 1)])
    leaf = TrieNode(TAG, 16, 5, (), ((5, 2),), leaf=True)
    assert compare(ours, leaf) == [Meet(5, 2), GiveBelow(TAG, 16, 5, frozenset({5}))]
    assert compare(ours, sketch_of(holding([(5, 2)]), 16, 5)) == [Differ(5, 2, 0)]


def test_two_versions_differ_in_one_of_four_turns() -> None:
    for word in range(descent.TURNS):
        ours, theirs = (
            holding([(1, 0x1_0001_0001_0001)]),
            holding([(1, 0x1_0001_0001_0001 ^ 6 << 16 * word)]),
        )
        seen = [bool(compare(ours, sketch_of(theirs, turn=turn))) for turn in range(descent.TURNS)]
        assert seen == [turn == word for turn in range(descent.TURNS)]


def test_a_word_of_zero_is_not_taken_for_nothing() -> None:
    top = [(place(digit), 1 << 48) for digit in range(16)] + many(1)
    theirs = sketch_of(holding(top))
    assert 0 not in theirs.words
    assert GiveBelow(TAG, 1, 3) not in compare(holding([*top, (place(3, 3), 5)]), theirs)


def test_a_version_is_known_again_by_its_word() -> None:
    assert descent.with_word((0x5_0007, 0x6_0008), Differ(1, 6, 1)) == 0x6_0008
    assert descent.with_word((0x5_0007,), Differ(1, 6, 1)) == 0
