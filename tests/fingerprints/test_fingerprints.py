"""Versions, roots, recents and the trie, each against the plainest model of it."""

from collections.abc import Callable
from functools import reduce
from operator import xor

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from crdtnode.fingerprints import LEAF_MOST, RECENTS_MOST, Fingerprints, Node

TAGS = ("gset@1", "orset@1", "pncounter@1")


def placed(*places: int, tag: str = "gset@1") -> Fingerprints:
    """Fingerprints of objects at these places; each one's version is its place, inverted."""
    prints = Fingerprints(b"salt")
    for when, hn in enumerate(places):
        prints.set(tag, hn, hn ^ (2**64 - 1), now=float(when))
    return prints


def crowd(first_digit: int, count: int) -> list[int]:
    """So many places that begin with one hex digit."""
    return [first_digit << 60 | number << 48 for number in range(count)]


# Hashes


def test_places_versions_and_digests_depend_on_the_salt() -> None:
    one, other = Fingerprints(b"one"), Fingerprints(b"other")
    assert one.place("gset@1", "n") != other.place("gset@1", "n")
    assert one.version(1, 1, b"s") != other.version(1, 1, b"s")
    assert one.digest(b"state") != other.digest(b"state")
    assert one.text_hash("a") != other.text_hash("a")


def test_a_place_tells_type_and_name_apart() -> None:
    prints = Fingerprints(b"salt")
    assert prints.place("gset@1", "1n") != prints.place("gset@11", "n")
    assert prints.place("gset@1", "n") == prints.place("gset@1", "n")


def test_a_version_depends_on_place_life_and_state() -> None:
    prints = Fingerprints(b"salt")
    versions = {
        prints.version(hn, life, s) for hn in (1, 2) for life in (1, 2) for s in (b"", b"s")
    }
    assert len(versions) == 8


def test_the_kinds_of_hash_never_agree_on_equal_bytes() -> None:
    prints = Fingerprints(b"salt")
    assert prints.place("a", "b") != prints.text_hash("a\0b")
    assert prints.digest(b"a")[:8] != prints.text_hash("a").to_bytes(8, "big")


def test_hashes_keep_their_values_for_ever() -> None:
    prints = Fingerprints(b"salt")
    assert f"{prints.place('gset@1', 'colours'):016x}" == "70f5764bbaf29cc9"
    assert f"{prints.version(1, 1, b'state'):016x}" == "607473dc6cc0b783"
    assert prints.digest(b"state").hex() == "985773e74710b2bdcda850f1a367712e"
    assert f"{prints.text_hash('gset@1'):016x}" == "b1b808e01a56a7a7"


def test_a_version_that_happens_to_hash_to_zero_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Zero:
        def copy(self) -> "Zero":
            return self

        def update(self, data: bytes) -> None:
            pass

        def digest(self) -> bytes:
            return bytes(8)

    prints = Fingerprints(b"salt")
    monkeypatch.setattr(prints, "_version_hash", Zero())
    assert prints.version(1, 1, b"state") == 1


# Roots


def test_without_objects_all_roots_are_zero() -> None:
    prints = Fingerprints(b"salt")
    assert (prints.root, prints.root_over(None), prints.root_over(frozenset(TAGS))) == (0, 0, 0)
    assert prints.type_root("gset@1") == 0
    assert prints.types() == []
    assert len(prints) == 0


def test_each_type_has_its_own_root_and_all_types_have_one_together() -> None:
    prints = Fingerprints(b"salt")
    prints.set("orset@1", 1, 0b0011, now=0.0)
    prints.set("gset@1", 2, 0b0101, now=0.0)
    assert prints.root == prints.root_over(None) == 0b0110
    assert prints.type_root("orset@1") == prints.root_over(frozenset({"orset@1", "x@1"})) == 0b0011
    assert prints.types() == ["gset@1", "orset@1"]


def test_version_zero_takes_an_object_out() -> None:
    prints = placed(7)
    prints.set("gset@1", 7, 0, now=9.0)
    assert (prints.root, prints.get(7), len(prints), prints.types()) == (0, 0, 0, [])
    assert prints.node("gset@1", 0, 0) == Node("gset@1", 0, 0, (), (), leaf=True)


# Recents


def test_the_latest_change_comes_first() -> None:
    prints = placed(1, 2, 3)
    prints.set("gset@1", 2, 99, now=3.0)
    assert [hn for hn, _ in prints.recents(since=0.0, most=9)] == [2, 3, 1]
    assert prints.recents(since=3.0, most=9) == [(2, 99)]


def test_recents_give_no_more_than_asked_for() -> None:
    assert [hn for hn, _ in placed(1, 2, 3).recents(since=0.0, most=2)] == [3, 2]
    assert placed(1, 2, 3).recents(since=0.0, most=0) == []


def test_recents_can_be_had_for_some_types_only() -> None:
    prints = placed(1, 2)
    prints.set("orset@1", 3, 30, now=5.0)
    assert prints.recents(since=0.0, most=9, tags=frozenset({"orset@1"})) == [(3, 30)]


def test_an_equal_version_is_no_change() -> None:
    prints = placed(1, 2)
    prints.set("gset@1", 1, prints.get(1), now=50.0)
    prints.set("gset@1", 77, 0, now=50.0)
    assert prints.recents(since=50.0, most=9) == []
    assert (prints.changed_at(1), prints.changed_at(77)) == (0.0, None)


def test_an_object_taken_out_is_a_recent_change_to_zero() -> None:
    prints = placed(1)
    prints.set("gset@1", 1, 0, now=4.0)
    assert prints.recents(since=4.0, most=9) == [(1, 0)]
    assert prints.changed_at(1) == 4.0


def test_the_oldest_change_is_forgotten_first() -> None:
    prints = placed(*range(1, RECENTS_MOST + 1))
    prints.set("gset@1", 1, 5, now=1e6)
    prints.set("gset@1", 2**40, 5, now=1e6)
    assert prints.changed_at(2) is None
    assert prints.changed_at(3) == 2.0
    assert prints.changed_at(1) == 1e6
    assert len(prints.recents(since=0.0, most=10**6)) == RECENTS_MOST


# The trie


def test_a_small_type_is_one_leaf() -> None:
    prints = placed(3, 1, 2)
    rows = tuple((hn, prints.get(hn)) for hn in (1, 2, 3))
    assert prints.node("gset@1", 0, 0) == Node("gset@1", 0, 0, (), rows, leaf=True)


def test_a_leaf_splits_when_it_overflows_and_merges_when_it_is_small_again() -> None:
    prints = placed(*crowd(0xA, LEAF_MOST))
    assert prints.node("gset@1", 0, 0).leaf
    prints.set("gset@1", 0xB << 60, 1, now=0.0)
    top = prints.node("gset@1", 0, 0)
    assert not top.leaf
    assert (top.sums[0xB], len(top.sums), top.leaves) == (1, 16, ())
    assert prints.node("gset@1", 1, 0xA).leaf
    prints.set("gset@1", 0xA << 60, 0, now=0.0)
    assert prints.node("gset@1", 0, 0).leaf


def test_places_that_agree_in_many_digits_split_far_down() -> None:
    close = [0x123456789ABCDE00 + number for number in range(LEAF_MOST + 1)]
    prints = placed(*close)
    node = prints.node("gset@1", 13, 0x123456789ABCD)
    assert [digit for digit, total in enumerate(node.sums) if total] == [0xE]
    assert prints.node("gset@1", 16, close[5]).leaves == ((close[5], prints.get(close[5])),)
    for hn in close:
        prints.set("gset@1", hn, 0, now=0.0)
    assert prints.root == 0


@pytest.mark.parametrize(
    ("depth", "prefix"), [(0, 1), (1, 16), (2, 0x7F), (1, -1), (-1, 0), (17, 0), (10**9, 0)]
)
def test_a_prefix_that_nothing_stands_below_is_an_empty_leaf(depth: int, prefix: int) -> None:
    prints = placed(*crowd(0xA, 3))
    assert prints.node("gset@1", depth, prefix).leaves == ()
    assert prints.node("gset@1", depth, prefix).leaf
    assert prints.subtree("gset@1", depth, prefix) == []
    assert prints.subtree("unheard-of@1", 0, 0) == []


def test_a_subtree_is_given_in_order_and_in_pieces() -> None:
    places = crowd(0xA, 50) + crowd(0x3, 50) + crowd(0xF, 2)
    prints = placed(*places)
    found: list[int] = []
    while piece := prints.subtree("gset@1", 0, 0, start=found[-1] + 1 if found else 0, most=7):
        found += piece
    assert found == sorted(places)
    assert prints.subtree("gset@1", 1, 3) == crowd(3, 50)
    assert prints.subtree("gset@1", 1, 3, start=0xA << 60) == []


class Plain:
    """The model: one dictionary, everything else computed from it anew."""

    def __init__(self) -> None:
        self.rows: dict[int, tuple[str, int]] = {}
        self.order: list[int] = []

    def set(self, tag: str, hn: int, v: int) -> None:
        if v == self.rows.get(hn, (tag, 0))[1]:
            return
        self.rows.pop(hn, None)
        if v:
            self.rows[hn] = (tag, v)
        self.order = [hn, *(other for other in self.order if other != hn)]

    def below(self, tag: str, depth: int, prefix: int) -> list[tuple[int, int]]:
        rest = 4 * (16 - depth)
        rows = ((hn, v) for hn, (its, v) in self.rows.items() if its == tag)
        return sorted(row for row in rows if row[0] >> rest == prefix)


def check_node(prints: Fingerprints, plain: Plain, tag: str, depth: int, prefix: int) -> None:
    """One node, and all inner ones below it, say what the model says."""
    node, rows = prints.node(tag, depth, prefix), plain.below(tag, depth, prefix)
    assert node.leaf == (len(rows) <= LEAF_MOST)
    assert (node.tag, node.depth, node.prefix) == (tag, depth, prefix)
    if node.leaf:
        assert list(node.leaves) == rows
        assert node.sums == ()
        return
    for digit, total in enumerate(node.sums):
        child = prefix << 4 | digit
        assert total == reduce(xor, (v for _, v in plain.below(tag, depth + 1, child)), 0)
        check_node(prints, plain, tag, depth + 1, child)


def check_invariants(prints: Fingerprints, plain: Plain) -> None:
    """Every sum, list and order that can be asked for agrees with the model."""
    for tag in TAGS:
        rows = plain.below(tag, 0, 0)
        assert prints.type_root(tag) == reduce(xor, (v for _, v in rows), 0)
        check_node(prints, plain, tag, 0, 0)
        assert prints.subtree(tag, 0, 0) == [hn for hn, _ in rows]
    assert prints.root == reduce(xor, (v for _, v in plain.rows.values()), 0)
    assert len(prints) == len(plain.rows)
    assert [hn for hn, _ in prints.recents(since=0.0, most=10**6)] == plain.order


def play(steps: list[int], broken: Callable[[Fingerprints], None] | None = None) -> None:
    """Carry out steps drawn as numbers, and check everything after each.

    Places are drawn from few, close ones, so that leaves overflow and merge again.
    """
    prints, plain = Fingerprints(b"salt"), Plain()
    if broken:
        broken(prints)
    for now, step in enumerate(steps):
        first, many, v = step % 7, 1 + step // 7 % 40, step // 280
        tag = TAGS[first % 3]
        for number in range(many):
            hn = first << 60 | (number * 37 % 64) << 52 | number
            prints.set(tag, hn, v, float(now))
            plain.set(tag, hn, v)
        check_invariants(prints, plain)


HISTORIES = st.lists(st.integers(0, 7 * 40 * 4 - 1), max_size=12)


@settings(max_examples=60, deadline=None)
@given(HISTORIES)
def test_after_every_step_sums_leaves_and_order_are_those_of_the_model(steps: list[int]) -> None:
    play(steps)


def forget_removals(prints: Fingerprints) -> None:
    """A planted bug: what is taken out stays in the sums."""
    whole = prints.set

    def without_removal(tag: str, hn: int, v: int, now: float) -> None:
        if v:
            whole(tag, hn, v, now)

    prints.set = without_removal  # type: ignore[method-assign]  # the planted bug


def forget_the_trie(prints: Fingerprints) -> None:
    """A planted bug: a changed version reaches the root, but not the trie below it."""
    whole = prints.set

    def without_trie(tag: str, hn: int, v: int, now: float) -> None:
        if old := prints.get(hn):
            prints.root ^= old ^ v
            prints._versions[hn] = v
        else:
            whole(tag, hn, v, now)

    prints.set = without_trie  # type: ignore[method-assign]  # the planted bug


@pytest.mark.parametrize("broken", [forget_removals, forget_the_trie])
def test_the_invariants_catch_a_trie_that_is_not_kept(
    broken: Callable[[Fingerprints], None],
) -> None:
    forty = 39 * 7
    with pytest.raises(AssertionError):
        play([forty + 280, forty + 2 * 280, forty], broken)
