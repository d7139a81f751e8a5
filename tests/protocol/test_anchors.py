"""An object that both sides have in some version travels as what changed since."""

from typing import Any

import pytest

from crdt import GSet, ORSet, PNCounter, StateCRDT
from crdtnode.protocol import parcels
from crdtnode.protocol.effects import Event
from crdtnode.protocol.parcels import LOWS_MOST
from crdtnode.registry.histories import LOW
from crdtnode.wire import codec
from crdtnode.wire.messages import LEFT_MAX, Asked, Ctx, Form, Item, Sync, Want
from tests.protocol.pair import Pair, Side
from tests.protocol.wrong import Shuffled, Summing


@pytest.fixture
def pair() -> Pair:
    return Pair()


def same(pair: Pair, kind: type[Any], elements: int) -> tuple[Any, Any]:
    """A set in the same state on both sides, which they know to be so."""
    big = pair.a.registry.open("big", kind)
    big.update(f"element {number:04}" for number in range(elements))
    pair.probe()
    assert pair.equal
    pair.now += 100.0
    pair.forget_what_was_sent()
    return big, pair.b.registry.open("big", kind)


def items(pair: Pair) -> list[Item]:
    return [item for m in pair.sent if isinstance(m, Sync) for item in m.items]


def settle(pair: Pair) -> None:
    """Both sides probe until they agree, a few times at most."""
    for _ in range(4):
        pair.probe()
    assert pair.equal


@pytest.mark.parametrize("kind", [GSet, ORSet])
def test_an_add_to_a_large_set_costs_the_add(pair: Pair, kind: type[Any]) -> None:
    big, _ = same(pair, kind, 2000)
    big.add("new")
    pair.probe()
    assert pair.equal
    assert pair.kinds() == ["ping", "want", "sync"]
    assert pair.bytes_sent < 200
    (item,) = items(pair)
    assert (item.form, len(item.payloads)) == (Form.DELTAS, 1)


@pytest.mark.parametrize("kind", [GSet, ORSet])
def test_an_add_on_each_side_costs_the_two_adds(pair: Pair, kind: type[Any]) -> None:
    first, second = same(pair, kind, 2000)
    first.add("first")
    second.add("second")
    pair.probe()
    assert pair.equal
    assert first.value == second.value >= {"first", "second"}
    assert pair.kinds() == ["ping", "want", "sync", "sync"]
    assert pair.bytes_sent < 300
    there, back = items(pair)
    assert "second" not in str(there.payloads)
    assert "first" not in str(back.payloads)  # the asker had it from there
    assert (back.of, back.base) == (there.version, there.base)


def test_a_removal_on_one_side_and_an_add_on_the_other(pair: Pair) -> None:
    first, second = same(pair, ORSet, 2000)
    first.discard("element 0007")
    second.add("second")
    pair.probe()
    assert pair.equal
    assert "element 0007" not in second.value
    assert pair.bytes_sent < 300


@pytest.mark.parametrize("flushes", [1, 15, 40, 250])
@pytest.mark.parametrize("kind", [GSet, ORSet])
def test_a_long_partition_costs_what_was_added_and_not_the_set(
    pair: Pair, kind: type[Any], flushes: int
) -> None:
    first, second = same(pair, kind, 2000)
    for number in range(flushes):
        for side, one in ((pair.a, first), (pair.b, second)):
            one.add(f"{side.name} {number}")
            side.registry.flush(pair.now)
    pair.now += 100.0
    settle(pair)
    assert first.value == second.value
    assert pair.bytes_sent < 800 + 2 * flushes * 25


def test_who_is_ahead_is_asked_and_not_sent_what_is_old(pair: Pair) -> None:
    big, _ = same(pair, GSet, 2000)
    big.add("new")
    pair.a, pair.b = pair.b, pair.a  # the one that lags probes
    pair.probe()
    assert pair.equal
    assert [len(item.payloads) for item in items(pair)] == [1]
    assert pair.bytes_sent < 300


def test_the_low_halves_of_versions_are_shared_among_what_is_wanted(pair: Pair) -> None:
    registry = pair.a.registry
    for _ in range(20):
        for number in range(40):
            registry.open(f"visits-{number}", PNCounter).increment()
        registry.flush(pair.now)
    rows = [(hn, 1) for hn in registry.fingerprints.subtree("pncounter@1", 0, 0)]
    (one,) = pair.a.repair._parcels.wanted(rows[:1])
    versions = registry.histories.versions(one[0])
    assert one == (rows[0][0], 1, tuple(v & LOW for v in versions))
    assert 8 <= len(versions) <= LOWS_MOST
    assert {len(lows) for _, _, lows in pair.a.repair._parcels.wanted(rows)} == {4}
    assert {len(lows) for _, _, lows in pair.a.repair._parcels.wanted(rows * 20)} == {1}
    assert pair.a.repair._parcels.wanted(rows[:1], whole=[rows[0][0]]) == [(rows[0][0], 1, ())]


# Contexts


def part(pair: Pair, kind: type[Any]) -> tuple[Any, Any]:
    """The same set on both sides, whose histories have no version in common."""
    first, second = same(pair, kind, 2000)
    for side, one in ((pair.a, first), (pair.b, second)):
        one.update(f"{side.name} {number}" for number in range(20))
        if kind is ORSet:
            one.discard(f"element {side.name == 'a':04}")
        side.registry.flush(pair.now)
        hn = side.registry.fingerprints.place("orset@1", "big")
        side.registry.histories.forget(hn)
        side.registry.histories.forget(side.registry.fingerprints.place("gset@1", "big"))
    return first, second


def test_without_a_common_version_contexts_tell_what_lacks(pair: Pair) -> None:
    first, second = part(pair, ORSet)
    pair.probe()
    assert pair.equal
    assert first.value == second.value
    assert pair.kinds() == ["ping", "want", "ctx", "sync", "sync"]
    assert pair.bytes_sent < 1200
    there, back = items(pair)
    assert there.context is not None
    assert back.context is None
    assert back.of == there.version


def test_only_types_without_contexts_travel_whole(pair: Pair) -> None:
    first, second = part(pair, GSet)
    pair.probe()
    assert pair.equal
    assert first.value == second.value
    assert {item.form for item in items(pair)} == {Form.STATE}


def test_a_small_state_travels_whole_rather_than_cost_another_round_trip(pair: Pair) -> None:
    for side in (pair.a, pair.b):
        side.registry.open("small", ORSet).add(side.name)
    pair.probe()
    assert pair.equal
    assert pair.kinds() == ["ping", "want", "sync", "sync"]


def test_a_large_state_of_few_elements_is_asked_for_by_its_context(pair: Pair) -> None:
    first, second = same(pair, ORSet, 3)
    for side, one in ((pair.a, first), (pair.b, second)):
        one.add(side.name * 3000)
        side.registry.flush(pair.now)
        side.registry.histories.forget(side.registry.fingerprints.place("orset@1", "big"))
    pair.probe()
    assert pair.equal
    assert "ctx" in pair.kinds()


@pytest.mark.parametrize(("elements", "text"), [(2000, "x"), (20, "x" * 200), (20, "x" * 20_000)])
def test_a_context_that_is_too_long_is_not_told_and_the_state_travels(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, elements: int, text: str
) -> None:
    monkeypatch.setattr(parcels, "CONTEXT_BYTES_MOST", 10)
    for side in (pair.a, pair.b):
        side.registry.open("big", ORSet).update(f"{side.name} {n} {text}" for n in range(elements))
    pair.probe()
    assert pair.equal
    assert "ctx" not in pair.kinds()


def ask(side: Side, peer: Side, *asked: Asked, left: int = 20) -> list[Any]:
    sends = side.repair.on_ctx(peer.me, Ctx(asked, left), 0.0)
    return [send.message for send in sends]


def test_a_context_of_what_we_lack_or_had_removed_is_answered_by_asking(pair: Pair) -> None:
    assert ask(pair.a, pair.b, Asked(77, 1, 5, {})) == [Sync((), ((77, 0, ()),), (), 19)]
    pair.a.registry.open("tags", ORSet).add("red")
    pair.a.registry.flush(0.0)
    hn = pair.a.registry.fingerprints.place("orset@1", "tags")
    mine = pair.a.registry.fingerprints.get(hn)
    assert ask(pair.a, pair.b, Asked(hn, 3, 5, {})) == [Sync((), ((hn, mine, ()),), (), 19)]


def test_a_context_of_a_life_that_is_over_is_answered_with_the_whole(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.a.registry.open("tags", ORSet).add("red")
    pair.a.registry.flush(0.0)
    hn = pair.a.registry.fingerprints.place("orset@1", "tags")
    entry = pair.a.registry.entry(hn)
    monkeypatch.setattr(type(entry), "life", property(lambda self: 3))
    ((sync),) = ask(pair.a, pair.b, Asked(hn, 1, 5, {}))
    assert [(item.life, item.form) for item in sync.items] == [(3, Form.STATE)]


def test_what_is_equal_already_and_what_may_not_be_answered_is_not(pair: Pair) -> None:
    pair.a.registry.open("tags", ORSet).add("red")
    pair.a.registry.flush(0.0)
    hn = pair.a.registry.fingerprints.place("orset@1", "tags")
    assert ask(pair.a, pair.b, Asked(hn, 1, pair.a.registry.fingerprints.get(hn), {})) == []
    assert ask(pair.a, pair.b, Asked(hn, 1, 5, {}), left=0) == []
    pair.b.me.types = 77
    assert ask(pair.a, pair.b, Asked(hn, 1, 5, {})) == []


def test_what_is_no_context_is_answered_by_asking_for_theirs_or_with_the_whole(pair: Pair) -> None:
    pair.a.registry.open("tags", ORSet).add("red")
    pair.a.registry.flush(0.0)
    hn = pair.a.registry.fingerprints.place("orset@1", "tags")
    ((sync),) = ask(pair.a, pair.b, Asked(hn, 1, 5, "nonsense"))
    assert [item.form for item in sync.items] == [Form.STATE]
    pair.a.registry.open("tags", ORSet).update(range(1000))
    ((ctx),) = ask(pair.a, pair.b, Asked(hn, 1, 5, "nonsense"))
    assert isinstance(ctx, Ctx)


# What never agrees


@pytest.mark.parametrize("kind", [Summing, Shuffled])
def test_what_never_agrees_is_set_aside_and_costs_nothing_then(
    pair: Pair, kind: type[StateCRDT]
) -> None:
    never(pair, kind)
    striker, other = odds(pair)
    assert [event.kind for event in striker.events] == ["set-aside"]
    assert striker.repair.set_aside(other.me, pair.now) == [(kind_tag(kind), "odd")]
    pair.a, pair.b = striker, other
    assert [pair.probe() for _ in range(3)] == [1, 1, 1]
    assert other.repair.explains(striker.me, striker.ping(other, pair.now)) == 1
    pair.a, pair.b = other, striker
    pair.forget_what_was_sent()
    assert [pair.probe() for _ in range(3)] == [2, 2, 2]
    assert set(pair.kinds()) == {"ping", "want"}
    assert items(pair) == []


def odds(pair: Pair) -> tuple[Side, Side]:
    """Let both probe until one has set something aside; gives that one, and the other."""
    for _ in range(12):
        pair.probe()
        pair.a, pair.b = pair.b, pair.a
    ((striker, other),) = [
        (side, peer)
        for side, peer in ((pair.a, pair.b), (pair.b, pair.a))
        if side.repair.set_aside(peer.me, pair.now)
    ]
    return striker, other


@pytest.mark.parametrize("striker_probes", [True, False])
def test_what_is_set_aside_hides_no_other_difference(pair: Pair, striker_probes: bool) -> None:
    never(pair, Summing)
    striker, other = odds(pair)
    pair.forget_what_was_sent()
    pair.a, pair.b = (striker, other) if striker_probes else (other, striker)
    pair.a.registry.open("words", GSet).add("seen")
    pair.probe()
    assert [item.name for item in items(pair)] == ["words"]
    assert pair.b.registry.open("words", GSet).value == {"seen"}
    for number in range(50):
        pair.b.registry.open(f"old-{number}", GSet).add(number)
    pair.b.registry.flush(pair.now)
    pair.now += 20
    for _ in range(2):
        pair.probe()
    assert "odd" not in {item.name for item in items(pair)}
    assert len(pair.a.registry) == len(pair.b.registry) == 52


def test_after_a_minute_it_is_tried_again_once(pair: Pair) -> None:
    never(pair, Summing)
    striker, other = odds(pair)
    pair.now += 61
    pair.a, pair.b = striker, other
    assert pair.probe() > 2
    events = striker.events + other.events
    pair.forget_what_was_sent()
    for _ in range(6):
        pair.probe()
        pair.a, pair.b = pair.b, pair.a
    assert len(events) == len(striker.events + other.events) == 2
    assert items(pair) == []


def never(pair: Pair, kind: type[Any]) -> None:
    for side in (pair.a, pair.b):
        side.registry.open("odd", kind).increment(1)


def kind_tag(kind: type[Any]) -> str:
    return f"{kind.__name__.lower()}@1"


def test_an_answer_that_claims_a_wrong_version_is_a_strike(pair: Pair) -> None:
    pair.a.registry.open("words", GSet).add("red")
    pair.a.registry.flush(0.0)
    mine = pair.a.registry.version("gset@1", "words")
    lie = Item("gset@1", "words", 1, 0, Form.STATE, (["red"],), 99, of=mine)
    for _ in range(3):
        pair.a.sync(Sync((lie,), (), (), 20), pair.b, 0.0)
    assert pair.a.events == [
        Event(
            "set-aside",
            {"member": pair.b.me.name, "type": "gset@1", "name": "words", "seconds": 60.0},
        )
    ]


def test_an_answer_to_a_version_that_is_no_more_is_none(pair: Pair) -> None:
    pair.a.registry.open("words", GSet).add("red")
    late = Item("gset@1", "words", 1, 0, Form.STATE, (["blue"],), 99, of=98)
    for _ in range(3):
        pair.a.sync(Sync((late,), (), (), 20), pair.b, 0.0)
    assert pair.a.events == []
    assert pair.a.metrics.repairs["strike"] == 0


def test_what_is_refused_is_a_strike_and_not_answered(pair: Pair) -> None:
    bad = Item("gset@1", "words", 1, 0, Form.STATE, (["b", "a"],), 99)
    sends = [pair.a.sync(Sync((bad,), (), (), 20), pair.b, 0.0) for _ in range(3)]
    assert sends == [[], [], []]
    assert [event.kind for event in pair.a.events] == ["set-aside"]


def test_what_is_of_an_unknown_type_is_neither_answered_nor_a_strike(pair: Pair) -> None:
    odd = Item("odd@1", "words", 1, 0, Form.STATE, ([],), 99)
    assert pair.a.sync(Sync((odd,), (), (), 20), pair.b, 0.0) == []
    assert pair.a.metrics.repairs["strike"] == 0


def test_after_a_strike_the_object_travels_whole_until_both_agree(pair: Pair) -> None:
    big, _ = same(pair, GSet, 50)
    hn = pair.a.registry.fingerprints.place("gset@1", "big")
    big.add("new")
    pair.a.registry.flush(pair.now)
    for side, other in ((pair.a, pair.b), (pair.b, pair.a)):
        side.repair._strikes.strike(other.me.boot, hn, pair.now)
    pair.probe()
    assert pair.equal
    assert [item.form for item in items(pair)] == [Form.STATE]
    (want,) = (m for m in pair.sent if isinstance(m, Want))
    assert want.wanted == ((hn, want.wanted[0][1], ()),)


def test_a_base_mistaken_for_another_is_mended_by_the_whole_state(pair: Pair) -> None:
    """The low half of a version says nothing for sure; the version that results does."""
    first, second = same(pair, GSet, 50)
    hn = pair.a.registry.fingerprints.place("gset@1", "big")
    first.add("lost")
    pair.a.registry.flush(pair.now)
    pair.a.registry.histories.forget(hn)
    theirs = pair.b.registry.fingerprints.get(hn)
    first.add("told")
    pair.a.registry.flush(pair.now)
    step = pair.a.registry.histories._histories[hn].steps[0]
    pair.a.registry.histories._histories[hn].steps[0] = step._replace(before=theirs)
    for _ in range(4):
        pair.probe()
        pair.a, pair.b = pair.b, pair.a
    assert pair.equal
    assert first.value == second.value >= {"lost", "told"}


def test_an_answer_that_has_nothing_left_to_say_says_so(pair: Pair) -> None:
    """Where a version is not what it should be though nothing lacks, the answer is empty."""
    first, _ = same(pair, GSet, 50)
    base = pair.a.registry.version("gset@1", "big")
    odd = Item("gset@1", "big", 1, base, Form.DELTAS, (["new"],), 99)
    (send,) = pair.a.sync(Sync((odd,), (), (), 20), pair.b, pair.now)
    assert isinstance(send.message, Sync)
    (answer,) = send.message.items
    assert (answer.of, answer.payloads) == (99, ())
    assert first.value >= {"new"}


def test_what_cannot_be_encoded_is_not_sent_and_counted(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(item: Item) -> bytes:
        raise ValueError("2**70")

    pair.a.registry.open("words", GSet).add("red")
    monkeypatch.setattr(codec, "pack_item", refuse)
    pair.probe()
    assert pair.a.metrics.dropped["not encodable"] == 1
    assert not pair.equal


def test_a_type_that_cannot_say_what_it_holds_is_not_sent(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.a.registry.open("words", GSet).add("red")
    monkeypatch.setattr(pair.a.registry, "state", lambda hn: None)
    pair.probe()
    assert not pair.equal


def test_left_is_one_less_in_each_message(pair: Pair) -> None:
    part(pair, ORSet)
    pair.probe()
    left = [m.left for m in pair.sent if isinstance(m, Want | Ctx | Sync)]
    assert left == [LEFT_MAX - n for n in range(4)]
