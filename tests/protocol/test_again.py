"""Where what changed lately is not all: a wider view, one deep session at a time."""

from dataclasses import replace

import pytest

from crdt import GSet
from crdtnode.fingerprints import RECENTS_MOST
from crdtnode.protocol.deep import LEASE
from crdtnode.protocol.repair import CROSSING
from crdtnode.wire.messages import LEFT_MAX, Again, Busy, Sync, Want
from tests.protocol.pair import Pair, Side


@pytest.fixture
def pair() -> Pair:
    """Two nodes with the same objects, which they know to be equal."""
    pair = Pair()
    for number in range(500):
        pair.a.registry.open(f"set-{number}", GSet).add(number)
    pair.probe()
    assert pair.probe() == 1
    pair.now += 100
    pair.forget_what_was_sent()
    return pair


def fill(side: Side, numbers: range, now: float) -> None:
    for number in numbers:
        side.registry.open(f"set-{number}", GSet).add(f"{side.name} {number}")
    side.registry.flush(now)


def begun_anew(side: Side, *peers: Side) -> None:
    """The node has forgotten when its peers were equal."""
    for peer in peers:
        peer.me.equal_at = float("-inf")


def test_what_one_side_changed_since_the_roots_were_equal_is_found_without_the_trie(
    pair: Pair,
) -> None:
    fill(pair.a, range(200), pair.now)
    pair.now += 100
    pair.probe()
    assert pair.equal
    assert pair.kinds() == ["ping", "want", "again", "sync", "sync"]
    assert pair.a.metrics.repairs["trie"] + pair.b.metrics.repairs["trie"] == 0
    (again,) = (m for m in pair.sent if isinstance(m, Again))
    assert len(again.recents) == 200
    assert pair.bytes_sent < 200 * 100


def test_what_both_sides_changed_is_found_without_the_trie(pair: Pair) -> None:
    fill(pair.a, range(200), pair.now)
    fill(pair.b, range(150, 400), pair.now)
    pair.now += 100
    pair.probe()
    assert pair.equal
    assert pair.kinds() == ["ping", "want", "again", "want", "sync", "sync"]
    assert pair.a.metrics.repairs["trie"] + pair.b.metrics.repairs["trie"] == 0


def test_too_many_changes_are_left_to_the_trie(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crdtnode.protocol.repair.RECENTS_MOST", 100)
    fill(pair.a, range(200), pair.now)
    pair.now += 100
    pair.probe()
    assert pair.equal
    assert pair.a.metrics.repairs["trie"] == 1
    assert RECENTS_MOST > 100


@pytest.mark.parametrize("who", ["a", "b", "both"])
def test_who_does_not_know_since_when_walks_down_the_trie(pair: Pair, who: str) -> None:
    fill(pair.a, range(200), pair.now)
    fill(pair.b, range(150, 400), pair.now)
    pair.now += 100
    if who != "b":
        begun_anew(pair.a, pair.b)
    if who != "a":
        begun_anew(pair.b, pair.a)
    pair.probe()
    assert pair.equal
    assert pair.a.metrics.repairs["trie"] + pair.b.metrics.repairs["trie"] == 1


def test_what_changed_before_the_roots_seemed_equal_is_found_all_the_same(pair: Pair) -> None:
    """A lie, or a clock that jumped: the roots tell that the wide view is not all."""
    fill(pair.a, range(200), pair.now)
    fill(pair.b, range(300, 400), pair.now)
    pair.now += 100
    for side in (pair.a, pair.b):
        side.me.equal_at = pair.now - 1
    pair.probe()
    assert pair.equal
    assert pair.b.metrics.repairs["trie"] + pair.a.metrics.repairs["trie"] >= 1


@pytest.mark.parametrize("empty_probes", [True, False])
def test_who_has_nothing_gets_everything_at_once(pair: Pair, empty_probes: bool) -> None:
    fresh = Pair(a=pair.a, b=Side("c"), now=pair.now)
    if empty_probes:
        fresh.a, fresh.b = fresh.b, fresh.a
    fresh.probe()
    assert fresh.equal
    assert fresh.kinds().count("sync") == len(fresh.sent) - len(["ping", "want"]) - empty_probes
    items = [item for m in fresh.sent if isinstance(m, Sync) for item in m.items]
    assert len(items) == 500


def test_others_hear_that_we_are_busy_and_get_what_changed_lately(pair: Pair) -> None:
    third = Side("c")
    fill(pair.a, range(600, 601), pair.now)
    place = pair.a.registry.fingerprints.place("gset@1", "set-600")
    assert pair.a.repair.on_want(pair.b.me, Want(5, (), (), (), LEFT_MAX), pair.now)
    want = Want(5, ((place, 0, ()),), (), (), LEFT_MAX)
    first, second = (s.message for s in pair.a.repair.on_want(third.me, want, pair.now))
    assert isinstance(first, Sync)
    assert [item.name for item in first.items] == ["set-600"]
    assert isinstance(second, Busy)
    again = Again(5, (), (), (), 20)
    (send,) = pair.a.repair.on_again(third.me, again, pair.now)
    assert isinstance(send.message, Busy)
    assert pair.a.repair.is_deep(pair.b.me, pair.now)
    assert not pair.a.repair.is_deep(third.me, pair.now)
    pair.now += LEASE
    (send,) = pair.a.repair.on_again(third.me, again, pair.now)
    assert not isinstance(send.message, Busy)


def test_who_is_told_to_wait_is_free_for_others(pair: Pair) -> None:
    third = Side("c")
    pair.a.repair.on_want(pair.b.me, Want(5, (), (), (), LEFT_MAX), pair.now)
    pair.a.repair.on_busy(pair.b.me)
    (send,) = pair.a.repair.on_want(third.me, Want(5, (), (), (), LEFT_MAX), pair.now)
    assert isinstance(send.message, Again)
    assert pair.a.metrics.repairs["busy"] == 1


def test_where_two_begin_at_once_the_session_of_the_lower_boot_id_goes_on(pair: Pair) -> None:
    want = Want(5, (), (), (), LEFT_MAX)
    (ours,) = pair.a.repair.on_want(pair.b.me, want, pair.now)
    (theirs,) = pair.b.repair.on_want(pair.a.me, want, pair.now)
    assert isinstance(ours.message, Again)
    assert isinstance(theirs.message, Again)
    assert pair.a.repair.on_again(pair.b.me, theirs.message, pair.now) == []
    assert pair.b.repair.on_again(pair.a.me, replace(ours.message, root=1), pair.now)


def test_where_both_ask_for_the_same_at_once_it_goes_one_way_and_comes_back(pair: Pair) -> None:
    pair.a.registry.open("set-1", GSet).add("from a")
    pair.b.registry.open("set-1", GSet).add("from b")
    pings = [pair.a.ping(pair.b, pair.now), pair.b.ping(pair.a, pair.now)]
    ((asked_a,), (asked_b,)) = (
        pair.a.repair.on_ping(pair.b.me, pings[1], pair.now),
        pair.b.repair.on_ping(pair.a.me, pings[0], pair.now),
    )
    assert isinstance(asked_a.message, Want)
    assert isinstance(asked_b.message, Want)
    assert pair.a.repair.on_want(pair.b.me, asked_b.message, pair.now) == []
    (given,) = pair.b.repair.on_want(pair.a.me, asked_a.message, pair.now)
    assert isinstance(given.message, Sync)
    assert pair.a.repair.on_want(pair.b.me, asked_b.message, pair.now)  # asked again, it is told


def test_what_was_asked_long_ago_crosses_nothing(pair: Pair) -> None:
    for side in (pair.a, pair.b):
        side.registry.open("set-1", GSet).add(side.name)
    pair.a.repair.on_ping(pair.b.me, pair.b.ping(pair.a, pair.now), pair.now)
    (asked,) = pair.b.repair.on_ping(pair.a.me, pair.a.ping(pair.b, pair.now), pair.now)
    assert isinstance(asked.message, Want)
    assert pair.a.repair.on_want(pair.b.me, asked.message, pair.now + CROSSING)


def test_equal_roots_end_a_session(pair: Pair) -> None:
    pair.a.repair.on_want(pair.b.me, Want(5, (), (), (), LEFT_MAX), pair.now)
    assert pair.a.repair.is_deep(pair.b.me, pair.now)
    pair.a.repair.on_ping(pair.b.me, pair.b.ping(pair.a, pair.now), pair.now)
    assert not pair.a.repair.is_deep(pair.b.me, pair.now)


def test_what_may_not_be_answered_and_whose_types_are_unknown_is_not(pair: Pair) -> None:
    assert pair.a.repair.on_again(pair.b.me, Again(5, (), (), (), 0), pair.now) == []
    pair.b.me.types = 77
    assert pair.a.repair.on_again(pair.b.me, Again(5, (), (), (), 20), pair.now) == []


def test_who_is_gone_is_forgotten(pair: Pair) -> None:
    place = pair.a.registry.fingerprints.place("gset@1", "set-1")
    for _ in range(3):
        pair.a.repair._strikes.strike(pair.b.me.boot, place, pair.now)
    pair.a.repair.on_want(pair.b.me, Want(5, (), (), (), LEFT_MAX), pair.now)
    pair.a.repair.broke(pair.b.me.boot)
    assert not pair.a.repair.is_deep(pair.b.me, pair.now)
    assert pair.a.repair.set_aside(pair.b.me, pair.now) == [("gset@1", "set-1")]
    pair.a.repair.forget(pair.b.me.boot)
    assert pair.a.repair.set_aside(pair.b.me, pair.now) == []


def test_the_first_want_fits_a_datagram(pair: Pair) -> None:
    for side in (pair.a, pair.b):
        for _ in range(3):
            fill(side, range(40 * (side.name == "b"), 40 + 40 * (side.name == "b")), pair.now)
    pair.probe()
    first = pair.sent[1]
    assert isinstance(first, Want)
    assert len(first.wanted) == 32
    assert len(first.recents) < 32
    assert pair.equal
