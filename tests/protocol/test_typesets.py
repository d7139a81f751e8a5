"""Which types members know."""

from crdt import GSet, PNCounter
from crdtnode.protocol.typesets import SETS_MOST, TypeSets
from crdtnode.wire.messages import State, Types
from tests.protocol.people import member
from tests.protocol.registries import registry

FEW, MORE = ["gset@1"], ["gset@1", "pncounter@1"]


def test_members_with_our_set_of_types_share_all_of_them() -> None:
    ours = registry(MORE)
    ours.open("visits", PNCounter).increment()
    ours.flush(1.0)
    typesets = TypeSets(ours)
    b = member("b", types=ours.types_hash)
    assert typesets.common(b) == {"gset@1", "pncounter@1"}
    assert typesets.root(b) == ours.root


def test_a_set_that_we_do_not_know_says_nothing() -> None:
    typesets = TypeSets(registry(MORE))
    b = member("b", types=77)
    assert typesets.common(b) is None
    assert typesets.root(b) is None
    b.root = 5
    assert typesets.root_equal(b) is None


def test_a_set_that_was_told_is_known() -> None:
    theirs = TypeSets(registry(FEW)).ours()
    typesets = TypeSets(registry(MORE))
    assert typesets.learn(theirs)
    assert typesets.common(member("b", types=theirs.hash)) == {"gset@1"}


def test_a_set_that_is_not_what_its_hash_says_is_not_believed() -> None:
    typesets = TypeSets(registry(MORE))
    assert not typesets.learn(Types(77, ("gset@1",)))
    assert typesets.common(member("b", types=77)) is None


def test_roots_are_compared_over_what_both_know() -> None:
    ours, theirs = registry(MORE), registry(FEW)
    ours.open("visits", PNCounter).increment()
    for one in (ours, theirs):
        one.open("tags", GSet).add("red")
        one.flush(1.0)
    typesets = TypeSets(ours)
    typesets.learn(TypeSets(theirs).ours())
    b = member("b", types=theirs.types_hash)
    assert typesets.root_equal(b) is None
    b.root = theirs.root
    assert typesets.root_equal(b) is True
    b.root ^= 1
    assert typesets.root_equal(b) is False


def test_who_is_gone_has_no_root_that_counts() -> None:
    ours = registry(MORE)
    typesets = TypeSets(ours)
    b = member("b", types=ours.types_hash, root=0)
    assert typesets.root_equal(b) is True
    b.state = State.DEAD
    assert typesets.root_equal(b) is None


def test_of_many_sets_the_last_are_remembered() -> None:
    ours = registry(MORE)
    typesets = TypeSets(ours)
    hashes = []
    for number in range(SETS_MOST + 3):
        tag = f"type-{number}@1"
        hashes.append(ours.fingerprints.text_hash(tag))
        assert typesets.learn(Types(hashes[-1], (tag,)))
    known = [typesets.common(member("b", types=hash_)) is not None for hash_ in hashes]
    assert known == [False] * 3 + [True] * SETS_MOST
