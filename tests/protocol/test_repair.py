"""Whatever differs between two nodes that can talk is repaired."""

from collections.abc import Iterable
from dataclasses import replace
import random

import pytest

from crdt import GSet, LWWRegister, PNCounter
from crdtnode.config import Settings
from crdtnode.protocol import descent
from crdtnode.protocol.chunks import AHEAD_MOST, STALLED, TASKS_MOST, UNASKED
from crdtnode.protocol.descent import TURNS
from crdtnode.protocol.typesets import TypeSets
from crdtnode.wire import codec
from crdtnode.wire.messages import LEFT_MAX, Form, Item, Sync, TrieNode, Want
from tests.protocol.pair import Pair, Side
from tests.protocol.registries import registry
from tests.protocol.wrong import Summing


@pytest.fixture
def pair() -> Pair:
    return Pair()


@pytest.fixture(scope="module")
def crowd() -> Pair:
    """Two nodes with the same ten thousand objects, changed long ago."""
    pair = Pair()
    for number in range(10_000):
        for side in (pair.a, pair.b):
            side.registry.open(f"set-{number}", GSet).add(number)
    age(pair)
    return pair


def fill(side: Side, *numbers: int) -> None:
    for number in numbers:
        side.registry.open(f"set-{number}", GSet).add(f"{side.name} {number}")


def age(pair: Pair) -> None:
    """What changed until now is recent no more."""
    for side in (pair.a, pair.b):
        side.registry.flush(pair.now)
    pair.now += 100.0


def test_equal_states_exchange_no_data(pair: Pair) -> None:
    for side in (pair.a, pair.b):
        side.registry.open("tags", GSet).add("red")
    assert pair.probe() == 1


def test_a_recent_write_is_brought_in_two_messages(pair: Pair) -> None:
    fill(pair.a, 1)
    pair.probe()
    assert pair.equal
    assert pair.kinds() == ["ping", "want", "sync"]
    assert not pair.a.metrics.repairs["trie"]


def test_a_recent_write_on_the_other_side_too(pair: Pair) -> None:
    fill(pair.b, 1)
    pair.probe()
    assert pair.equal
    assert pair.kinds() == ["ping", "want", "sync", "sync"]
    assert not pair.a.metrics.repairs["trie"]


def test_an_object_changed_on_both_sides_is_answered_once(pair: Pair) -> None:
    pair.a.registry.open("visits", PNCounter).increment(3)
    pair.b.registry.open("visits", PNCounter).increment(4)
    pair.probe()
    assert pair.equal
    assert pair.kinds() == ["ping", "want", "sync", "sync"]
    assert pair.a.registry.open("visits", PNCounter).value == 7


def test_one_lost_write_among_many_objects_costs_no_descent(crowd: Pair) -> None:
    crowd.forget_what_was_sent()
    crowd.a.registry.open("set-77", GSet).add("lost")
    crowd.probe()
    assert crowd.equal
    assert crowd.kinds() == ["ping", "want", "sync"]
    assert crowd.bytes_sent < 400


@pytest.mark.parametrize("differing", [33, 300])
def test_old_differences_are_found_in_the_tries(pair: Pair, differing: int) -> None:
    chance = random.Random(differing)
    for number in range(2000):
        for side in (pair.a, pair.b):
            side.registry.open(f"set-{number}", GSet).add(number)
    for number in chance.sample(range(4000), differing):
        fill(chance.choice((pair.a, pair.b)), number)
    age(pair)
    pair.probe()
    assert pair.equal
    assert pair.b.metrics.repairs["trie"] + pair.a.metrics.repairs["trie"] == 1


def hide_differences(pair: Pair, turn: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let some objects differ, and all sums and versions be equal but for one of their words."""
    telling = descent._words

    def words(numbers: Iterable[int], turn_told: int) -> tuple[int, ...]:
        numbers = list(numbers)
        told = telling(numbers, turn_told)
        return told if turn_told == turn else tuple(7 if number else 0 for number in numbers)

    monkeypatch.setattr(descent, "_words", words)
    for number in range(300):
        for side in (pair.a, pair.b):
            side.registry.open(f"set-{number}", GSet).add(number)
    fill(pair.a, 5, 77)
    fill(pair.b, 200)
    age(pair)


def probes_until_equal(pair: Pair) -> int:
    """How many probes it takes, of ten at the most."""
    for count in range(1, 11):
        pair.probe()
        if pair.equal:
            return count
    return 99


@pytest.mark.parametrize("turn", range(TURNS))
def test_what_one_word_hides_the_next_sessions_find(
    pair: Pair, turn: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_differences(pair, turn, monkeypatch)
    assert probes_until_equal(pair) == turn + 1


def test_without_turns_a_difference_stays_hidden_for_ever(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(descent, "TURNS", 1)
    hide_differences(pair, 2, monkeypatch)
    assert probes_until_equal(pair) == 99


def test_a_thousand_of_ten_thousand_cost_a_few_round_trips_and_about_their_bytes(
    crowd: Pair,
) -> None:
    fill(crowd.a, *random.Random(1).sample(range(10_000), 1000))
    age(crowd)
    crowd.forget_what_was_sent()
    crowd.probe()
    assert crowd.equal
    answers = LEFT_MAX - min(m.left for m in crowd.sent if isinstance(m, (Want, Sync)))
    items = [item for m in crowd.sent if isinstance(m, Sync) for item in m.items]
    assert answers <= 9
    assert len(items) <= 2000  # twice where the one that lags shows its state first
    assert crowd.bytes_sent < 3 * len(codec.encode_items(items))


def test_an_empty_node_gets_everything_for_little_more_than_that(pair: Pair) -> None:
    for number in range(3000):
        pair.b.registry.open(f"set-{number}", GSet).add("x" * 50)
    age(pair)
    pair.probe()
    assert pair.equal
    items = [item for m in pair.sent if isinstance(m, Sync) for item in m.items]
    assert len(items) == 3000
    assert pair.bytes_sent < 1.1 * len(codec.encode_items(items))


def test_objects_that_one_side_lacks_are_given_from_both_sides(pair: Pair) -> None:
    fill(pair.a, *range(500))
    fill(pair.b, *range(400, 900))
    age(pair)
    pair.probe()
    assert pair.equal
    assert len(pair.a.registry) == 900


def test_a_chunk_ends_before_an_object_that_does_not_fit_it(pair: Pair) -> None:
    for number, size in reversed(list(enumerate((10, 15_000, 20_000, 25_000, 10)))):
        pair.a.registry.open(f"set-{number}", GSet).add("x" * size)
    pair.probe()
    assert pair.equal
    syncs = [m for m in pair.sent if isinstance(m, Sync) and m.items]
    sizes = [len(codec.encode(m)) for m in syncs]
    assert max(sizes) < Settings().chunk_bytes + 100
    assert len(sizes) in (3, 4)
    assert not any(m.more for m in syncs)  # so few are sent without asking for an answer


def test_an_object_larger_than_a_chunk_travels_alone(pair: Pair) -> None:
    for number, size in enumerate((10, 100_000, 10)):
        pair.a.registry.open(f"set-{number}", GSet).add("x" * size)
    pair.probe()
    assert pair.equal
    largest = max((m for m in pair.sent if isinstance(m, Sync)), key=lambda m: str(m).count("x"))
    assert len(largest.items) == 1


def test_what_no_message_carries_hinders_nothing_else() -> None:
    pair = Pair(a=Side("a", message_bytes_most=10_000))
    pair.a.registry.open("huge", GSet).add("x" * 11_000)
    fill(pair.a, *range(50))
    pair.probe()
    assert len(pair.b.registry) == 50
    assert pair.a.metrics.dropped["too large to send"]
    assert not pair.equal


def test_a_session_under_way_is_not_begun_anew() -> None:
    pair = Pair()
    for number in range(2500):
        pair.b.registry.open(f"set-{number}", GSet).add("x" * 500)
    age(pair)
    pair.a.registry.open("other", GSet).add(1)
    want = Want(0, (), (), (), LEFT_MAX)
    chunks = pair.b.repair.on_want(pair.a.me, want, pair.now)
    assert all(chunk.stream for chunk in chunks)
    assert pair.b.repair.on_ping(pair.a.me, pair.a.ping(pair.b, pair.now), pair.now) == []
    while pair.b.repair.busy:
        chunks += pair.b.repair.work(pair.now)
    assert len(chunks) == UNASKED + AHEAD_MOST
    pair.b.repair.broke(pair.a.me.boot)
    assert pair.b.repair.on_ping(pair.a.me, pair.a.ping(pair.b, pair.now), pair.now)


def unanswered(pair: Pair) -> list[Sync]:
    """The first chunks of a fill that the peer does not answer."""
    for number in range(3000):
        pair.b.registry.open(f"set-{number}", GSet).add("x" * 500)
    pair.b.registry.flush(pair.now)
    sends = pair.b.repair.on_want(pair.a.me, Want(0, (), (), (), LEFT_MAX), pair.now)
    while pair.b.repair.busy:
        sends += pair.b.repair.work(pair.now)
    return [send.message for send in sends if isinstance(send.message, Sync)]


def test_a_few_chunks_go_ahead_of_the_answers(pair: Pair) -> None:
    assert len(unanswered(pair)) == UNASKED + AHEAD_MOST
    for _ in range(10):
        assert not pair.b.repair.busy
        assert len(pair.b.sync(Sync((), (), (), 20), pair.a, pair.now)) == 1


def test_what_is_never_answered_is_given_up_and_begun_anew(pair: Pair) -> None:
    chunks = unanswered(pair)
    ping = pair.a.ping(pair.b, pair.now)
    assert pair.b.repair.on_ping(pair.a.me, ping, pair.now + STALLED) == []
    assert pair.b.repair.on_ping(pair.a.me, ping, pair.now + STALLED + 1)
    for number, chunk in enumerate(chunks):
        answered = pair.a.sync(chunk, pair.b, pair.now)  # what was joined stays
        assert bool(answered) == (number >= UNASKED)


def test_a_chunk_with_nothing_to_answer_is_answered_by_an_empty_message(pair: Pair) -> None:
    more = Sync((), (), (), 20, more=True)
    (send,) = pair.a.sync(more, pair.b, pair.now)
    assert (send.message, send.stream) == (Sync((), (), (), 19), True)
    assert pair.a.sync(Sync((), (), (), 20), pair.b, pair.now) == []


def test_only_so_many_tasks_wait_for_one_peer() -> None:
    side, peer = Side("b"), Side("a")
    fill(side, 1)
    side.registry.flush(0.0)
    rows = tuple((place, 1) for place in range(1, 1001))
    nodes = tuple(TrieNode("gset@1", 0, 0, (), rows, leaf=True) for _ in range(TASKS_MOST // 500))
    asked: set[int] = set()
    answers = 0
    sends = side.sync(Sync((), (), nodes, 20), peer, 0.0)
    while sends:
        for send in sends:
            assert isinstance(send.message, Sync)
            answers += len(send.message.wanted)
            asked.update(place for place, _, _ in send.message.wanted)
        sends = side.sync(Sync((), (), (), 20), peer, 0.0)
    assert len(asked) == 1000
    assert answers <= TASKS_MOST


def test_at_zero_nobody_answers(pair: Pair) -> None:
    fill(pair.a, 1)
    pair.a.registry.flush(0.0)
    item = Item("gset@1", "x", 1, 0, Form.STATE, (["y"],), 99)
    assert pair.a.sync(Sync((item,), (), (), 0), pair.b, 0.0) == []
    assert pair.a.repair.on_want(pair.b.me, Want(0, (), (), (), 0), 0.0) == []


def test_each_answer_leaves_one_less(pair: Pair) -> None:
    fill(pair.a, *range(100))
    fill(pair.b, *range(50, 150))
    age(pair)
    pair.probe()
    left = [m.left for m in pair.sent if isinstance(m, (Want, Sync))]
    assert left[0] == LEFT_MAX
    assert left == sorted(left, reverse=True)


def test_an_answer_is_never_answered(pair: Pair) -> None:
    fill(pair.a, 1)
    pair.a.registry.flush(0.0)
    item = Item("gset@1", "set-1", 1, 0, Form.STATE, (["other"],), 99, of=5)
    assert pair.a.sync(Sync((item,), (), (), 20), pair.b, 0.0) == []


def test_a_wrong_version_is_answered_with_the_true_state(pair: Pair) -> None:
    fill(pair.a, 1)
    pair.a.registry.flush(0.0)
    item = Item("gset@1", "set-1", 1, 0, Form.STATE, (["other"],), 99)
    (send,) = pair.a.sync(Sync((item,), (), (), 20), pair.b, 0.0)
    assert isinstance(send.message, Sync)
    (answer,) = send.message.items
    assert (answer.of, answer.version) == (99, pair.a.registry.version("gset@1", "set-1"))


def test_what_is_wanted_in_the_version_that_we_have_is_not_sent(pair: Pair) -> None:
    fill(pair.a, 1)
    pair.a.registry.flush(0.0)
    place = pair.a.registry.fingerprints.place("gset@1", "set-1")
    wanted = ((place, pair.a.registry.version("gset@1", "set-1"), ()), (77, 0, ()))
    assert pair.a.sync(Sync((), wanted, (), 20), pair.b, 0.0) == []


def test_what_is_wanted_and_only_the_peer_has_is_wanted_in_turn(pair: Pair) -> None:
    (send,) = pair.a.sync(Sync((), ((77, 5, ()),), (), 20), pair.b, 0.0)
    assert send.message == Sync((), ((77, 0, ()),), (), 19)


def test_with_a_peer_whose_types_are_not_known_nothing_is_compared(pair: Pair) -> None:
    fill(pair.a, 1)
    pair.a.registry.flush(0.0)
    stranger = pair.b.me
    stranger.types = 77
    ping = replace(pair.b.ping(pair.a, 1.0), root=5)
    assert pair.a.repair.recents(stranger, 1.0) == ()
    assert pair.a.repair.on_ping(stranger, ping, 1.0) == []
    assert pair.a.repair.on_want(stranger, Want(5, (), (), (), 20), 1.0) == []
    assert pair.a.repair.on_sync(stranger, Sync((), (), (), 20), [], 1.0) == []


def test_a_peer_that_does_not_know_our_types_says_no_root(pair: Pair) -> None:
    fill(pair.a, 1)
    pair.a.registry.flush(0.0)
    ping = replace(pair.b.ping(pair.a, 1.0), root=None)
    assert pair.a.repair.on_ping(pair.b.me, ping, 1.0) == []


def test_nodes_with_unlike_types_agree_on_those_that_both_know() -> None:
    few = registry(["gset@1"])
    pair = Pair(b=Side("b", registry=few))
    pair.a.typesets.learn(TypeSets(few).ours())
    pair.b.typesets.learn(pair.a.typesets.ours())
    fill(pair.a, 1)
    fill(pair.b, 2)
    pair.a.registry.open("visits", PNCounter).increment()
    pair.probe()
    assert sorted(pair.b.registry.names()) == [("gset@1", "set-1"), ("gset@1", "set-2")]
    assert len(pair.a.registry) == 3
    assert pair.probe() == 1
    age(pair)
    pair.a.registry.open("x", LWWRegister).assign(1)
    fill(pair.a, *range(100))
    age(pair)
    pair.probe()
    assert pair.probe() == 1


def test_a_large_reply_that_shows_many_branches_is_cut() -> None:
    pair = Pair(a=Side("a", settings=Settings(chunk_bytes=2000)))
    chance = random.Random(3)
    for number in range(3000):
        for side in (pair.a, pair.b):
            side.registry.open(f"set-{number}", GSet).add(number)
    for number in chance.sample(range(3000), 400):
        fill(pair.b, number)
    age(pair)
    while not pair.equal:
        assert pair.probe() > 1  # each session gets on


def test_the_sum_of_differences_may_look_like_none() -> None:
    """Recents that are the same on both sides explain nothing, and are not sent again."""
    pair = Pair()
    for side in (pair.a, pair.b):
        side.registry.open("same", GSet).add("red")
    fill(pair.a, 1)
    pair.probe()
    assert pair.equal
    items = [item.name for m in pair.sent if isinstance(m, Sync) for item in m.items]
    assert items == ["set-1"]


@pytest.mark.parametrize("seed", range(5))
def test_any_two_registries_become_equal_in_one_session(seed: int) -> None:
    chance = random.Random(seed)
    pair = Pair()
    for side in (pair.a, pair.b):
        for number in chance.sample(range(300), 200):
            if chance.random() < 0.5:
                side.registry.open(f"set-{number}", GSet).add(chance.randrange(3))
            else:
                side.registry.open(f"visits-{number}", PNCounter).increment()
        if chance.random() < 0.5:
            age(pair)
    assert pair.probe() <= LEFT_MAX
    assert pair.equal
    assert pair.probe() == 1


def test_a_type_that_never_agrees_ends_each_session() -> None:
    pair = Pair()
    pair.a.registry.open("sum", Summing).increment(1)
    pair.b.registry.open("sum", Summing).increment(1)
    for _ in range(20):
        fill(pair.a, len(pair.sent))
        assert pair.probe() <= 7
        assert set(pair.a.registry.names()) == set(pair.b.registry.names())
