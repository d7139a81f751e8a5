"""Planted bugs of fingerprints, histories and repair: each is caught by a test of what it breaks."""

from collections.abc import Callable
import random
from typing import Any

import pytest

from crdt import GSet, ORSet
from crdtnode import fingerprints
from crdtnode.protocol import chunks, deep, parcels, repair, strikes
from crdtnode.registry import Registry, histories
from crdtnode.registry.histories import Histories
from crdtnode.registry.ledger import Ledger
from crdtnode.wire.messages import LEFT_MAX, Busy, Sync, Want
from tests.protocol.chaos import fingerprints_hold, histories_hold, remember_versions
from tests.protocol.pair import Pair, Side
from tests.protocol.registries import registry
from tests.protocol.wrong import Summing

Plant = Callable[[pytest.MonkeyPatch], None]
Check = Callable[[], None]


# What is to hold


def histories_are_true() -> None:
    """Two registries that write, join, remove and flush, looked at after each step."""
    chance = random.Random(5)
    pair = [registry(), registry()]
    seen: dict[int, object] = {}
    for one in pair:
        remember_versions(one, seen)
    for number in range(400):
        ours, theirs = chance.sample(pair, 2)
        step(ours, theirs, chance, number)
        assert histories_hold(ours, seen)


def step(ours: Registry, theirs: Registry, chance: random.Random, number: int) -> None:
    match chance.randrange(8):
        case 0 | 1:
            ours.open("tags", ORSet).add(chance.randrange(9))
        case 2:
            ours.open("tags", ORSet).discard(chance.randrange(9))
        case 3 | 4:
            ours.open("words", GSet).add(number)
        case 5:
            hn = theirs.fingerprints.place("orset@1", "tags")
            state = theirs.state(hn)
            if state is not None:
                ours.absorb(state[0], state[1], state[2], state[3], float(number))
        case 6 if chance.random() < 0.2:
            ours.delete("orset@1", "tags")
        case _:
            ours.flush(float(number))


def sums_are_true() -> None:
    """Each sum in a trie is the XOR of what is below it, and equal contents have equal roots."""
    chance = random.Random(3)
    prints = fingerprints.Fingerprints(b"salt")
    held: dict[int, int] = {}
    for number in range(600):
        hn = chance.choice(list(held)) if held and chance.random() < 0.4 else chance.getrandbits(64)
        held[hn] = chance.choice((0, number + 1))
        prints.set("gset@1", hn, held[hn], 0.0)
        if not held[hn]:
            del held[hn]
    anew = fingerprints.Fingerprints(b"salt")
    for hn, version in held.items():
        anew.set("gset@1", hn, version, 0.0)
    assert prints.root == anew.root
    for depth, prefix in [(0, 0), *((1, digit) for digit in range(16))]:
        assert prints.node("gset@1", depth, prefix) == anew.node("gset@1", depth, prefix)


def a_pair_agrees() -> None:
    """Two nodes with old and new differences, all of which a few probes end."""
    chance = random.Random(1)
    pair = Pair()
    for number in range(60):
        pair.a.registry.open(f"set-{number}", GSet).add(number)
    big = pair.a.registry.open("big", ORSet)
    big.update(f"element {number}" for number in range(1000))
    agree(pair)
    for side in (pair.a, pair.b):
        for number in range(40):
            side.registry.open("big", ORSet).add(f"{side.name} {number}")
            side.registry.open("big", ORSet).discard(f"element {chance.randrange(1000)}")
            side.registry.open(f"set-{chance.randrange(60)}", GSet).add(f"{side.name} {number}")
            side.registry.flush(pair.now)
    pair.now += 100
    agree(pair)


def agree(pair: Pair) -> None:
    for _ in range(4):
        pair.probe()
        pair.a, pair.b = pair.b, pair.a
    assert pair.equal
    states = [
        side.registry.state(side.registry.fingerprints.place("orset@1", "big"))
        for side in (pair.a, pair.b)
    ]
    assert states[0] == states[1]
    for side in (pair.a, pair.b):
        assert fingerprints_hold(side.registry)


def changes_cost_themselves() -> None:
    """After the same changes the set itself has not travelled again."""
    pair = Pair()
    big = pair.a.registry.open("big", GSet)
    big.update(f"element {number}" for number in range(2000))
    agree(pair)
    pair.now += 100
    pair.forget_what_was_sent()
    for side in (pair.a, pair.b):
        for number in range(30):
            side.registry.open("big", GSet).add(f"{side.name} {number}")
            side.registry.flush(pair.now)
    agree(pair)
    assert pair.bytes_sent < 3000


def contexts_cost_changes() -> None:
    """Without a common version, too, a set with contexts does not travel whole."""
    pair = Pair()
    big = pair.a.registry.open("big", ORSet)
    big.update(f"element {number}" for number in range(2000))
    agree(pair)
    pair.now += 100
    pair.forget_what_was_sent()
    for side in (pair.a, pair.b):
        side.registry.open("big", ORSet).add(f"{side.name} only")
        side.registry.flush(pair.now)
        side.registry.histories.forget(side.registry.fingerprints.place("orset@1", "big"))
    agree(pair)
    assert pair.bytes_sent < 3000


def what_never_agrees_falls_silent() -> None:
    pair = Pair()
    for side in (pair.a, pair.b):
        side.registry.open("odd", Summing).increment(1)
    for _ in range(12):
        pair.probe()
        pair.a, pair.b = pair.b, pair.a
    assert pair.probe() <= 2
    pair.a, pair.b = pair.b, pair.a
    assert pair.probe() <= 2


def what_is_set_aside_does_not_travel() -> None:
    """Not even in a session about something else."""
    pair = Pair()
    for side in (pair.a, pair.b):
        side.registry.open("odd", Summing).increment(1)
    for _ in range(12):
        pair.probe()
        pair.a, pair.b = pair.b, pair.a
    pair.forget_what_was_sent()
    for number in range(50):
        pair.b.registry.open(f"old-{number}", GSet).add(number)
    pair.b.registry.flush(pair.now)
    pair.now += 20
    for _ in range(2):
        pair.probe()
        pair.a, pair.b = pair.b, pair.a
    syncs = [message for message in pair.sent if isinstance(message, Sync)]
    assert "odd" not in {item.name for sync in syncs for item in sync.items}


def one_session_suffices() -> None:
    """Also for what both sides changed."""
    pair = Pair()
    for side in (pair.a, pair.b):
        side.registry.open("words", GSet).add(side.name)
    pair.probe()
    assert pair.equal


def a_lost_base_is_mended() -> None:
    """A version mistaken for another leaves two nodes unlike for a few probes at most."""
    pair = Pair()
    words = pair.a.registry.open("words", GSet)
    words.update(range(50))
    pair.probe()
    hn = pair.a.registry.fingerprints.place("gset@1", "words")
    words.add("lost")
    pair.a.registry.flush(pair.now)
    words.add("told")
    pair.a.registry.flush(pair.now)
    kept = pair.a.registry.histories._histories[hn]
    kept.steps = [kept.steps[1]._replace(before=pair.b.registry.fingerprints.get(hn))]
    for _ in range(4):
        pair.probe()
        pair.a, pair.b = pair.b, pair.a
    assert pair.equal


def a_silent_peer_keeps_nobody_busy() -> None:
    us, silent, other = Side("a"), Side("b"), Side("c")
    us.registry.open("words", GSet).add("red")
    us.registry.flush(0.0)
    want = Want(5, (), (), (), LEFT_MAX)
    assert us.repair.on_want(silent.me, want, 0.0)
    (send,) = us.repair.on_want(other.me, want, 10.0)
    assert not isinstance(send.message, Busy)


def a_fill_stays_within_bounds() -> None:
    """However slowly the peer joins, only so much is on its way."""
    pair = Pair()
    for number in range(2500):
        pair.b.registry.open(f"set-{number}", GSet).add("x" * 500)
    pair.b.registry.flush(pair.now)
    want = Want(0, (), (), (), LEFT_MAX)
    sends = pair.b.repair.on_want(pair.a.me, want, pair.now)
    while pair.b.repair.busy:
        sends += pair.b.repair.work(pair.now)
    assert sum(len(send.message.items) for send in sends if hasattr(send.message, "items")) < 2400


# What is planted


def attribute(owner: object, name: str, value: object) -> Plant:
    return lambda patch: patch.setattr(owner, name, value)


def keep_histories_over_lives(patch: pytest.MonkeyPatch) -> None:
    begin = Ledger.begin

    def beginning(self: Ledger, entry: Any, life: int) -> None:
        forget, self._histories.forget = self._histories.forget, lambda hn: None  # type: ignore[method-assign]
        begin(self, entry, life)
        self._histories.forget = forget  # type: ignore[method-assign]
        entry.versioned = life

    patch.setattr(Ledger, "begin", beginning)


def base_after_the_delta(patch: pytest.MonkeyPatch) -> None:
    record = Histories.record

    def recording(self: Histories, hn: int, before: int, payloads: Any) -> None:
        steps = self._histories[hn].steps if hn in self._histories else []
        record(self, hn, steps[-1].before if steps else before, payloads)

    patch.setattr(Histories, "record", recording)


def older_delta_lost_when_thinned(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(histories, "_together", lambda older, newer: older._replace(packed=newer.packed))


def arrivals_not_remembered(patch: pytest.MonkeyPatch) -> None:
    def arrived(self: Ledger, entry: Any, payloads: Any) -> None:
        entry.base = 0
        self._mark(entry)
        entry.news = entry.news or []

    patch.setattr(Ledger, "arrived", arrived)


def sums_without_removals(patch: pytest.MonkeyPatch) -> None:
    remove = fingerprints._Trie.remove

    def removing(self: Any, hn: int, version: int) -> None:
        remove(self, hn, version)
        self.alter(hn, version)

    patch.setattr(fingerprints._Trie, "remove", removing)


def root_alone(patch: pytest.MonkeyPatch) -> None:
    def alter(self: Any, hn: int, change: int) -> None:
        self.root ^= change

    patch.setattr(fingerprints._Trie, "alter", alter)


def answer_with_everything(patch: pytest.MonkeyPatch) -> None:
    def answer(self: Any, one: Any) -> Any:
        return repair.Give(one.place, lacking=True, of=one.version)

    patch.setattr(repair.Repair, "_answer", answer)


def no_answers(patch: pytest.MonkeyPatch) -> None:
    def answers(self: Any, member: Any, sync: Any, repaired: Any, tags: Any) -> Any:
        for place, version, lows in sync.wanted:
            yield self._chunks.towards(place, version, lows, asked=True)
        yield from self._compared(member, (*sync.nodes, *sync.sketches), tags)

    patch.setattr(repair.Repair, "_answers", answers)


def all_explained(patch: pytest.MonkeyPatch) -> None:
    def on_want(self: Any, member: Any, want: Any, now: float) -> Any:
        tasks = [self._chunks.towards(p, v, lows, asked=True) for p, v, lows in want.wanted]
        return self._go_on(member, tasks, want.left - 1, now)

    patch.setattr(repair.Repair, "on_want", on_want)


def trust_after_a_strike(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(strikes.Strikes, "doubtful", lambda self, boot, place: False)


def no_context_aboard(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Registry, "parts_since", lambda self, hn, context, limit_bytes: None)
    patch.setattr(Registry, "context", lambda self, hn: {})


def all_chunks_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(chunks, "AHEAD_MOST", 10**6)


def without_effect(self: Any, *args: Any) -> None:
    """Do nothing."""


BUGS: dict[str, tuple[Plant, Check]] = {
    "a history goes on over another life": (keep_histories_over_lives, histories_are_true),
    "a delta under the base before": (base_after_the_delta, histories_are_true),
    "neighbours lose the older delta": (older_delta_lost_when_thinned, histories_are_true),
    "what arrived is not remembered": (arrivals_not_remembered, histories_are_true),
    "a history without bound of steps": (
        attribute(Histories, "_thin", without_effect),
        histories_are_true,
    ),
    "sums keep what was removed": (sums_without_removals, sums_are_true),
    "only the root is kept": (root_alone, sums_are_true),
    "an answer is the whole state": (answer_with_everything, changes_cost_themselves),
    "no history at all": (attribute(Histories, "record", without_effect), changes_cost_themselves),
    "nobody names versions": (attribute(parcels, "LOWS_MOST", 0), changes_cost_themselves),
    "no contexts": (no_context_aboard, contexts_cost_changes),
    "items are not answered": (no_answers, one_session_suffices),
    "what changed lately is held for all": (all_explained, a_pair_agrees),
    "strikes are never given": (
        attribute(strikes.Strikes, "strike", lambda self, boot, place, now: 0.0),
        what_never_agrees_falls_silent,
    ),
    "what is set aside travels on": (
        attribute(strikes.Strikes, "left_alone", lambda self, boot, now: frozenset()),
        what_is_set_aside_does_not_travel,
    ),
    "a mistaken base is used again and again": (trust_after_a_strike, a_lost_base_is_mended),
    "a deep session never ends": (attribute(deep, "LEASE", 1e9), a_silent_peer_keeps_nobody_busy),
    "all chunks at once": (all_chunks_at_once, a_fill_stays_within_bounds),
}


CHECKS = {check.__name__: check for _, check in BUGS.values()}


@pytest.mark.parametrize("name", CHECKS)
def test_without_a_bug_every_check_passes(name: str) -> None:
    CHECKS[name]()


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, check = BUGS[name]
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        check()
